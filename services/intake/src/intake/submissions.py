"""The submission as it came, the promise of 202, and what became of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    case,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.events import new_id
from chassis.sealing import sealing_keys as sealing_keys_of
from chassis.store import Store, Transaction
from chassis.store.tables import Moment, RowNumber
from chassis.trace import current_traceparent
from intake.events import Attachment, Finding, SubmissionReceived, Submitter
from intake.scanning import SCANNING, unscanned_files

metadata = MetaData()

submissions = Table(
    "submissions",
    metadata,
    Column("id", String, primary_key=True),
    Column("caller", String, nullable=False),
    Column("reference", String, nullable=False),
    Column("form", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("submitted_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("status", String, nullable=False),
    Column("report_version", Integer, nullable=False),
    Column("findings", JSON, nullable=False),
    Column("meeting", JSON),
    UniqueConstraint("caller", "reference"),
)
"""One row per submission, as its newest revision left it.

`status` is parked while nothing of it could be read, and dropped if a person decided to leave it so.
`report_version` is the archive's version of the report that `status` tells of; 0 before there is one.
`revision` is the number by which the newest was said: above all that came, if it was said anew.
"""

revisions = Table(
    "revisions",
    metadata,
    Column("submission_id", ForeignKey("submissions.id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("form_version", Integer, nullable=False),
    Column("submitted_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("digest", String, nullable=False),
    Column("superseded", Boolean, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("document", String),
    Column("label", String),
    UniqueConstraint("submission_id", "submitted_at"),
)
"""What came, each time: the record that nothing later can change.

