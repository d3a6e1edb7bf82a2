"""What intake says, and what it hears of the submissions that it took."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from chassis.events import Event


class Submitter(BaseModel):
    """Who sent it; a personnummer is only known by its keyed hash."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    name: str
    email: str | None
    personal_number_hash: str | None


class Attachment(BaseModel):
    """A file that came along; `object` is where its bytes lie.

    `personal_number` is the surest kind of number found in its text, and never the number.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    name: str
    media_type: str
    size: int
    sha256: str
    object: str
    personal_number: Literal["certain", "possible"] | None = None


class Finding(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    rule: str
    outcome: Literal["reject", "hold", "note"]
    message: str
    source: str
    pointer: str | None = None


class SubmissionReceived(Event):
    """A submission is safe with us; `arrived_at` decides which meeting it is in time for.

    `findings` is what was noticed at the door, such as a form that has changed since it was mapped.
    """

    kind: ClassVar[str] = "submission.received"
    heard_by: ClassVar[tuple[str, ...]] = ("validation",)

    revision: int
    form: str
    form_version: int
    reference: str
    caller: str
    received_at: datetime
    arrived_at: datetime
    submitter: Submitter
    data: dict[str, Any]
    attachments: list[Attachment]
    findings: list[Finding]


class Meeting(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    committee: str
    date: str


class SubmissionsCounted(Event):
    """How many submissions of a form came in during a week, and where they are by now.

    `since` is the week's Monday and `until` the next; what is in none of the states is still on its way.
    The subject is the form and the week, as in `kontaktpolitiker-valfard.2026-W47`.
    """

    kind: ClassVar[str] = "submissions.counted"
    heard_by: ClassVar[tuple[str, ...]] = ("notification",)

    form: str
    since: date
    until: date
    received: int
    rejected: int
    held: int
    returned: int
    filed: int
    frozen: int
    parked: int


class SubmissionRejected(Event):
    kind: ClassVar[str] = "submission.rejected"

    revision: int
    findings: list[Finding]


class ReportEvent(Event):
    """What the archive says of a report; `version` rises with each of them, whatever order they come in."""

    revision: int
    version: int
    meeting: Meeting | None
    findings: list[Finding]


class ReportFiled(ReportEvent):
    kind: ClassVar[str] = "report.filed"


class ReportHeld(ReportEvent):
    kind: ClassVar[str] = "report.held"


class ReportReleased(ReportEvent):
    kind: ClassVar[str] = "report.released"


class ReportReturned(ReportEvent):
    """`reason` is the secretary's own, as they wrote it."""

    kind: ClassVar[str] = "report.returned"

    reason: str


class ReportMoved(ReportEvent):
    """It goes to another meeting; `status` is what it is there, since what made it so may come later."""

    kind: ClassVar[str] = "report.moved"

    status: Literal["filed", "held"]


class FrozenReport(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    submission_id: str
    revision: int
    version: int


class PacketFrozen(Event):
    """A meeting's papers are fixed, and these reports with them."""

    kind: ClassVar[str] = "packet.frozen"

    meeting: Meeting
    reports: list[FrozenReport]


class NotificationSent(Event):
    kind: ClassVar[str] = "notification.sent"

    revision: int


class NotificationFailed(Event):
    kind: ClassVar[str] = "notification.failed"

    revision: int


class NotificationBounced(Event):
    kind: ClassVar[str] = "notification.bounced"

    revision: int
