"""When the calendar changes, what is not frozen follows it: to another meeting, or to none yet."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.engine import Row

from archive.calendar import Meeting, day_in_words, is_late, meeting_for
from archive.committees import Committee
from archive.events import ReportMoved
from archive.handlers import Registry, told_of
from archive.packets.kept import has_packet_with, packets_on
from archive.reports import WAITING, change, record_act, reports
from chassis.clock import day_in_stockholm
from chassis.store import Store, Transaction

log = structlog.get_logger()

LOOK_EVERY_S = 600.0
"""A calendar changes when somebody saves it, which is heard at once; this is for what was missed."""


@dataclass
class Refiling:
    """Looks at every report that waits for a meeting whenever a committee's file has changed."""

    store: Store
    registry: Registry
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.registry.committees.on_change(self.look)

    def look(self) -> None:
        """Look soon: something has changed that decides where reports go."""
        self._changed.set()

    async def run(self) -> None:
        """Put every report where the calendar says, now and after each change, until cancelled."""
        while True:
            self._changed.clear()
            for committee in self.registry.committees.current.values():
                await self.refile(committee)
            await self._until_changed()

    async def refile(self, committee: Committee) -> int:
        """Move the committee's reports that belong elsewhere; tells how many."""
        moved = await self.store.write(partial(self._refile, committee))
        if moved:
            log.info("reports.moved", committee=committee.id, count=moved)
        return moved

    async def _refile(self, committee: Committee, tx: Transaction) -> int:
        still_open = await self.registry.open_meetings(tx, committee)
        closed = await packets_on(tx, committee.id)
        query = (
            select(reports)
            .where(reports.c.committee == committee.id, reports.c.status.in_(WAITING))
            .order_by(reports.c.arrived_at, reports.c.submission_id)
            .with_for_update()
        )
        astray = [
            (report, meeting)
            for report in await tx.all(query)
            if not await self._stays(tx, committee, report, closed)
            for meeting in [meeting_for(still_open, report.arrived_at, self.registry.clock())]
            if (meeting.date if meeting else None) != report.meeting_date
        ]
        for report, meeting in astray:
            await self._move(tx, committee, report, meeting)
        return len(astray)

    async def _stays(
        self, tx: Transaction, committee: Committee, report: Row[Any], closed: Collection[date]
    ) -> bool:
        """Whether it was on the table of a meeting that is over, or a person put it where it still can be.

        A meeting that is over has had what was filed with it, also when the calendar has forgotten it; but
        one with a packet has had only what is frozen. `closed` are the days that have packets.
        """
        day, at = report.meeting_date, committee.meeting_on(report.meeting_date)
        if day is None or (at is not None and at.cancelled):
            return False
        if day < day_in_stockholm(self.registry.clock()):
            return report.status == "filed" and day not in closed
        if at is None or not report.placed:
            return False
        return day not in closed or await has_packet_with(tx, report, day)

    async def _move(
        self, tx: Transaction, committee: Committee, report: Row[Any], meeting: Meeting | None
    ) -> None:
        reason = _why(committee.meeting_on(report.meeting_date), meeting)
        changed = await change(
            tx,
            report,
            meeting_date=meeting.date if meeting else None,
            late=is_late(committee.meetings, report.arrived_at),
            placed=False,
            rank=None,
        )
        await record_act(tx, report.submission_id, changed.version, ReportMoved.kind, reason=reason)
        await tx.say(
            ReportMoved(
                **told_of(changed, meeting),
                status=changed.status,
                reason=reason,
                moved_from=report.meeting_date,
                by="calendar",
            )
        )

    async def _until_changed(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._changed.wait()
        except TimeoutError:
            return


def _why(at: Meeting | None, meeting: Meeting | None) -> str:
    """What the secretary reads of it, in the history of the report."""
    if at is not None and at.cancelled:
        why = f"Sammanträdet {day_in_words(at.date)} är inställt."
    elif at is None:
        why = "Nämndens kalender har ändrats."
    else:
        why = f"Sammanträdet {day_in_words(at.date)} tar inte längre emot rapporten."
    if meeting is None:
        return f"{why} Rapporten väntar på att nästa sammanträde läggs in."
    return f"{why} Rapporten går till sammanträdet {day_in_words(meeting.date)}."
