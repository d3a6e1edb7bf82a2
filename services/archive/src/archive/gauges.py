"""What waits for the committees' meetings and when their next deadline is, for Prometheus."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import structlog
from prometheus_client import CollectorRegistry, Gauge

from archive.committees import Committee, Committees
from archive.reports import WAITING, waiting_by_status
from chassis.clock import Clock, day_in_stockholm
from chassis.folders import WatchedFolder
from chassis.store import Store, StoreUnavailable

log = structlog.get_logger()

LOOK_EVERY_S = 60.0


@dataclass(frozen=True)
class Waiting:
    """The duty of counting the reports that wait, per committee, and of telling the next deadlines."""

    store: Store
    committees: WatchedFolder[Committees]
    clock: Clock
    reports: Gauge
    deadline: Gauge

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """The deadlines stand in files, and are told also while the database is away."""
        committees = tuple(self.committees.current.values())
        self._show_deadlines(committees)
        try:
            await self._show_reports(committees)
        except StoreUnavailable as away:
            log.warning("store.unavailable", duty="reports waiting", reason=str(away))

    def _show_deadlines(self, committees: Sequence[Committee]) -> None:
        """A committee without a coming deadline has none to show."""
        self.deadline.clear()
        for committee in committees:
            if moment := next_deadline(committee, self.clock()):
                self.deadline.labels(committee.id).set(moment.timestamp())

    async def _show_reports(self, committees: Sequence[Committee]) -> None:
        today = day_in_stockholm(self.clock())
        counts = {committee.id: await self._count(committee.id, today) for committee in committees}
        self.reports.clear()
        for committee, by_status in counts.items():
            for status in WAITING:
                self.reports.labels(committee, status).set(by_status.get(status, 0))

    async def _count(self, committee: str, today: date) -> dict[str, int]:
        async with self.store.read() as connection:
            return await waiting_by_status(connection, committee, today)


def next_deadline(committee: Committee, now: datetime) -> datetime | None:
    """The next one that has not passed, of a meeting that takes place."""
    coming = (meeting.deadline for meeting in committee.meetings if not meeting.cancelled)
    return min((deadline for deadline in coming if deadline >= now), default=None)


def report_gauges(registry: CollectorRegistry) -> tuple[Gauge, Gauge]:
    """The reports that wait, by committee and status; and the next deadlines, by committee."""
    reports = Gauge(
        "kansli_reports_waiting",
        "Reports that wait for a meeting that is still to be held, or for one to be put in the calendar",
        ["committee", "status"],
        registry=registry,
    )
    deadline = Gauge(
        "kansli_deadline_timestamp_seconds",
        "The committee's next deadline, in seconds since 1970",
        ["committee"],
        registry=registry,
    )
    return reports, deadline
