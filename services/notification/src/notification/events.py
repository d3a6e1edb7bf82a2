"""What notification reads of reports and submissions, and what it says of its letters."""

from datetime import date, datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from chassis.events import Event


class Part(BaseModel):
    """A part of an event: only the fields that a letter uses."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Submitter(Part):
    name: str
    email: str | None


class Finding(Part):
    rule: str
    outcome: Literal["reject", "hold", "note"]
    message: str
    source: str


class Meeting(Part):
    date: date
    time: str
    place: str
    deadline: datetime


class Told(Event):
    """What all events that call for letters have in common."""

    revision: int
    form: str
    committee: str
    title: str
    reference: str
    unit_name: str | None
    event_date: date | None
    arrived_at: datetime
    findings: list[Finding]
    submitter: Submitter

    @property
    def occurrence(self) -> str:
        """What tells this event from another of the same kind about the same submission."""
        return f"{self.kind} {self.submission_id} {self.revision}"


class SubmissionRejected(Told):
    kind: ClassVar[str] = "submission.rejected"


class ReportTold(Told):
    version: int
    late: bool
    meeting: Meeting | None

    @property
    def occurrence(self) -> str:
        return f"{super().occurrence} {self.version}"


class ReportFiled(ReportTold):
    kind: ClassVar[str] = "report.filed"


class ReportHeld(ReportTold):
    """A rule holds it; or a person does, who then says why."""

    kind: ClassVar[str] = "report.held"

    reason: str | None = None


class ReportReturned(ReportTold):
    kind: ClassVar[str] = "report.returned"

    reason: str


class ReportReleased(ReportTold):
    """The secretary let it go on, or took it after all."""

    kind: ClassVar[str] = "report.released"


class ReportMoved(ReportTold):
    """It goes to another meeting than before, because a person or the calendar says so."""

    kind: ClassVar[str] = "report.moved"

    status: Literal["filed", "held"]
    moved_from: date | None
    by: Literal["person", "calendar"] = "person"


class ReportSeen(Event):
    """A secretary has seen this revision, and need not be asked to."""

    kind: ClassVar[str] = "report.seen"

    revision: int


class MeetingOfCommittee(Meeting):
    committee: str


class FrozenReport(Part):
    submission_id: str
    version: int


class PacketPdf(Part):
    """The papers in one file; `object` is its name in the object store, and names its hash."""

    object: str
    name: str
    size: int


class PacketFrozen(Event):
    """The papers of a meeting are fixed; one event for all of them."""

    kind: ClassVar[str] = "packet.frozen"

    meeting: MeetingOfCommittee
    number: int
    reports: list[FrozenReport]
    pdf: PacketPdf | None = None


class SubmissionsCounted(Event):
    """How many submissions of a form came in during a week, and where they are by now."""

    kind: ClassVar[str] = "submissions.counted"

    form: str
    until: date
    received: int
    rejected: int
    held: int
    returned: int
    filed: int
    frozen: int
    parked: int


class LetterEvent(Event):
    """What became of a letter; `letter` is its kind, `letter_id` holds no address.

    `happened_at` is when it became so, which decides between two such events: they may overtake each other.
    """

    revision: int
    form: str
    letter: str
    letter_id: str
    happened_at: datetime | None = None


class NotificationSent(LetterEvent):
    """The relay has taken the letter."""

    kind: ClassVar[str] = "notification.sent"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "archive")


class NotificationFailed(LetterEvent):
    """The letter will not arrive: it was refused for good."""

    kind: ClassVar[str] = "notification.failed"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "archive")


class NotificationBounced(LetterEvent):
    """The relay had taken the letter, and a report says that it did not arrive."""

    kind: ClassVar[str] = "notification.bounced"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "archive")
