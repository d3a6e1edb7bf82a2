"""What intake does when it hears of the submissions that it took: it keeps their status."""

from typing import Any

from chassis.consumer import Subscription
from chassis.store import Transaction
from intake.events import (
    NotificationFailed,
    NotificationSent,
    ReportEvent,
    ReportFiled,
    ReportHeld,
    ReportReleased,
    ReportReturned,
    SubmissionRejected,
)
from intake.submissions import note, note_rejection, note_report

STATUS = {
    ReportFiled.kind: "filed",
    ReportHeld.kind: "held",
    ReportReleased.kind: "filed",
    ReportReturned.kind: "returned",
}
"""A released report is filed again, as far as the sender is concerned."""


async def note_rejected_submission(event: SubmissionRejected, tx: Transaction) -> None:
    findings = [finding.model_dump() for finding in event.findings]
    await note_rejection(tx, event.submission_id, event.revision, findings)
    await note(tx, event.submission_id, event.kind)


async def note_changed_report(event: ReportEvent, tx: Transaction) -> None:
    await note_report(
        tx,
        event.submission_id,
        event.version,
        STATUS[event.kind],
        [finding.model_dump() for finding in event.findings],
        event.meeting.model_dump() if event.meeting else None,
    )
    await note(tx, event.submission_id, event.kind)


async def note_letter(event: NotificationSent | NotificationFailed, tx: Transaction) -> None:
    await note(tx, event.submission_id, event.kind)


READS: list[Subscription[Any]] = [
    Subscription(SubmissionRejected, note_rejected_submission),
    Subscription(ReportFiled, note_changed_report),
    Subscription(ReportHeld, note_changed_report),
    Subscription(ReportReleased, note_changed_report),
    Subscription(ReportReturned, note_changed_report),
    Subscription(NotificationSent, note_letter),
    Subscription(NotificationFailed, note_letter),
]
