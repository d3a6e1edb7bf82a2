"""What validation reads of submissions and reports, and the judgements that it says."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.events import Event


class Part(BaseModel):
    """A part of an event: only the fields that validation uses or passes on."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Submitter(Part):
    name: str
    email: str | None
    personal_number_hash: str | None


class Attachment(Part):
    name: str
    media_type: str
    size: int
    sha256: str
    object: str
    personal_number: Literal["certain", "possible"] | None = None


class JudgedFinding(Part):
    rule: str
    outcome: Literal["reject", "hold", "note"]
    message: str
    source: str
    pointer: str | None = None


class SubmissionReceived(Event):
    kind: ClassVar[str] = "submission.received"

    revision: int
    form: str
    form_version: int
    reference: str
    caller: str | None = None
    received_at: datetime
    arrived_at: datetime
    submitter: Submitter
    data: dict[str, Any]
    attachments: list[Attachment]
    findings: list[JudgedFinding] = Field(default_factory=list)


class ReportReturned(Event):
    kind: ClassVar[str] = "report.returned"

    revision: int


class CompensationLine(Part):
    """What is paid; `message` is the person's position, and is there also when `quantity` is 0."""

    kind: str
    quantity: float
    message: str | None = None
    source: str | None = None


class Sender(Part):
    """The submitter as the later services need to know them."""

    name: str
    email: str | None


class Judged(Event):
    """A submission with all that the rules had to say of it."""

    revision: int
    form: str
    form_version: int
    committee: str
    title: str
    subject: str
    reference: str
    unit: str | None
    unit_name: str | None
    event_date: date | None
    received_at: datetime
    arrived_at: datetime
    submitter: Sender
    findings: list[JudgedFinding]


class SubmissionAccepted(Judged):
    """No rule rejects it; one may hold it for the secretary."""

    kind: ClassVar[str] = "submission.accepted"
    heard_by: ClassVar[tuple[str, ...]] = ("archive",)

    outcome: Literal["accepted", "held"]
    data: dict[str, Any]
    compensation: list[CompensationLine]
    attachments: list[Attachment]
    answers: int | None = None
    """The version of the report that asked to be judged anew; None for what came by itself."""


class SubmissionRejected(Judged):
    """It breaks its schema or a rule; what to do stands in the findings.

    What it held goes along as it came: it is an incoming document all the same, which the archive registers.
    """

    kind: ClassVar[str] = "submission.rejected"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "notification", "archive")

    data: dict[str, Any] = Field(default_factory=dict)
    attachments: list[Attachment] = Field(default_factory=list)
