"""Disposal (gallring) in two steps: somebody proposes what may go, and it goes when it is asked for again.

What may go is a meeting's packets whose time is over by the committee's plan and whose minutes are noted:
nothing that has not been delivered to the committee is ever removed. The row of a packet stays, with its
hashes and the decision; so does the row of a report, without what anybody wrote; so does the proof.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import JSON, Column, String, Table, Text, delete, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.committees import Committee
from archive.packets.kept import packet_reports, packets
from archive.reports import change, metadata, originals, record_act, reports, set_aside
from archive.seen import seen
from chassis.clock import day_in_stockholm
from chassis.errands import Conclude, Errand, ErrandKind
from chassis.objects import Objects
from chassis.outcomes import Answer
from chassis.store import Transaction
from chassis.store.tables import Moment, RowNumber

log = structlog.get_logger()

disposals = Table(
    "disposals",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("committee", String, nullable=False, index=True),
    Column("state", String, nullable=False),
    Column("rule", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("packets", JSON, nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("closed_at", Moment),
    Column("closed_by", String),
    Column("removed_at", Moment),
)
"""One row per proposal, kept for good: what was removed, when, by whom, and by which rule and decision.

`state` is proposed, withdrawn or carried-out. `packets` tells of each packet its meeting, number, hash, the
hashes of its files, and which reports it held. `removed_at` is when the last of the bytes were gone.
"""

DISPOSED = "report.disposed"
REMOVAL = "removal"
LEASE = timedelta(minutes=10)
"""A meeting's files are some hundreds, and one is removed in milliseconds."""

_REMOVED = "Gallrad"
_NOTHING_LEFT = {
    "subject": _REMOVED,
    "submitter": {"name": _REMOVED, "email": None},
    "data": {},
    "findings": [],
    "attachments": [],
}


class DisposalTrouble(Exception):
    """What was asked for cannot be done, and nothing is changed."""


class NothingIsDue(DisposalTrouble):
    """By the committee's plan there is nothing that may be removed today."""


class AlreadyProposed(DisposalTrouble):
    """A proposal waits: it is carried out or withdrawn before another is made."""


class NoProposal(DisposalTrouble):
    """There is no such proposal, or it is closed."""


class NoLongerDue(DisposalTrouble):
    """Since it was proposed the plan or the packets have changed, so that something of it may not go."""


async def propose(tx: Transaction, committee: Committee, by: str) -> int:
    """List what may be removed today; returns the proposal's number.

    Raises:
        NothingIsDue, AlreadyProposed: and nothing is written.
    """
    waiting = select(disposals.c.id).where(
        disposals.c.committee == committee.id, disposals.c.state == "proposed"
    )
    if await tx.one(waiting) is not None:
        raise AlreadyProposed
    due = await _due(tx, committee)
    if not due:
        raise NothingIsDue
    made = insert(disposals).values(
        committee=committee.id,
        state="proposed",
        rule=committee.disposal.rule,
        decision=committee.disposal.decision,
        packets=[await _told_of(tx, packet) for packet in due],
        proposed_at=tx.clock(),
        proposed_by=by,
    )
    number: int = (await tx.execute(made.returning(disposals.c.id))).scalar_one()
    return number


async def withdraw(tx: Transaction, committee: Committee, number: int, by: str) -> None:
    """Leave everything as it is; raises `NoProposal`."""
    await _close(tx, await _proposed(tx, committee, number), "withdrawn", by)


async def carry_out(tx: Transaction, committee: Committee, number: int, by: str) -> None:
    """Remove what was proposed; the bytes go after the commit.

    Raises:
        NoProposal, NoLongerDue: and nothing is removed.
    """
    proposal = await _proposed(tx, committee, number)
    due = {packet.id: packet for packet in await _due(tx, committee)}
    going = [due[told["id"]] for told in proposal.packets if told["id"] in due]
    if len(going) < len(proposal.packets) or not _is_the_plan(committee, proposal):
        raise NoLongerDue
    await _remove_packets(tx, proposal, by)
    await _remove_reports(tx, proposal, by)
    await _close(tx, proposal, "carried-out", by)
    payload = {"disposal": number, "objects": await _objects_of_none(tx, going)}
    await tx.send_on_errand(REMOVAL, str(number), payload)


async def disposals_of(connection: AsyncConnection, committee: str) -> Sequence[Row[Any]]:
    """Every proposal of the committee, the newest first."""
    query = select(disposals).where(disposals.c.committee == committee)
    return (await connection.execute(query.order_by(disposals.c.id.desc()))).all()


@dataclass(frozen=True)
class Removal:
    """Removes the bytes of what was disposed of: as an errand, since no rollback brings them back."""

    objects: Objects

    @property
    def kind(self) -> ErrandKind:
        return ErrandKind(REMOVAL, self.perform, LEASE)

    async def perform(self, errand: Errand) -> Conclude:
        """Raises `StoreUnavailable` while they cannot be removed; what is gone already is no trouble."""
        names: Sequence[str] = errand.payload["objects"]
        for name in names:
            await self.objects.remove(name)
        log.info("disposal.finished", disposal=errand.payload["disposal"], files=len(names))
        return partial(_note_removed, errand.payload["disposal"])