A revision that was submitted before one that we already had is kept as superseded, and goes nowhere.
`document` is the digest of a platform's own document, byte for byte. `label` is what the form was called
in the receipt of one that could not be read yet; until it has been read, its form version is 0.
"""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("submission_id", ForeignKey("submissions.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
)
"""Kept for good: a platform that asks again after a year still gets the same answer."""

history = Table(
    "history",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("submission_id", ForeignKey("submissions.id"), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("event", String, nullable=False),
)

unscanned = Table(
    "unscanned",
    metadata,
    Column("submission_id", ForeignKey("submissions.id"), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("event", Text, nullable=False),
)
"""What is to be said anew once its files have been scanned; gone when something else has decided before."""

sealing_keys = sealing_keys_of(metadata)

UNREAD = 0
"""The form version of what has not been read yet."""


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """What is to be taken, as far as its envelope says; `form` may be only a label, such as `open-e/358`."""

    caller: str
    idempotency_key: str | None
    digest: str
    document: str | None = None
    form: str
    form_version: int = UNREAD
    reference: str
    submitted_at: datetime
    received_at: datetime
    id: str = field(default_factory=new_id)
    traceparent: str = field(default_factory=current_traceparent)
    """The trace that it came on, and that its event carries on."""

    @property
    def is_read(self) -> bool:
        return self.form_version != UNREAD

    @property
    def status(self) -> str:
        return "received" if self.is_read else "parked"

    @property
    def label(self) -> str | None:
        return None if self.is_read else self.form

    @property
    def payload(self) -> dict[str, Any]:
        """What the record keeps in clear: nothing of what has not been read."""
        return {}

    @property
    def locks(self) -> list[str]:
        """What two requests for the same submission have in common."""
        locks = [reference_lock(self.caller, self.reference)]
        return (
            locks if self.idempotency_key is None else [*locks, key_lock(self.caller, self.idempotency_key)]
        )


def reference_lock(caller: str, reference: str) -> str:
    return f"reference {caller} {reference}"


def key_lock(caller: str, key: str) -> str:
    return f"key {caller} {key}"


@dataclass(frozen=True, kw_only=True)
class Submission(Incoming):
    """What is to be taken and judged: complete, its files already durable, its digest known."""

    arrived_at: datetime
    submitter: Submitter
    data: Mapping[str, Any]
    attachments: Sequence[Attachment]
    findings: Sequence[Finding] = ()

    @property
    def payload(self) -> dict[str, Any]:
        return {
            "submitter": self.submitter.model_dump(mode="json"),
            "data": dict(self.data),
            "attachments": [attachment.model_dump(mode="json") for attachment in self.attachments],
        }

    def received(self, submission_id: str, revision: int) -> SubmissionReceived:
        """The event that sends it on its way."""
        return SubmissionReceived(
            submission_id=submission_id,
            revision=revision,
            form=self.form,
            form_version=self.form_version,
            reference=self.reference,
            caller=self.caller,
            received_at=self.received_at,
            arrived_at=self.arrived_at,
            submitter=self.submitter,
            data=dict(self.data),
            attachments=list(self.attachments),
            findings=list(self.findings),
        )


class Taken(Enum):
    """How a submission was taken."""

    NEW = "new"
    REPLAYED = "replayed"
    CONFLICTING = "conflicting"


@dataclass(frozen=True)
class Receipt:
    """What the platform is told; `conflicting` means that nothing was taken."""

    taken: Taken
    id: str = ""
    revision: int = 0
    form: str = ""
    reference: str = ""
    received_at: datetime | None = None
    label: str | None = None
    """What the form was called if it could not be read then."""

    @property
    def told(self) -> dict[str, Any]:
        """The receipt as the platform gets it, the same each time it asks."""
        return {
            "id": self.id,
            "status": "received" if self.label is None else "parked",
            "form": self.label or self.form,
            "reference": self.reference,
            "received_at": self.received_at,
        }


async def take(tx: Transaction, submission: Incoming) -> Receipt:
    """Take it once: submission, revision, key and event in one transaction.

    The same key, or the same reference and time, with the same content gets the receipt it got before;
    with other content it is a conflict. Another time is a completion: a new revision of the same submission.
    """
    before = await _by_key(tx, submission)
    if before is not None:
        return _again(submission, before)
    known = await tx.one(
        _SAME_REFERENCE, {"its_caller": submission.caller, "its_reference": submission.reference}
    )
    if known is None:
        return await take_new(tx, submission)
    receipt = await _take_known(tx, submission, known)
    if receipt.taken is not Taken.CONFLICTING:
        _remember_key(tx, submission, receipt)
    return receipt


_ANSWERED = (
    submissions.c.id,
    submissions.c.form,
    submissions.c.reference,
    revisions.c.revision,
    revisions.c.received_at,
    revisions.c.label,
    revisions.c.document,
)
"""What a receipt repeats of the revision that it was given for."""


_SAME_KEY = (
    select(*_ANSWERED, idempotency_keys.c.digest)
    .join(submissions, submissions.c.id == idempotency_keys.c.submission_id)
    .join(
        revisions,
        (revisions.c.submission_id == idempotency_keys.c.submission_id)
        & (revisions.c.revision == idempotency_keys.c.revision),
    )
    .where(
        idempotency_keys.c.caller == bindparam("its_caller"), idempotency_keys.c.key == bindparam("its_key")
    )
)

_SAME_REFERENCE = (
    select(submissions)
    .where(
        submissions.c.caller == bindparam("its_caller"), submissions.c.reference == bindparam("its_reference")
    )
    .with_for_update()
)


async def _by_key(tx: Transaction, submission: Incoming) -> Row[Any] | None:
    if submission.idempotency_key is None:
        return None
    return await tx.one(_SAME_KEY, {"its_caller": submission.caller, "its_key": submission.idempotency_key})


async def _by_time(tx: Transaction, submission: Incoming, submission_id: str) -> Row[Any] | None:
    return await tx.one(
        select(*_ANSWERED, revisions.c.digest)
        .join(submissions, submissions.c.id == revisions.c.submission_id)
        .where(
            revisions.c.submission_id == submission_id, revisions.c.submitted_at == submission.submitted_at
        )
    )


def _again(submission: Incoming, before: Row[Any]) -> Receipt:
    """The same content, or the same document whichever way it is read today, has its receipt."""
    same_document = submission.document is not None and submission.document == before.document
    if before.digest != submission.digest and not same_document:
        return Receipt(Taken.CONFLICTING, form=submission.form)
    return Receipt(
        Taken.REPLAYED,
        before.id,
        before.revision,
        before.form,
        before.reference,
        before.received_at,
        before.label,
    )


async def take_new(tx: Transaction, submission: Incoming) -> Receipt:
    """Take what has neither a key nor a reference that is known."""
    row = {
        "id": submission.id,
        "caller": submission.caller,
        "reference": submission.reference,
        "form": submission.form,
        "revision": 1,
        "submitted_at": submission.submitted_at,
        "received_at": submission.received_at,
        "status": submission.status,
        "report_version": 0,
        "findings": [],
        "meeting": None,
    }
    tx.insert_later(submissions, row)
    receipt = await _take_revision(tx, submission, submission.id, 1)
    _remember_key(tx, submission, receipt)
    return receipt


async def _take_known(tx: Transaction, submission: Incoming, known: Row[Any]) -> Receipt:
    """Another revision of a submission that we have, or one of them again."""
    before = await _by_time(tx, submission, known.id)
    if before is not None:
        return _again(submission, before)
    if submission.is_read and not _may_become(known, submission.form):
        return Receipt(Taken.CONFLICTING, form=submission.form)
    last, newest = await _last_revision(tx, known)
    if submission.submitted_at < newest:
        return await _keep_superseded(tx, submission, known.id, last + 1)
    if submission.is_read or known.status in _WITHOUT_FORM:
        await _make_newest(tx, submission, known.id, last + 1)
    return await _take_revision(tx, submission, known.id, last + 1)


_WITHOUT_FORM = {"parked", "dropped"}
"""What a submission is as long as nothing of it has been read: its form is only a label."""


def _may_become(known: Row[Any], form: str) -> bool:
    """A submission stays of one form, once it has one."""
    return known.status in _WITHOUT_FORM or known.form == form


async def _last_revision(tx: Transaction, known: Row[Any]) -> tuple[int, datetime]:
    """The highest number, also of what was only said anew, and the latest time of submission."""
    kept = revisions.c.submission_id == known.id
    (last,) = await tx.all(
        select(
            func.max(revisions.c.revision).label("revision"),
            func.max(revisions.c.submitted_at, type_=Moment).label("submitted_at"),
        ).where(kept)
    )
    return max(last.revision, known.revision), last.submitted_at


async def _make_newest(tx: Transaction, submission: Incoming, submission_id: str, revision: int) -> None:
    """While a report of an earlier revision stands, the status goes on telling of that one."""
    unreported = submissions.c.report_version == 0
    no_later_one = (submissions.c.submitted_at <= submission.submitted_at) | submissions.c.status.in_(
        _WITHOUT_FORM
    )
    await tx.execute(
        update(submissions)
        .where(submissions.c.id == submission_id, no_later_one)
        .values(
            form=submission.form,
            revision=revision,
            submitted_at=submission.submitted_at,
            received_at=submission.received_at,
            status=case((unreported, submission.status), else_=submissions.c.status),
            findings=case((unreported, literal([], JSON)), else_=submissions.c.findings),
        )
    )


async def _take_revision(tx: Transaction, submission: Incoming, submission_id: str, revision: int) -> Receipt:
    """The revision as it came, its place in the history, and the event if it can be judged."""
    await _send_on(tx, submission, submission_id, revision)
    return await _record(tx, submission, submission_id, revision, superseded=False)


async def _send_on(tx: Transaction, submission: Incoming, submission_id: str, revision: int) -> None:
    if isinstance(submission, Submission):
        event = submission.received(submission_id, revision)
        await tx.say(event)
        await _have_scanned(tx, event)
    tx.insert_later(history, _step(tx, submission_id, f"submission.{submission.status}"))


async def _have_scanned(tx: Transaction, event: SubmissionReceived) -> None:
    """Send for the scanner once more; what an earlier revision waited for is no matter any longer."""
    if event.revision > 1:
        await _stop_waiting(tx, event.submission_id)
    if files := unscanned_files(event):
        waiting = {"submission_id": event.submission_id, "revision": event.revision}
        tx.insert_later(unscanned, {**waiting, "event": event.model_dump_json()})
        key = f"{SCANNING} {event.submission_id} {event.revision}"
        await tx.send_on_errand(SCANNING, key, {**waiting, "form": event.form, "files": files})


async def _stop_waiting(tx: Transaction, submission_id: str, *conditions: Any) -> None:
    await tx.execute(delete(unscanned).where(unscanned.c.submission_id == submission_id, *conditions))


async def leave_unscanned(tx: Transaction, submission_id: str, revision: int) -> None:
    """A rule or a person has decided about the revision: what the scanner says will not change that."""
    await _stop_waiting(tx, submission_id, unscanned.c.revision == revision)


async def say_anew(
    tx: Transaction,
    submission_id: str,
    revision: int,
    changed: Callable[[SubmissionReceived], SubmissionReceived],
) -> SubmissionReceived | None:
    """The revision that waits, changed and under a number above all others; None if it waits no more.

    What came stays in the record as it came.
    """
    known = await _locked(tx, submission_id)
    of_revision = unscanned.c.submission_id == submission_id, unscanned.c.revision == revision
    waiting = await tx.one(select(unscanned.c.event).where(*of_revision))
    if waiting is None:
        return None
    last, _ = await _last_revision(tx, known)
    await tx.execute(update(submissions).where(submissions.c.id == submission_id).values(revision=last + 1))
    await _stop_waiting(tx, submission_id)
    event = changed(SubmissionReceived.model_validate_json(waiting.event))
    return event.model_copy(update={"revision": last + 1})


async def _locked(tx: Transaction, submission_id: str) -> Row[Any]:
    """Whoever else would give out a number of the same submission waits for this transaction."""
    query = select(submissions).where(submissions.c.id == submission_id).with_for_update()
    return (await tx.execute(query)).one()


async def _keep_superseded(
    tx: Transaction, submission: Incoming, submission_id: str, revision: int
) -> Receipt:
    """An older one that comes late changes nothing, but what was promised to be kept is kept."""
    await note(tx, submission_id, "submission.superseded")
    return await _record(tx, submission, submission_id, revision, superseded=True)


async def _record(
    tx: Transaction, submission: Incoming, submission_id: str, revision: int, *, superseded: bool
) -> Receipt:
    row = {
        "submission_id": submission_id,
        "revision": revision,
        "form_version": submission.form_version,
        "submitted_at": submission.submitted_at,
        "received_at": submission.received_at,
        "digest": submission.digest,
        "superseded": superseded,
        "payload": submission.payload,
        "document": submission.document,
        "label": submission.label,
    }
    tx.insert_later(revisions, row)
    return Receipt(
        Taken.NEW,
        submission_id,
        revision,
        submission.form,
        submission.reference,
        submission.received_at,
        submission.label,
    )


class OtherForm(Exception):
    """What was read turned out to be of another form than the submission that it completes."""


async def take_reading(tx: Transaction, submission: Submission, submission_id: str, revision: int) -> None:
    """Record what a parked revision says, now that it could be read, and send it on its way.

    One that was submitted before another that has gone its way goes nowhere.

    Raises:
        OtherForm: the submission has a form already, and it is not this one.
    """
    known = await _locked(tx, submission_id)
    if not _may_become(known, submission.form):
        raise OtherForm
    before = (await tx.all(select(revisions.c.superseded).where(*_revision(submission_id, revision))))[0]
    superseded = before.superseded or await _is_overtaken(tx, submission_id, submission.submitted_at)
    await _record_reading(tx, submission, submission_id, revision, superseded=superseded)
    if not superseded:
        number = await _number_to_say(tx, known, revision)
        await _make_newest(tx, submission, submission_id, number)
        await _send_on(tx, submission, submission_id, number)
    elif not before.superseded:
        await note(tx, submission_id, "submission.superseded")


async def _number_to_say(tx: Transaction, known: Row[Any], revision: int) -> int:
    """Its own, unless an earlier one was said anew while it waited: the newest has the highest number."""
    if known.status in _WITHOUT_FORM or revision > known.revision:
        return revision
    last, _ = await _last_revision(tx, known)
    return last + 1


async def _record_reading(
    tx: Transaction, submission: Submission, submission_id: str, revision: int, *, superseded: bool
) -> None:
    await tx.execute(
        update(revisions)
        .where(*_revision(submission_id, revision))
        .values(
            form_version=submission.form_version,
            digest=submission.digest,
            superseded=superseded,
            payload=submission.payload,
        )
    )


async def _is_overtaken(tx: Transaction, submission_id: str, submitted_at: datetime) -> bool:
    later = select(revisions.c.revision).where(
        revisions.c.submission_id == submission_id,
        revisions.c.submitted_at > submitted_at,
        revisions.c.form_version != UNREAD,
    )
    return await tx.one(later) is not None


def _revision(submission_id: str, revision: int) -> list[Any]:
    return [revisions.c.submission_id == submission_id, revisions.c.revision == revision]


async def let_fall(
    tx: Transaction, submission_id: str, revision: int, findings: list[dict[str, Any]]
) -> None:
    """A person has decided that the revision will not be read; what was read before it stands."""
    await tx.execute(
        update(submissions)
        .where(
            submissions.c.id == submission_id,
            submissions.c.revision == revision,
            submissions.c.status == "parked",
        )
        .values(status="dropped", findings=findings)
    )
    await note(tx, submission_id, "submission.dropped")


def _remember_key(tx: Transaction, submission: Incoming, receipt: Receipt) -> None:
    if submission.idempotency_key is not None:
        row = {
            "caller": submission.caller,
            "key": submission.idempotency_key,
            "digest": submission.digest,
            "submission_id": receipt.id,
            "revision": receipt.revision,
            "created_at": submission.received_at,
        }
        tx.insert_later(idempotency_keys, row)


async def note(tx: Transaction, submission_id: str, event: str) -> None:
    """Add to what the sender can read of the submission's way."""
    tx.insert_later(history, _step(tx, submission_id, event))


