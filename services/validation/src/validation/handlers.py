"""What validation does with a submission: match the person, count the facts, judge, store, answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter

from chassis.clock import Clock
from chassis.consumer import Subscription
from chassis.folders import WatchedFolder
from chassis.outcomes import Answer, TryLater
from chassis.store import Transaction
from validation.decisions import placed, still_held
from validation.events import (
    CompensationLine,
    Judged,
    JudgedFinding,
    ReportAdmitted,
    ReportDecided,
    ReportReturned,
    Sender,
    SubmissionAccepted,
    SubmissionDocumented,
    SubmissionReceived,
    SubmissionRejected,
)
from validation.findings import Finding
from validation.forms import Form, Forms
from validation.judgement import Case, Circumstances, Judgement, Submission, Submitter, circumstances
from validation.judgements import (
    Superseded,
    held_from,
    judged_anew,
    let_fall,
    let_stand,
    past,
    refuse_superseded,
    store_judgement,
)
from validation.register import Committee, Committees
from validation.rules import Line

log = structlog.get_logger()

CONFIG_MAY_COME = timedelta(seconds=5)
"""A form or a committee that is not here yet is mostly on its way: each service looks once a second."""


@dataclass
class Judge:
    """The service's work, with the forms and the registers that it judges by."""

    forms: WatchedFolder[Forms]
    committees: WatchedFolder[Committees]
    clock: Clock
    judged: Counter

    def reads(self) -> list[Subscription[Any]]:
        return [
            Subscription(SubmissionReceived, self.judge_submission, self.locks),
            Subscription(ReportDecided, self.judge_anew),
            Subscription(ReportAdmitted, self.count_admitted),
            Subscription(ReportReturned, self.forget_report),
        ]

    def locks(self, event: SubmissionReceived) -> Iterable[str]:
        """What counts the same visits is judged one after the other, so that no two are both the second."""
        yield f"submission {event.submission_id}"
        try:
            form, committee = self._form(event)
        except TryLater:
            yield f"form {event.form}"
        else:
            yield from _counted_with(form, committee, circumstances(_submission(event), form, committee))

    async def judge_submission(self, event: SubmissionReceived, tx: Transaction) -> Answer:
        try:
            judgement, unit_name = await self._judged(event, tx)
        except Superseded:
            return None
        await store_judgement(tx, event, judgement)
        self._count(event.form, judgement)
        return _answer(event, judgement, unit_name)

    async def _judged(self, event: SubmissionReceived, tx: Transaction) -> tuple[Judgement, str | None]:
        """The judgement, and what the committee calls the unit; raises `Superseded`.

        With the locks that it needs by now: register or form may have changed since it was read.
        """
        try:
            form, committee = self._form(event)
        except TryLater:
            await refuse_superseded(tx, event)
            raise
        case = Case(_submission(event), form, committee)
        locks = {f"submission {event.submission_id}", *_counted_with(form, committee, case.around)}
        if not tx.holds(locks):
            await tx.lock(*locks)
        before = await past(tx, event, form, case.around)
        return case.judged(before, self.clock()), _unit_name(committee, case.around)

    async def judge_anew(self, event: ReportDecided, tx: Transaction) -> SubmissionAccepted | None:
        """Judge a held report with the chair's decision in it; what stands no longer is left alone.

        A decision that would have the report rejected, such as one without a date, leaves it held: the
        secretary reads what is wrong with it.
        """
        before = await held_from(tx, event.submission_id, event.revision)
        if before is None:
            log.info("decision.overtaken", submission_id=event.submission_id, revision=event.revision)
            return None
        received = before.model_copy(update={"data": placed(before.data, event.pointer, event.decision)})
        judgement, unit_name = await self._judged(received, tx)
        if judgement.outcome == "rejected":
            received, (former, unit_name) = before, await self._judged(before, tx)
            judgement = still_held(former, judgement)
        await judged_anew(tx, received, judgement)
        answer = _answer(received, judgement, unit_name)
        assert isinstance(answer, SubmissionAccepted)  # noqa: S101
        return answer.model_copy(update={"answers": event.version})

    async def count_admitted(self, event: ReportAdmitted, tx: Transaction) -> None:
        """A rejected submission that the secretary took after all counts among the person's visits."""
        await let_stand(tx, event.submission_id, event.revision, event.data)

    async def forget_report(self, event: ReportReturned, tx: Transaction) -> None:
        """A report that the secretary returned no longer counts."""
        await let_fall(tx, event.submission_id, event.revision)

    def _form(self, event: SubmissionReceived) -> tuple[Form, Committee]:
        form = self.forms.current.get(event.form)
        if form is None or event.form_version not in form.versions:
            raise TryLater(f"no form {event.form} v{event.form_version} here", CONFIG_MAY_COME)
        committee = self.committees.current.get(form.text.committee)
        if committee is None:
            raise TryLater(f"no committee {form.text.committee} in the configuration", CONFIG_MAY_COME)
        return form, committee

    def _count(self, form: str, judgement: Judgement) -> None:
        for rule in {finding.rule for finding in judgement.findings} or {"none"}:
            self.judged.labels(form, rule, judgement.outcome).inc()


