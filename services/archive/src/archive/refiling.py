"""When the calendar changes, what is not frozen follows it: to another meeting, or to none yet."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.engine import Row

from archive.calendar import Meeting, day_in_words, is_late, is_over, meeting_for
from archive.committees import Committee
from archive.events import ReportMoved
from archive.handlers import Registry, told_of
from archive.reports import change, record_act, reports
from chassis.store import Store, Transaction

log = structlog.get_logger()

LOOK_EVERY_S = 600.0
"""A calendar changes when somebody saves it, which is heard at once; this is for what was missed."""

WAITING = ("filed", "held")


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
        query = (
            select(reports)
            .where(reports.c.committee == committee.id, reports.c.status.in_(WAITING))
            .order_by(reports.c.arrived_at, reports.c.submission_id)
            .with_for_update()
        )
        astray = [
            (report, meeting)
            for report in await tx.all(query)
            for meeting in [self._belongs_to(committee, report, still_open)]
            if (meeting.date if meeting else None) != report.meeting_date
        ]
        for report, meeting in astray:
            await self._move(tx, committee, report, meeting)
        return len(astray)

    def _belongs_to(
        self, committee: Committee, report: Row[Any], still_open: Sequence[Meeting]
    ) -> Meeting | None:
        """Its meeting; a person's choice stands, and so does what was on the table of a meeting now over."""
        now = self.registry.clock()
        at = committee.meeting_on(report.meeting_date)
        if at is not None and not at.cancelled:
            was_on_the_table = is_over(at, now) and report.status == "filed"
            if was_on_the_table or (report.placed and not is_over(at, now)):
                return at
        return meeting_for(still_open, report.arrived_at, now)

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
        await tx.say(ReportMoved(**told_of(changed, meeting), reason=reason, moved_from=report.meeting_date))

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