def _step(tx: Transaction, submission_id: str, event: str) -> dict[str, Any]:
    return {"submission_id": submission_id, "at": tx.clock(), "event": event}


async def note_rejection(
    tx: Transaction, submission_id: str, revision: int, findings: list[dict[str, Any]]
) -> None:
    """Settle the status if it is the newest revision's, and no report of a former one stands."""
    await tx.execute(
        update(submissions)
        .where(
            submissions.c.id == submission_id,
            submissions.c.revision == revision,
            submissions.c.report_version == 0,
        )
        .values(status="rejected", findings=findings)
    )


async def note_report(
    tx: Transaction,
    submission_id: str,
    version: int,
    status: str,
    findings: list[dict[str, Any]],
    meeting: dict[str, Any] | None,
) -> None:
    """What the archive says goes by the report's version, not by the order in which it comes."""
    told = {"new_status": status, "new_findings": findings, "new_meeting": meeting}
    tx.change_later(_REPORTED, {"its_id": submission_id, "new_version": version, **told})


async def note_frozen(tx: Transaction, submission_id: str, version: int, meeting: dict[str, Any]) -> bool:
    """It lies in a packet; tells whether that is news, and not of a revision that another has overtaken."""
    told = {"its_id": submission_id, "new_version": version, "new_meeting": meeting}
    return bool((await tx.execute(_FROZEN, told)).rowcount)