def _counted_with(form: Form, committee: Committee, around: Circumstances) -> Iterable[str]:
    """The locks of those whose visits the form counts."""
    if around.person and "person" in form.counted_over:
        yield f"person {committee.id} {around.person.id}"
    if around.unit and "unit" in form.counted_over:
        yield f"unit {committee.id} {around.unit}"


def _submission(event: SubmissionReceived) -> Submission:
    submitter = event.submitter
    return Submission(
        submission_id=event.submission_id,
        form_version=event.form_version,
        received_at=event.received_at,
        submitter=Submitter(
            name=submitter.name,
            email=submitter.email,
            personal_number_hash=submitter.personal_number_hash,
        ),
        data=event.data,
        attachments=tuple(attachment.name for attachment in event.attachments),
        numbers_in_attachments=tuple(attachment.personal_number for attachment in event.attachments),
        findings=tuple(Finding(**finding.model_dump()) for finding in event.findings),
    )


def _unit_name(committee: Committee, around: Circumstances) -> str | None:
    return committee.unit_name(around.unit) if around.unit else None


def _answer(
    event: SubmissionReceived, judgement: Judgement, unit_name: str | None
) -> SubmissionAccepted | list[Judged]:
    told: dict[str, Any] = {
        "submission_id": event.submission_id,
        "revision": event.revision,
        "form": event.form,
        "form_version": event.form_version,
        "committee": judgement.committee,
        "title": judgement.title,
        "subject": judgement.subject,
        "reference": event.reference,
        "unit": judgement.unit,
        "unit_name": unit_name,
        "event_date": judgement.event_date,
        "received_at": event.received_at,
        "arrived_at": event.arrived_at,
        "submitter": Sender(name=event.submitter.name, email=event.submitter.email),
        "findings": [_told(finding) for finding in judgement.findings],
    }
    held = {"data": judgement.data, "attachments": event.attachments}
    if judgement.outcome == "rejected":
        return [SubmissionRejected(**told), SubmissionDocumented(**told, **held)]
    return SubmissionAccepted(
        **told,
        **held,
        outcome=judgement.outcome,
        compensation=[_paid(line) for line in judgement.compensation],
    )


def _told(finding: Finding) -> JudgedFinding:
    return JudgedFinding(
        rule=finding.rule,
        outcome=finding.outcome,
        message=finding.message,
        source=finding.source,
        pointer=finding.pointer,
    )


def _paid(line: Line) -> CompensationLine:
    return CompensationLine(
        kind=line.kind, quantity=float(line.quantity), message=line.message, source=line.source
    )


def judged_counter(registry: CollectorRegistry) -> Counter:
    return Counter(
        "kansli_submissions_judged_total",
        "Submissions judged, a count for each rule that had its say",
        ["form", "rule", "outcome"],
        registry=registry,
    )
