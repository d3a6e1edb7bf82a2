"""Freezing: the papers of a meeting get a number, a moment and a hash, and their exact bytes for ever.

Printing takes seconds, so it is done beside the database: the reports are read and printed, and then frozen
in one short transaction, which is refused if any of them has changed meanwhile.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.calendar import Meeting
from archive.committees import Committee
from archive.events import FrozenReport, PacketFrozen, PacketPdf
from archive.forms import Forms
from archive.packets.archived import write_record
from archive.packets.contents import Packet
from archive.packets.drafting import Draft, Drafting, Table, Wish
from archive.packets.files import PACKET, SIP, files_of
from archive.packets.kept import holdings_of, packet_reports, packets, packets_of
from archive.packets.workroom import workroom
from archive.pdf import Press
from archive.reports import (
    AT_A_MEETING,
    change,
    filing,
    frozen_aside,
    place_of,
    record_act,
    reports,
    reports_for,
)
from archive.review import ReviewTrouble, SomeoneWasFirst
from chassis.clock import STOCKHOLM, Clock
from chassis.events import new_id
from chassis.folders import WatchedFolder
from chassis.objects import Kept, NoObject, Objects
from chassis.store import Store, Transaction

REPORTED = "report.reported"

KEPT_AT_ONCE = 4
"""Files of a packet: each holds up to ten mebibytes of memory, and mostly waits for the disk."""


class HeldUnresolved(ReviewTrouble):
    """Held reports are neither released nor knowingly left out."""


class NothingToFreeze(ReviewTrouble):
    """The meeting has no report that its newest packet does not hold already."""


class MeetingCancelled(ReviewTrouble):
    """Nobody meets, so there are no papers to freeze."""


class FileGone(ReviewTrouble):
    """A file that came with a report is not in the object store."""


class NoPacket(ReviewTrouble):
    """The meeting has no packet yet."""


class MeetingNotYet(ReviewTrouble):
    """Minutes are of a meeting that has begun."""


@dataclass
class Freezing:
    """Makes packets, and notes what the meeting did; raises `ReviewTrouble`, and then nothing is changed."""

    store: Store
    objects: Objects
    press: Press
    forms: WatchedFolder[Forms]
    clock: Clock
    on_frozen: Callable[[], None]
    """Called when a meeting takes no more reports, so that those left out go on to the next."""

    async def freeze(self, committee: Committee, meeting: Meeting, wish: Wish, by: str) -> Packet:
        """Freeze what goes to the meeting.

        Raises:
            StoreUnavailable: something could not be read or kept just now.
        """
        draft = await self._draft(committee, meeting, wish)
        kept = await self._kept(draft, committee)
        await self.store.write(partial(_freeze, draft, meeting, kept, by), [filing(committee.id)])
        self.on_frozen()
        return draft.packet

    async def note_minutes(self, committee: str, meeting: Meeting, paragraph: str, by: str) -> None:
        """Note the paragraph of the minutes: the newest packet's reports are reported now."""
        if self.clock() < datetime.combine(meeting.date, meeting.time, STOCKHOLM):
            raise MeetingNotYet
        await self.store.write(partial(_note_minutes, committee, meeting.date, paragraph, by))

    async def _kept(self, draft: Draft, committee: Committee) -> dict[str, Kept]:
        """The papers, and the record that an archive takes over, each kept under its hash."""
        async with workroom() as folder:
            try:
                files = await files_of(draft.packet, self.press, self.objects, folder)
            except NoObject:
                raise FileGone from None
            record = await write_record(draft, committee.archiving, self.forms.current, folder)
            return await self._kept_files({**files, SIP: record})

    async def _kept_files(self, files: Mapping[str, Path]) -> dict[str, Kept]:
        """Several at a time, as each waits for the disk."""
        turns = asyncio.Semaphore(KEPT_AT_ONCE)

        async def keep(path: Path) -> Kept:
            async with turns:
                return await self.objects.keep_file(path)

        kept = await asyncio.gather(*map(keep, files.values()))
        return dict(zip(files, kept, strict=True))

    async def _draft(self, committee: Committee, meeting: Meeting, wish: Wish) -> Draft:
        if meeting.cancelled:
            raise MeetingCancelled
        async with self.store.read() as connection:
            table = await table_of(connection, committee.id, meeting.date)
        if table.held and not wish.leave_out_held:
            raise HeldUnresolved
        if not table.fresh:
            raise NothingToFreeze
        drafting = Drafting(committee, meeting, self.forms.current, self.clock())
        return drafting.draft(new_id(), table, wish)


async def table_of(connection: AsyncConnection, committee: str, day: date) -> Table:
    """What lies on the meeting's table, as the next packet would have it."""
    rows = await reports_for(connection, committee, day)
    former = await packets_of(connection, committee, day)
    holdings = await holdings_of(connection, former[-1].id) if former else ()
    there = {row.submission_id for row in rows if row.status != "held"}
    gone = [holding for holding in holdings if holding.submission_id not in there]
    aside = await frozen_aside(connection, [(one.submission_id, one.revision) for one in gone])
    return Table(rows, former[-1] if former else None, holdings, aside)


