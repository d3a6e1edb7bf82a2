"""`POST /v1/check`: what a submission would become, without its becoming anything."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from aiohttp import web
from pydantic_core import to_json

from chassis.admission import MIB, Door
from chassis.callers import Caller
from chassis.clock import Clock, day_in_stockholm
from chassis.events import new_id
from chassis.folders import WatchedFolder
from chassis.openapi import JSON
from chassis.personal_numbers import NoPersonalNumber, hashed
from chassis.problems import RETRY_AFTER_S, Problem, plain_problem
from chassis.store import Store
from validation.envelope import DataTooLarge, Envelope, EnvelopeInvalid, Fault, NotUnderstood, read_envelope
from validation.forms import Form, Forms
from validation.judgement import Judgement, Submission, Submitter, circumstances, judge
from validation.judgements import known_as, past_read
from validation.register import Committee, Committees

MAX_BODY_BYTES = 10 * MIB


@dataclass
class Api:
    """Judges for who asks, by the same forms, registers and past as for what was sent."""

    store: Store
    door: Door
    forms: WatchedFolder[Forms]
    committees: WatchedFolder[Committees]
    personal_number_key: str | None
    clock: Clock

    async def check(self, request: web.Request) -> web.Response:
        """Answer with the judgement; nothing is stored, said, counted or logged of it."""
        caller, body = await self.door.admit(request, MAX_BODY_BYTES)
        self.door.spend(caller)
        envelope = await self._envelope(request.content_type, body)
        form = self._form(envelope, caller)
        judgement = await self._judgement(envelope, caller, form, self._committee(form))
        return web.Response(body=to_json(_told(judgement)), content_type=JSON)

    async def _envelope(self, content_type: str, body: bytes) -> Envelope:
        if content_type != JSON:
            raise Problem(415, "media-type", "Fel innehållstyp", f"Skicka innehållet som {JSON}.")
        try:
            return await asyncio.to_thread(read_envelope, body)
        except NotUnderstood:
            detail = "Innehållet ska vara ett JSON-objekt i UTF-8, utan för många nivåer eller för stora tal."
            raise Problem(400, "not-understood", "Innehållet gick inte att läsa", detail) from None
        except EnvelopeInvalid as error:
            raise _invalid(error.faults) from None
        except DataTooLarge:
            detail = "Svaren i formuläret får vara högst 256 KiB."
            raise Problem(413, "data-too-large", "För stort", detail) from None

    def _form(self, envelope: Envelope, caller: Caller) -> Form:
        if not caller.may_send(envelope.form):
            detail = "Den som anropar får inte skicka det här formuläret."
            raise Problem(403, "not-this-form", "Inte tillåtet", detail, [_error("/form", detail)])
        form = self.forms.current.get(envelope.form)
        if form is None:
            detail = "Det finns inget formulär med det namnet."
            raise Problem(404, "unknown-form", "Okänt formulär", detail, [_error("/form", detail)])
        if (envelope.form_version or form.newest) not in form.versions:
            raise _invalid([Fault("/form_version", "Formuläret finns inte i den versionen.")])
        return form

    def _committee(self, form: Form) -> Committee:
        """The register to judge by; while it is not here, what is sent waits, but who asks cannot."""
        committee = self.committees.current.get(form.committee)
        if committee is None:
            raise plain_problem(503, {"Retry-After": str(RETRY_AFTER_S)})
        return committee

    async def _judgement(
        self, envelope: Envelope, caller: Caller, form: Form, committee: Committee
    ) -> Judgement:
        async with self.store.read() as connection:
            known = await known_as(connection, caller.id, envelope.reference)
            submission = self._submission(envelope, form, known or new_id())
            around = circumstances(submission, form, committee)
            before = await past_read(connection, form, submission.form_version, around)
        return judge(submission, form, committee, before, self.clock())

    def _submission(self, envelope: Envelope, form: Form, submission_id: str) -> Submission:
        submitter = Submitter(
            name=envelope.submitter.name,
            email=envelope.submitter.email,
            personal_number_hash=self._hashed(envelope),
        )
        return Submission(
            submission_id=submission_id,
            form_version=envelope.form_version or form.newest,
            received_at=self.clock(),
            submitter=submitter,
            data=envelope.data,
            attachments=tuple(file.name for file in envelope.attachments),
        )

    def _hashed(self, envelope: Envelope) -> str | None:
        """The keyed hash; without a key in the settings a number cannot stand for anybody."""
        number, place = envelope.submitter.personal_number, "/submitter/personal_number"
        if number is None:
            return None
        if self.personal_number_key is None:
            if envelope.submitter.email is None:
                raise _invalid([Fault(place, "Personnummer kan inte användas här. Ange e-postadress.")])
            return None
        try:
            return hashed(number, self.personal_number_key, day_in_stockholm(self.clock()))
        except NoPersonalNumber:
            raise _invalid([Fault(place, "Det är inget giltigt personnummer.")]) from None


def _told(judgement: Judgement) -> dict[str, object]:
    return {
        "outcome": judgement.outcome,
        "findings": [asdict(finding) for finding in judgement.findings],
        "facts": judgement.facts,
        "compensation": [{"kind": line.kind, "quantity": line.quantity} for line in judgement.compensation],
        "positions": [
            {"kind": line.kind, "message": line.message, "source": line.source}
            for line in judgement.compensation
            if line.message
        ],
    }


def _invalid(faults: Sequence[Fault]) -> Problem:
    detail = "Uppgifterna runt formuläret är inte kompletta. Rätta det som anges och skicka igen."
    errors = [_error(fault.pointer, fault.detail) for fault in faults]
    return Problem(422, "envelope-invalid", "Ofullständig inlämning", detail, errors)


def _error(pointer: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "detail": detail}