async def _note_removed(number: int, tx: Transaction) -> Answer:
    done = update(disposals).where(disposals.c.id == number)
    await tx.execute(done.values(removed_at=tx.clock()))
    return None


async def _due(tx: Transaction, committee: Committee) -> list[Row[Any]]:
    """The packets that may go today, oldest meeting first."""
    query = (
        select(packets)
        .where(packets.c.committee == committee.id, packets.c.removed_at.is_(None))
        .order_by(packets.c.meeting_date, packets.c.number)
        .with_for_update()
    )
    standing = await tx.all(query)
    delivered = _delivered(standing)
    today = day_in_stockholm(tx.clock())
    return [
        packet
        for packet in standing
        if packet.meeting_date in delivered and _is_over(committee, packet.meeting_date, today)
    ]


def _delivered(standing: Sequence[Row[Any]]) -> set[date]:
    """The meetings whose last packet has its paragraph in the minutes; earlier ones it replaced."""
    last = {packet.meeting_date: packet for packet in standing}
    return {day for day, packet in last.items() if packet.paragraph}


def _is_over(committee: Committee, meeting: date, today: date) -> bool:
    due_from = committee.disposal.due_from(meeting)
    return due_from is not None and today >= due_from


def _is_the_plan(committee: Committee, proposal: Row[Any]) -> bool:
    """Whether the plan is still the one by which it was proposed."""
    plan = committee.disposal
    return (plan.rule, plan.decision) == (proposal.rule, proposal.decision)


async def _told_of(tx: Transaction, packet: Row[Any]) -> dict[str, Any]:
    """What the proof tells of a packet: nothing that anybody wrote."""
    query = (
        select(packet_reports.c.submission_id, packet_reports.c.revision, reports.c.diarienummer)
        .join(reports, reports.c.submission_id == packet_reports.c.submission_id)
        .where(packet_reports.c.packet_id == packet.id)
        .order_by(packet_reports.c.position)
    )
    return {
        "id": packet.id,
        "meeting": packet.meeting_date.isoformat(),
        "number": packet.number,
        "sha256": packet.sha256,
        "files": {name: file["sha256"] for name, file in packet.files.items()},
        "reports": [dict(row._mapping) for row in await tx.all(query)],
    }


async def _proposed(tx: Transaction, committee: Committee, number: int) -> Row[Any]:
    query = select(disposals).where(
        disposals.c.id == number,
        disposals.c.committee == committee.id,
        disposals.c.state == "proposed",
    )
    proposal = await tx.one(query.with_for_update())
    if proposal is None:
        raise NoProposal
    return proposal


async def _close(tx: Transaction, proposal: Row[Any], state: str, by: str) -> None:
    closed = update(disposals).where(disposals.c.id == proposal.id)
    await tx.execute(closed.values(state=state, closed_at=tx.clock(), closed_by=by))


async def _remove_packets(tx: Transaction, proposal: Row[Any], by: str) -> None:
    ids = [told["id"] for told in proposal.packets]
    removal = {"disposal": proposal.id, "decision": proposal.decision, "rule": proposal.rule, "by": by}
    gone = {"removed_at": tx.clock(), "removal": removal, "changes": [], "left_out": []}
    await tx.execute(update(packets).where(packets.c.id.in_(ids)).values(**gone))
    held = update(packet_reports).where(packet_reports.c.packet_id.in_(ids))
    await tx.execute(held.values(subject=_REMOVED))


async def _remove_reports(tx: Transaction, proposal: Row[Any], by: str) -> None:
    """Empty the reports that no standing packet holds; a later revision in one keeps its report."""
    named = {report["submission_id"] for told in proposal.packets for report in told["reports"]}
    kept = select(packet_reports.c.submission_id).join(packets, packets.c.id == packet_reports.c.packet_id)
    query = select(reports).where(
        reports.c.submission_id.in_(named),
        reports.c.status == "reported",
        reports.c.submission_id.not_in(kept.where(packets.c.removed_at.is_(None))),
    )
    for report in await tx.all(query.with_for_update()):
        await _empty(tx, report, proposal.decision, by)


async def _empty(tx: Transaction, report: Row[Any], decision: str, by: str) -> None:
    for table in (originals, set_aside, seen):
        await tx.execute(delete(table).where(table.c.submission_id == report.submission_id))
    emptied = await change(tx, report, **_NOTHING_LEFT)
    await record_act(tx, report.submission_id, emptied.version, DISPOSED, by, decision)


async def _objects_of_none(tx: Transaction, going: Sequence[Row[Any]]) -> list[str]:
    """The objects of the packets' own files that no standing packet uses.

    What came with a report lies in the store that is shared with intake, and the archive cannot know
    whether the same bytes are on their way to it again: they are not its own to remove.
    """
    standing = await tx.all(select(packets.c.files).where(packets.c.removed_at.is_(None)))
    used = {name for row in standing for name in _objects(row.files)}
    return sorted({name for packet in going for name in _objects(packet.files)} - used)


def _objects(files: Mapping[str, Any]) -> set[str]:
    return {file["object"] for file in files.values()}