_OLDER = update(submissions).where(
    submissions.c.id == bindparam("its_id"), submissions.c.report_version < bindparam("new_version")
)
_REPORTED = _OLDER.values(
    report_version=bindparam("new_version"),
    status=bindparam("new_status"),
    findings=bindparam("new_findings", type_=JSON),
    meeting=bindparam("new_meeting", type_=JSON),
)
_FROZEN = _OLDER.values(
    report_version=bindparam("new_version"),
    status="frozen",
    meeting=bindparam("new_meeting", type_=JSON),
)


def told_as(status: str | None) -> str | None:
    """A sender need not know whether a rule or a person decided against it; the finding says which."""
    return "rejected" if status == "dropped" else status


async def found(
    connection: AsyncConnection | Transaction, caller: str | None, *conditions: Any
) -> dict[str, Any] | None:
    """What the sender is told of its own submission, or None; without a caller, of anybody's."""
    own = [] if caller is None else [submissions.c.caller == caller]
    row = (await connection.execute(select(submissions).where(*own, *conditions))).first()
    if row is None:
        return None
    steps = (
        select(history.c.at, history.c.event).where(history.c.submission_id == row.id).order_by(history.c.id)
    )
    return {
        "id": row.id,
        "form": row.form,
        "reference": row.reference,
        "status": told_as(row.status),
        "revision": row.revision,
        "received_at": row.received_at,
        "findings": row.findings,
        "meeting": row.meeting,
        "history": [{"at": step.at, "event": step.event} for step in await connection.execute(steps)],
    }


async def tally(store: Store) -> dict[str, dict[str, int]]:
    """How many submissions there are, by form and status."""
    query = select(submissions.c.form, submissions.c.status, func.count()).group_by(
        submissions.c.form, submissions.c.status
    )
    counts: dict[str, dict[str, int]] = {}
    async with store.read() as connection:
        for form, status, count in await connection.execute(query):
            counts.setdefault(form, {})[status] = count
    return counts