async def _freeze(draft: Draft, meeting: Meeting, kept: Mapping[str, Kept], by: str, tx: Transaction) -> None:
    """Everything of it in one transaction, if the reports are still those that were printed."""
    await _see_that_nothing_changed(tx, draft)
    await tx.execute(insert(packets).values(**_packet(draft, meeting, kept, by)))
    frozen = {row.submission_id: await _freeze_report(tx, row, draft, by) for row in draft.table.fresh}
    holdings = [
        _holding(draft.packet.id, position, frozen.get(row.submission_id, row))
        for position, row in enumerate(draft.entries, 1)
    ]
    await tx.execute(insert(packet_reports), holdings)
    await tx.say(_told(draft, meeting, kept, holdings))


async def _see_that_nothing_changed(tx: Transaction, draft: Draft) -> None:
    """Raises `SomeoneWasFirst`."""
    query = (
        select(reports.c.submission_id, reports.c.version)
        .where(
            reports.c.committee == draft.packet.committee_id,
            reports.c.meeting_date == draft.packet.date,
            reports.c.status.in_(AT_A_MEETING),
        )
        .with_for_update()
    )
    printed = {(row.submission_id, row.version) for row in draft.table.rows}
    if {(row.submission_id, row.version) for row in await tx.all(query)} != printed:
        raise SomeoneWasFirst
    if await tx.one(select(packets.c.id).where(*_numbered(draft))) is not None:
        raise SomeoneWasFirst


def _numbered(draft: Draft) -> tuple[Any, ...]:
    packet = draft.packet
    return (
        packets.c.committee == packet.committee_id,
        packets.c.meeting_date == packet.date,
        packets.c.number == packet.number,
    )


def _packet(draft: Draft, meeting: Meeting, kept: Mapping[str, Kept], by: str) -> dict[str, Any]:
    packet = draft.packet
    return {
        "committee": packet.committee_id,
        "meeting_date": packet.date,
        "number": packet.number,
        "id": packet.id,
        "frozen_at": packet.frozen_at,
        "frozen_by": by,
        "sha256": kept[PACKET].sha256,
        "meeting": meeting.model_dump(mode="json"),
        "files": {name: asdict(file) for name, file in kept.items()},
        "agenda_number": packet.agenda_number,
        "diarienummer": packet.diarienummer,
        "left_out": list(packet.left_out),
        "changes": list(packet.changes),
    }


async def _freeze_report(tx: Transaction, row: Row[Any], draft: Draft, by: str) -> Row[Any]:
    rank = 1 + [entry.submission_id for entry in draft.entries].index(row.submission_id)
    frozen = await change(tx, row, status="frozen", rank=rank, corrects=None)
    await record_act(tx, row.submission_id, frozen.version, PacketFrozen.kind, by)
    return frozen


def _holding(packet_id: str, position: int, row: Any) -> dict[str, Any]:
    return {
        "packet_id": packet_id,
        "position": position,
        "submission_id": row.submission_id,
        "revision": row.revision,
        "version": row.version,
        "subject": row.subject,
    }


def _told(
    draft: Draft, meeting: Meeting, kept: Mapping[str, Kept], holdings: list[dict[str, Any]]
) -> PacketFrozen:
    place = place_of(draft.packet.committee_id, meeting)
    assert place is not None  # noqa: S101
    return PacketFrozen(
        submission_id=draft.packet.id,
        meeting=place,
        number=draft.packet.number,
        frozen_at=draft.packet.frozen_at,
        sha256=kept[PACKET].sha256,
        reports=[FrozenReport.model_validate(holding) for holding in holdings],
        pdf=PacketPdf(name=draft.packet.combined_name, **asdict(kept[PACKET])),
    )


async def _note_minutes(committee: str, day: date, paragraph: str, by: str, tx: Transaction) -> None:
    of_meeting = packets.c.committee == committee, packets.c.meeting_date == day
    newest = await tx.one(select(packets).where(*of_meeting).order_by(packets.c.number.desc()).limit(1))
    if newest is None:
        raise NoPacket
    await tx.execute(update(packets).where(packets.c.id == newest.id).values(paragraph=paragraph))
    in_it = select(packet_reports.c.submission_id).where(packet_reports.c.packet_id == newest.id)
    query = select(reports).where(
        reports.c.submission_id.in_(in_it),
        reports.c.meeting_date == day,
        reports.c.status.in_(["frozen", "reported"]),
    )
    for row in await tx.all(query.with_for_update()):
        reported = await change(tx, row, status="reported", paragraph=paragraph)
        await record_act(tx, row.submission_id, reported.version, REPORTED, by, paragraph)
