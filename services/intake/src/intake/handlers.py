"""What intake does when it hears of the submissions that it took: their status is kept and handed back."""

from dataclasses import dataclass
from typing import Any

from chassis.consumer import Subscription
from chassis.store import Transaction
from intake.events import (
    FrozenReport,
    NotificationBounced,
    NotificationFailed,
    NotificationSent,
    PacketFrozen,
    ReportEvent,
    ReportFiled,
    ReportHeld,
    ReportMoved,
    ReportReleased,
    ReportReturned,
    SubmissionRejected,
)
from intake.handback import HandBacks, News, rejection_message, return_message
from intake.scanning import is_unscanned
from intake.submissions import (
    leave_unscanned,
    note,
    note_frozen,
    note_rejection,
    note_report,
)

STATUS = {
    ReportFiled.kind: "filed",
    ReportHeld.kind: "held",
    ReportReleased.kind: "filed",
    ReportReturned.kind: "returned",
}
"""A released report is filed again, as far as the sender is concerned."""


@dataclass
class Ledger:
    """Keeps what became of each submission, for who asks and for who is to be told."""

    hand_backs: HandBacks

    def reads(self) -> list[Subscription[Any]]:
        return [
            Subscription(SubmissionRejected, self.note_rejected_submission),
            Subscription(ReportFiled, self.note_changed_report),
            Subscription(ReportHeld, self.note_changed_report),
            Subscription(ReportReleased, self.note_changed_report),
            Subscription(ReportReturned, self.note_changed_report),
            Subscription(ReportMoved, note_moved_report),
            Subscription(PacketFrozen, self.note_frozen_reports),
            Subscription(NotificationSent, note_letter),
            Subscription(NotificationFailed, note_letter),
            Subscription(NotificationBounced, note_letter),
        ]

    async def note_rejected_submission(self, event: SubmissionRejected, tx: Transaction) -> None:
        findings = [finding.model_dump() for finding in event.findings]
        await note_rejection(tx, event.submission_id, event.revision, findings)
        await _leave_unscanned(event, tx)
        await note(tx, event.submission_id, event.kind)
        await self.hand_backs.begin(tx, _news(event, 0, "rejected", rejection_message(event.findings)))

    async def note_changed_report(self, event: ReportEvent, tx: Transaction) -> None:
        status = STATUS[event.kind]
        await note_report(
            tx,
            event.submission_id,
            event.version,
            status,
            [finding.model_dump() for finding in event.findings],
            event.meeting.model_dump() if event.meeting else None,
        )
        if event.kind != ReportHeld.kind:
            await _leave_unscanned(event, tx)
        await note(tx, event.submission_id, event.kind)
        message = return_message(event.reason) if isinstance(event, ReportReturned) else None
        await self.hand_backs.begin(tx, _news(event, event.version, status, message))

    async def note_frozen_reports(self, event: PacketFrozen, tx: Transaction) -> None:
        """A packet holds many reports; those that it only holds again are no news."""
        for report in sorted(event.reports, key=lambda report: report.submission_id):
            if await note_frozen(tx, report.submission_id, report.version, event.meeting.model_dump()):
                await note(tx, report.submission_id, event.kind)
                await self.hand_backs.begin(tx, _news(report, report.version, "frozen", None))


async def note_moved_report(event: ReportMoved, tx: Transaction) -> None:
    """The sender can read to which meeting; the platform is told of no move."""
    findings = [finding.model_dump() for finding in event.findings]
    meeting = event.meeting.model_dump() if event.meeting else None
    await note_report(tx, event.submission_id, event.version, event.status, findings, meeting)
    await note(tx, event.submission_id, event.kind)


async def note_letter(
    event: NotificationSent | NotificationFailed | NotificationBounced, tx: Transaction
) -> None:
    """One about a meeting has no revision, and is about no submission."""
    if event.revision:
        await note(tx, event.submission_id, event.kind)


async def _leave_unscanned(event: SubmissionRejected | ReportEvent, tx: Transaction) -> None:
    """What is decided about is not said anew, whatever the virus scanner will say."""
    if is_unscanned(event.findings):
        await leave_unscanned(tx, event.submission_id, event.revision)


def _news(
    event: SubmissionRejected | ReportEvent | FrozenReport, version: int, status: str, message: str | None
) -> News:
    return News(
        submission_id=event.submission_id,
        revision=event.revision,
        version=version,
        status=status,
        message=message,
    )
