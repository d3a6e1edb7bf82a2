"""What the archive reads, and what it says of each report."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from chassis.events import Event


class Part(BaseModel):
    """A part of an event: only the fields that the archive uses."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Submitter(Part):
    name: str
    email: str | None


class Finding(Part):
    """A rule that had something to say, with the place of the guideline that it comes from."""

    rule: str
    outcome: Literal["reject", "hold", "note"]
    message: str
    source: str
    pointer: str | None = None


class CompensationLine(Part):
    """What is paid; `message` is the person's position, and is there also when `quantity` is 0."""

    kind: str
    quantity: float
    message: str | None = None
    source: str | None = None


class Attachment(Part):
    name: str
    media_type: str
    size: int
    sha256: str
    object: str


class Judged(Event):
    """What a submission came to when the rules had their say.

    `answers` is the version of the report that asked for the judgement, when the chair's decision was added
    to it; a submission that came by itself answers nobody.
    """

    revision: int
    form: str
    form_version: int
    committee: str
    reference: str
    title: str
    subject: str
    unit: str | None
    unit_name: str | None
    event_date: date | None
    received_at: datetime
    arrived_at: datetime
    submitter: Submitter
    data: dict[str, Any]
    findings: list[Finding]
    attachments: list[Attachment]


class SubmissionAccepted(Judged):
    """Validation's judgement: the report is to be filed, or held for the secretary."""

    kind: ClassVar[str] = "submission.accepted"

    outcome: Literal["accepted", "held"]
    compensation: list[CompensationLine]
    answers: int | None = None


class SubmissionDocumented(Judged):
    """A rule or the schema rejects it; it has come in all the same, and is registered.

    `data` is as it came, whatever the schema says of it.
    """

    kind: ClassVar[str] = "submission.documented"


class MeetingPlace(Part):
    """The meeting that a report goes to, as others need to know it."""

    committee: str
    date: date
    time: str
    place: str
    deadline: datetime


class ReportEvent(Event):
    """What has become of a report; `version` rises by one with each, whatever order they are heard in."""

    revision: int
    version: int
    form: str
    committee: str
    title: str
    subject: str
    reference: str
    unit: str | None
    unit_name: str | None
    event_date: date | None
    arrived_at: datetime
    late: bool
    meeting: MeetingPlace | None
    findings: list[Finding]
    submitter: Submitter


class ReportFiled(ReportEvent):
    kind: ClassVar[str] = "report.filed"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "notification")


class ReportHeld(ReportEvent):
    """A rule holds the report, or the secretary does, who then says why."""

    kind: ClassVar[str] = "report.held"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "notification")

    reason: str | None = None


class ReportReleased(ReportEvent):
    """The secretary let a held report go on to its meeting, or took a rejected submission after all."""

    kind: ClassVar[str] = "report.released"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "notification")

    reason: str


class ReportAdmitted(Event):
    """A rejected submission was taken after all; `data` is what validation lets count from now on."""

    kind: ClassVar[str] = "report.admitted"
    heard_by: ClassVar[tuple[str, ...]] = ("validation",)

    revision: int
    form: str
    data: dict[str, Any]


class ReportReturned(ReportEvent):
    """The secretary sent the report back; it no longer counts among the person's visits."""

    kind: ClassVar[str] = "report.returned"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "notification", "validation")

    reason: str


class ReportMoved(ReportEvent):
    """The report goes to another meeting than before: by a person, or because the calendar has changed."""

    kind: ClassVar[str] = "report.moved"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "notification")

    status: Literal["filed", "held"]
    reason: str
    moved_from: date | None
    by: Literal["person", "calendar"] = "person"


class ReportDecided(Event):
    """The chair has decided about a held report, which is to be judged anew with `decision` at `pointer`.

    `version` is the report's version now, which the judgement answers.
    """

    kind: ClassVar[str] = "report.decided"
    heard_by: ClassVar[tuple[str, ...]] = ("validation",)

    revision: int
    version: int
    form: str
    pointer: str
    decision: dict[str, Any]


class ReportSeen(Event):
    """A secretary has seen this revision, for the first time: opened it, or done something with it."""

    kind: ClassVar[str] = "report.seen"
    heard_by: ClassVar[tuple[str, ...]] = ("notification",)

    revision: int


class FrozenReport(Part):
    """A report as the packet holds it."""

    submission_id: str
    revision: int
    version: int


class PacketPdf(Part):
    """The papers of a packet in one file, and the name that a browser saves it under."""

    name: str
    size: int
    sha256: str
    object: str


class PacketFrozen(Event):
    """The papers of a meeting are fixed: number, time, bytes and their hash.

    One event for the whole packet, whose id stands where other events have a submission's.
    """

    kind: ClassVar[str] = "packet.frozen"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "notification")

    meeting: MeetingPlace
    number: int
    frozen_at: datetime
    sha256: str
    reports: list[FrozenReport]
    pdf: PacketPdf | None = None


class LetterEvent(Event):
    """What became of a letter about a submission; `letter` is its kind, `happened_at` when it became so."""

    revision: int
    letter: str
    letter_id: str
    happened_at: datetime | None = None


class NotificationSent(LetterEvent):
    kind: ClassVar[str] = "notification.sent"


class NotificationFailed(LetterEvent):
    kind: ClassVar[str] = "notification.failed"


class NotificationBounced(LetterEvent):
    """It was sent and did not arrive."""

    kind: ClassVar[str] = "notification.bounced"


SAID = (
    ReportFiled,
    ReportHeld,
    ReportReleased,
    ReportAdmitted,
    ReportReturned,
    ReportMoved,
    ReportDecided,
    ReportSeen,
    PacketFrozen,
)
"""All that the archive says."""
