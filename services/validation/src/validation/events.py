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


class ReportAdmitted(Event):
    """The secretary took a rejected submission after all; it counts with this data from now on."""

    kind: ClassVar[str] = "report.admitted"

    revision: int
    data: dict[str, Any]


class ReportDecided(Event):
    """The chair has decided about a held report, which is judged anew with the decision at `pointer`."""

    kind: ClassVar[str] = "report.decided"

    revision: int
    version: int
    form: str
    pointer: str
    decision: dict[str, Any]


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
    """It breaks its schema or a rule; what to do stands in the findings, and what was written does not."""

    kind: ClassVar[str] = "submission.rejected"
    heard_by: ClassVar[tuple[str, ...]] = ("intake", "notification")


class SubmissionDocumented(Judged):
    """A rejected submission with all that it held: an incoming document all the same, for the register."""

    kind: ClassVar[str] = "submission.documented"
    heard_by: ClassVar[tuple[str, ...]] = ("archive",)

    data: dict[str, Any]
    attachments: list[Attachment]
