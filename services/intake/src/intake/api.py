"""`POST /v1/submissions`: judge the envelope, store it durably, and only then promise."""

import asyncio
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter
from pydantic_core import to_json
from sqlalchemy import Column

from chassis.admission import MIB, Door
from chassis.callers import Caller
from chassis.clock import Clock, day_in_stockholm
from chassis.crash_points import crash_point
from chassis.folders import WatchedFolder
from chassis.objects import Objects
from chassis.personal_numbers import NoPersonalNumber, hashed
from chassis.problems import Problem, plain_problem
from chassis.store import Store
from intake import handback
from intake.attachments import keep
from intake.dialects import (
    DRIFT,
    DataTooLarge,
    Draft,
    Drifted,
    EnvelopeInvalid,
    Fault,
    File,
    NoMapping,
    NotUnderstood,
    Unreadable,
)
from intake.dialects.json_dialect import read_json
from intake.dialects.multipart import read_multipart
from intake.events import Finding, Submitter
from intake.file_names import numbered
from intake.forms import Forms
from intake.inspector import Inspected, Inspector
from intake.keeping import Keeper, incoming, told, waiting_for_mapping
from intake.platform_documents import JSON_TYPE, Document, beside, document_of, is_document, place, read
from intake.refusals import Refused, left_out
from intake.scanning import Scan, Scanner, place_of, scan_pending
from intake.submissions import Receipt, Submission, Taken, submissions
from intake.taking import take_all

MAX_BODY_BYTES = 10 * MIB

MAX_BYTES_WITH_FILES = 25 * MIB
"""What mail relays of municipalities let through, and what one request may hold of memory."""

_INCOMPARABLE = re.compile("[\0\ud800-\udfff]")
"""PostgreSQL's texts hold no NUL, and no encoding holds half a surrogate pair."""

MULTIPART_TYPE = "multipart/form-data"

