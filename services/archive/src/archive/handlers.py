"""What the archive does with a judged submission: file it with a meeting, or hold it for the secretary."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy.engine import Row

from archive.calendar import Meeting, is_late, meeting_for
from archive.committees import Committee, Committees
from archive.events import (
    ReportFiled,
    ReportHeld,
    ReportReleased,
    ReportReturned,
    SubmissionAccepted,
)
from archive.reports import change_status, known, place_of, record_act, store_report
from chassis.clock import Clock
from chassis.consumer import Subscription
from chassis.folders import WatchedFolder
from chassis.outcomes import TryLater
from chassis.store import Transaction

Acted = TypeVar("Acted", ReportReleased, ReportReturned)

CONFIG_MAY_COME = timedelta(minutes=1)
"""A committee that is not in the configuration yet is mostly on its way there."""


class ReviewTrouble(Exception):
    """What the secretary asked for cannot be done."""


class NoReport(ReviewTrouble):
    """There is no such report."""


class SomeoneWasFirst(ReviewTrouble):
    """Another person has changed the report since it was looked at."""


class NotInThisState(ReviewTrouble):
    """The report is not in a state in which this can be done to it."""


@dataclass
class Registry:
    """The service's work: where a report goes, and what a secretary may do to it."""

    committees: WatchedFolder[Committees]
    clock: Clock

    def reads(self) -> list[Subscription[Any]]:
        return [Subscription(SubmissionAccepted, self.file_report, lambda event: [event.submission_id])]

    async def file_report(
        self, event: SubmissionAccepted, tx: Transaction
    ) -> ReportFiled | ReportHeld | None:
        """File it with the first meeting it was in time for; a revision that comes late changes nothing."""
        before = await known(tx, event.submission_id)
        if before is not None and before.revision >= event.revision:
            return None
        committee = self._committee(event.committee)
        meeting = meeting_for(committee.meetings, event.arrived_at, self.clock())
        late = is_late(committee.meetings, event.arrived_at)
        version = before.version + 1 if before else 1
        await store_report(tx, event, version, meeting, late)
        kind = ReportFiled if event.outcome == "accepted" else ReportHeld
        await record_act(tx, event.submission_id, version, kind.kind)
        return kind(
            **event.model_dump(include=_PASSED_ON),
            version=version,
            late=late,
            meeting=place_of(event.committee, meeting),
            findings=event.findings,
            submitter=event.submitter,
        )

    async def release(
        self, tx: Transaction, submission_id: str, version: int, reason: str, by: str
    ) -> ReportReleased:
        """Let a held report go to the meeting that it was in time for, or to the next that is left."""
        report = await self._looked_at(tx, submission_id, version, ("held",))
        committee = self._committee(report.committee)
        meeting = meeting_for(committee.meetings, report.arrived_at, self.clock())
        changed = await change_status(
            tx, report, "filed", meeting, is_late(committee.meetings, report.arrived_at)
        )
        return await self._acted(tx, ReportReleased, changed, meeting, reason, by)

    async def send_back(
        self, tx: Transaction, submission_id: str, version: int, reason: str, by: str
    ) -> ReportReturned:
        """Return the report to its sender, who is told why; it leaves the meeting."""
        report = await self._looked_at(tx, submission_id, version, ("held", "filed"))
        changed = await change_status(tx, report, "returned", None, report.late)
        return await self._acted(tx, ReportReturned, changed, None, reason, by)

    async def _looked_at(
        self, tx: Transaction, submission_id: str, version: int, states: tuple[str, ...]
    ) -> Row[Any]:
        """The report as the secretary saw it.

        Raises:
            NoReport, SomeoneWasFirst, NotInThisState: and nothing is changed.
        """
        report = await known(tx, submission_id)
        if report is None:
            raise NoReport
        if report.version != version:
            raise SomeoneWasFirst
        if report.status not in states:
            raise NotInThisState
        return report

    async def _acted(
        self,
        tx: Transaction,
        kind: type[Acted],
        report: Row[Any],
        meeting: Meeting | None,
        reason: str,
        by: str,
    ) -> Acted:
        await record_act(tx, report.submission_id, report.version, kind.kind, by, reason)
        event = kind(
            **{name: getattr(report, name) for name in _PASSED_ON},
            version=report.version,
            late=report.late,
            meeting=place_of(report.committee, meeting),
            findings=report.findings,
            submitter=report.submitter,
            reason=reason,
        )
        await tx.say(event)
        return event

    def _committee(self, committee_id: str) -> Committee:
        committee = self.committees.current.get(committee_id)
        if committee is None:
            raise TryLater(f"no committee {committee_id} in the configuration", CONFIG_MAY_COME)
        return committee


_PASSED_ON = {
    "submission_id",
    "revision",
    "form",
    "committee",
    "title",
    "subject",
    "reference",
    "unit",
    "unit_name",
    "event_date",
    "arrived_at",
}