PLATFORM_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass
class Api:
    """The platform's way in, and its way to ask what became of what it sent."""

    store: Store
    objects: Objects
    inspector: Inspector
    scanner: Scanner | None
    door: Door
    forms: WatchedFolder[Forms]
    personal_number_key: str | None
    clock: Clock
    received: Counter
    scans: Counter
    drifted: Counter
    keeper: Keeper

    async def receive(self, request: web.Request) -> web.Response:
        """Answer 202 when the submission is on disk, and not before."""
        content_type = request.content_type
        caller, body = await self.door.admit(request, MAX_BYTES_WITH_FILES)
        self.door.spend(caller)
        if len(body) > MAX_BODY_BYTES and _holds_no_files(content_type, body):
            raise _too_large_without_files()
        key, platform = _plain_key(request.headers.get("Idempotency-Key")), _platform(request, caller)
        if await is_document(content_type, body):
            document = await document_of(caller.id, platform, content_type, body, self.clock())
            receipt = await self._receive_document(document, caller, key)
        else:
            header = request.headers.get("Content-Type", "")
            draft = await beside(len(body), partial(_draft, header, body))
            receipt = await self._take(await self._submission(draft, caller, key, self.clock(), len(body)))
        crash_point("intake.after_commit")
        self.received.labels(self._counted_as(receipt), receipt.taken.value).inc()
        return _answer(receipt)

    def _counted_as(self, receipt: Receipt) -> str:
        """What no form maps is counted together: a platform may have any number of families."""
        name = receipt.label or receipt.form
        return name if name in self.forms.current else "unread"

    async def submission_of(
        self, draft: Draft, caller: Caller, document: Document, key: str | None = None
    ) -> Submission:
        """What a document says, as a submission that came when the document came.

        One that does not say when it was submitted is known by its bytes. Whoever sent it chose no field,
        so a personnummer that cannot be hashed here is left out, and refuses nothing.
        """
        key = key if draft.submitted_at else document.digest
        usable = draft if self.personal_number_key else replace(draft, personal_number=None)
        submission = await self._submission(usable, caller, key, document.received_at, len(document.body))
        return replace(submission, document=document.digest)

    async def _receive_document(self, document: Document, caller: Caller, key: str | None) -> Receipt:
        """Take it as it is read, or keep it sealed until it can be.

        Raises:
            Problem: 422 with the parked id of what is no submission, or whatever else is wrong with it.
        """
        try:
            with _told_as_problems():
                draft = await read(document, self.forms.current)
            return await self._take(await self.submission_of(draft, caller, document, key))
        except Unreadable as unreadable:
            raise _unreadable(unreadable, await self.keeper.keep_unreadable(document, unreadable)) from None
        except (NoMapping, Drifted) as unmapped:
            waiting = waiting_for_mapping(document, unmapped, self.forms.current)
            return await self.keeper.park(waiting, incoming(document, unmapped, key))

    async def _take(self, submission: Submission) -> Receipt:
        receipt = await self.store.write_among(take_all, submission, submission.locks)
        if receipt.taken is Taken.NEW and any(finding.rule == DRIFT for finding in submission.findings):
            self.drifted.labels(submission.form, submission.caller).inc()
        return receipt

    async def by_id(self, request: web.Request) -> web.Response:
        return await self._status(request, submissions.c.id, request.match_info["id"])

    async def by_reference(self, request: web.Request) -> web.Response:
        return await self._status(request, submissions.c.reference, request.query.get("reference", ""))

    async def _status(self, request: web.Request, column: Column[str], value: str) -> web.Response:
        """What a database could not even compare is not there either."""
        caller, _ = await self.door.admit(request, MAX_BODY_BYTES)
        if _INCOMPARABLE.search(value):
            raise plain_problem(404)
        async with self.store.read() as connection:
            answer = await handback.told(connection, caller.id, column == value)
        if answer is None:
            raise plain_problem(404)
        return web.Response(body=to_json(answer), content_type=JSON_TYPE)

    async def _fit(self, draft: Draft) -> tuple[list[Inspected], list[Finding]]:
        """Every file fit to keep, and what is to be said of them and of the others.

        Raises:
            Problem: 422 that names each file that is not fit, where the sender can choose another.
        """
        if not draft.files:
            return [], []
        today = day_in_stockholm(self.clock())
        looked_at = await asyncio.gather(*(self._looked_at(file, today) for file in draft.files))
        refused = {at: one for at, one in enumerate(looked_at) if isinstance(one, Refused)}
        if refused and not draft.may_lose_files:
            raise _files_refused([Fault(place_of(at), one.detail) for at, one in refused.items()])
        fit = [one for one in looked_at if not isinstance(one, Refused)]
        names = numbered(file.name for file, _ in fit)
        named = [replace(file, name=name) for (file, _), name in zip(fit, names, strict=True)]
        unscanned = [scan_pending(at) for at, (_, scan) in enumerate(fit) if scan is Scan.PENDING]
        return named, [*(left_out(at, one) for at, one in refused.items()), *unscanned]

    async def _looked_at(self, file: File, today: date) -> tuple[Inspected, Scan] | Refused:
        try:
            inspected = await self.inspector.inspect(file, today)
        except Refused as refused:
            return refused
        scan = await self._scanned(inspected)
        return Refused(_INFECTED) if scan is Scan.INFECTED else (inspected, scan)

    async def _scanned(self, file: Inspected) -> Scan:
        """Without a scanner every file is as clean as its inspection could tell."""
        if self.scanner is None:
            return Scan.CLEAN
        scan = await self.scanner.scan(file.content)
        self.scans.labels(scan.value).inc()
        return scan

    async def _submission(
        self, draft: Draft, caller: Caller, key: str | None, received_at: datetime, size: int
    ) -> Submission:
        version = self._version(draft, caller)
        submitter = self._submitter(draft)
        submitted_at = draft.submitted_at or received_at
        in_time = caller.own_platform and submitted_at <= received_at
        digest = await beside(size, partial(_digest, draft, submitter))
        files, said = await self._fit(draft)
        attachments = [await keep(self.objects, file) for file in files]
        return Submission(
            caller=caller.id,
            idempotency_key=key,
            digest=digest,
            form=draft.form,
            form_version=version,
            reference=draft.reference,
            submitted_at=submitted_at,
            received_at=received_at,
            arrived_at=submitted_at if in_time else received_at,
            submitter=submitter,
            data=draft.data,
            attachments=attachments,
            findings=[*draft.findings, *said],
        )

    def _version(self, draft: Draft, caller: Caller) -> int:
        if not caller.may_send(draft.form):
            detail = "Den som anropar får inte skicka det här formuläret."
            raise Problem(403, "not-this-form", "Inte tillåtet", detail, [_error("/form", detail)])
        form = self.forms.current.get(draft.form)
        if form is None:
            detail = "Det finns inget formulär med det namnet."
            raise Problem(404, "unknown-form", "Okänt formulär", detail, [_error("/form", detail)])
        version = form.versions[-1] if draft.form_version is None else draft.form_version
        if version not in form.schemas:
            raise _invalid([Fault("/form_version", "Formuläret finns inte i den versionen.")])
        return version

    def _submitter(self, draft: Draft) -> Submitter:
        return Submitter(name=draft.name, email=draft.email, personal_number_hash=self._hashed(draft))

    def _hashed(self, draft: Draft) -> str | None:
        """The keyed hash; without a key in the settings a number cannot stand for anybody."""
        if draft.personal_number is None:
            return None
        place = "/submitter/personal_number"
        if self.personal_number_key is None:
            if draft.email is None:
                raise _invalid([Fault(place, "Personnummer kan inte användas här. Ange e-postadress.")])
            return None
        try:
            return hashed(draft.personal_number, self.personal_number_key, day_in_stockholm(self.clock()))
        except NoPersonalNumber:
            raise _invalid([Fault(place, "Det är inget giltigt personnummer.")]) from None


def _draft(content_type: str, body: bytes) -> Draft:
    """What was sent, in one of our own dialects; without files it may be smaller only."""
    with _told_as_problems():
        draft = _read(content_type, body)
    if not draft.files and len(body) > MAX_BODY_BYTES:
        raise _too_large_without_files()
    return draft


_FILES = (b'"attachments"', b"EncodedData")
"""What files are called in our own JSON and in a platform's document."""


def _holds_no_files(content_type: str, body: bytes) -> bool:
    """Plain before anything is parsed: no part, no member and no element of it can be a file."""
    return content_type != MULTIPART_TYPE and not any(name in body for name in _FILES)


def _too_large_without_files() -> Problem:
    detail = f"Utan filer får innehållet vara högst {MAX_BODY_BYTES // MIB} MiB."
    return Problem(413, "body-too-large", "För stort", detail)


def _read(content_type: str, body: bytes) -> Draft:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == JSON_TYPE:
        return read_json(body)
    if media_type == MULTIPART_TYPE:
        return read_multipart(content_type, body)
    detail = f"Skicka innehållet som {JSON_TYPE}, {MULTIPART_TYPE} eller application/xml."
    raise Problem(415, "media-type", "Fel innehållstyp", detail)


@contextmanager
def _told_as_problems() -> Iterator[None]:
    """What a dialect says is wrong, as the platform is told of it."""
    try:
        yield
    except NotUnderstood as error:
        raise Problem(400, "not-understood", "Innehållet gick inte att läsa", error.detail) from None
    except EnvelopeInvalid as error:
        raise _invalid(error.faults) from None
    except DataTooLarge:
        detail = "Svaren i formuläret får vara högst 256 KiB."
        raise Problem(413, "data-too-large", "För stort", detail) from None


def _unreadable(unreadable: Unreadable, parked_id: str) -> Problem:
    members = {"parked_id": parked_id, **place(unreadable)}
    return Problem(422, "unreadable", "Innehållet gick inte att tolka", told(unreadable), members=members)


def _platform(request: web.Request, caller: Caller) -> str:
    """The platform that an integration in between sends for, else the caller itself."""
    platform = request.query.get("platform", caller.id)
    if platform != caller.id and not PLATFORM_ID.fullmatch(platform):
        detail = "Plattformens id i adressen (platform) får ha gemener a–z, siffror, punkt, _ och -."
        raise Problem(400, "platform", "Okänd plattform", detail)
    return platform


def _invalid(faults: Sequence[Fault]) -> Problem:
    detail = "Uppgifterna runt formuläret är inte kompletta. Rätta det som anges och skicka igen."
    errors = [_error(fault.pointer, fault.detail) for fault in faults]
    return Problem(422, "envelope-invalid", "Ofullständig inlämning", detail, errors)


_INFECTED = "Virusskyddet varnar för filen. Skicka inlämningen utan den, eller med en fil som är ren."


def _files_refused(faults: Sequence[Fault]) -> Problem:
    detail = "En eller flera filer kan inte tas emot. Rätta det som anges och skicka igen."
    errors = [_error(fault.pointer, fault.detail) for fault in faults]
    return Problem(422, "file-refused", "Filen tas inte emot", detail, errors)


def _error(pointer: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "detail": detail}


def _plain_key(key: str | None) -> str | None:
    """The Idempotency-Key: a quoted string by the draft standard, a bare token by habit."""
    if key is None:
        return None
    plain = key.strip().strip('"')
    if not 0 < len(plain) <= 200 or not plain.isprintable():
        raise _invalid([Fault("", "Idempotency-Key ska vara 1 till 200 synliga tecken.")])
    return plain


def _digest(draft: Draft, submitter: Submitter) -> str:
    """What makes two submissions the same: everything that was said, however it was spelled.

    Files count as they were sent: made anew by another version of a library they would be others.
    """
    content = [
        draft.form,
        draft.form_version,
        draft.reference,
        draft.submitted_at and draft.submitted_at.timestamp(),
        submitter.model_dump(),
        draft.data,
        [[file.name, file.media_type, hashlib.sha256(file.content).hexdigest()] for file in draft.files],
    ]
    return hashlib.sha256(to_json(_sorted(content))).hexdigest()


def _sorted(content: object) -> object:
    if isinstance(content, dict):
        return {key: _sorted(content[key]) for key in sorted(content)}
    return [_sorted(item) for item in content] if isinstance(content, list) else content


def _answer(receipt: Receipt) -> web.Response:
    if receipt.taken is Taken.CONFLICTING:
        detail = "Samma nyckel eller ärendenummer har redan använts för ett annat innehåll."
        raise Problem(422, "key-reused", "Redan använd för något annat", detail)
    headers = {"Location": f"/v1/submissions/{receipt.id}"}
    if receipt.taken is Taken.REPLAYED:
        headers["Idempotency-Replayed"] = "true"
    return web.Response(status=202, body=to_json(receipt.told), content_type=JSON_TYPE, headers=headers)


def received_counter(registry: CollectorRegistry) -> Counter:
    return Counter(
        "kansli_submissions_received_total",
        "Submissions answered with 202, and those that conflicted",
        ["form", "result"],
        registry=registry,
    )


def drift_counter(registry: CollectorRegistry) -> Counter:
    return Counter(
        "kansli_form_drift_total",
        "Submissions of a form that the platform has changed since it was mapped",
        ["form", "platform"],
        registry=registry,
    )
