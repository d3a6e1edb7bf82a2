"""The judgement of one report: accepted, held or rejected, with every rule that had its say.

Pure: the same report, form, committee, past and moment give the same judgement. The handler runs
`circumstances` first, locks the person, fetches their past, and then runs `judge`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

import cel

from chassis.clock import day_in_stockholm, in_stockholm
from chassis.personal_numbers import Kind, masked
from validation.expressions import EvaluationError, narrowed
from validation.facts import Number, Occasion, Past, counted, nothing, relevant
from validation.findings import Finding, Verdict, verdict_of
from validation.forms import Form
from validation.register import Committee, Kontaktpolitiker
from validation.rules import Line, day_of, entry, functions_for
from validation.schemas import Schema
from validation.texts import Json, composed, on_one_line, printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    name: str
    email: str | None = None
    personal_number_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What validation knows of a submission; `received_at` is when intake received it, aware."""

    submission_id: str
    form_version: int
    received_at: datetime
    submitter: Submitter
    data: Json
    attachments: tuple[str, ...] = ()
    """File names."""
    numbers_in_attachments: tuple[Kind | None, ...] = ()
    """The surest kind of personal number in the text of each file, as intake found it."""
    findings: tuple[Finding, ...] = ()
    """What intake noticed at the door; it counts like what the rules find."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Who reports what day and where: what must be known before the past can be fetched."""

    person: Kontaktpolitiker | None
    unit: str | None
    event_date: date | None
    """None when the report has no usable date; such a report breaks its schema."""
    day: date
    """The event's day, or the day of receipt when there is none; register and past go by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    outcome: Verdict
    findings: tuple[Finding, ...]
    facts: Mapping[str, Number]
    compensation: tuple[Line, ...]
    """Empty when rejected; what a held report is paid counts only once it is released."""
    person: Kontaktpolitiker | None
    unit: str | None
    event_date: date | None
    committee: str
    title: str
    subject: str
    """One line for agenda and diary; certain personal numbers are masked in it."""
    data: Json
    """What was reported, with texts in NFC: what is kept and passed on."""


def circumstances(submission: Submission, form: Form, committee: Committee) -> Circumstances:
    return _around(composed(submission.data), submission, form, committee)


def _around(data: Json, submission: Submission, form: Form, committee: Committee) -> Circumstances:
    event_date = _date(_found(data, form.text.date))
    day = event_date or day_in_stockholm(submission.received_at)
    return Circumstances(
        person=_person(submission.submitter, form, committee, day),
        unit=_unit(_found(data, form.text.unit)),
        event_date=event_date,
        day=day,
    )


def visit_of(form: Form, data: Json) -> tuple[str | None, date | None]:
    """Where and which day the visit was, as far as the report says it."""
    return _unit(_found(data, form.text.unit)), _date(_found(data, form.text.date))


def judge(
    submission: Submission, form: Form, committee: Committee, past: Iterable[Past], now: datetime
) -> Judgement:
    """Judge a report; `past` may hold more than the form asks for, in any order.

    A report that breaks its schema is rejected for that alone: rules can rely on the schema.
    Raises `validation.forms.UnknownVersionError`.
    """
    case = _Case(submission, form, committee, now)
    broken = case.schema.findings(case.data, f"Formuläret «{form.title}»")
    return case.rejected(broken) if broken else case.judged(past)


class _Case:
    """A report with everything around it that the rules may ask for."""

    def __init__(self, submission: Submission, form: Form, committee: Committee, now: datetime) -> None:
        self.data = composed(submission.data)
        self.schema: Schema = form.schema(submission.form_version)
        self._rules = form.rules(submission.form_version)
        self._submission = submission
        self._form = form
        self._committee = committee
        self._now = now
        self._around = _around(self.data, submission, form, committee)
        self._received = day_in_stockholm(submission.received_at)

    def rejected(self, findings: tuple[Finding, ...]) -> Judgement:
        return self._judgement(findings, {}, (), self._form.title)

    def judged(self, past: Iterable[Past]) -> Judgement:
        rules, version = self._rules, self._submission.form_version
        data = self.schema.typed(self.data)
        facts = self._facts(past, data)
        told = {**self._around_it, "data": data, "facts": facts}
        context = self._context(narrowed(told, self._form.read[version]), lambda: data)
        lines, unreckoned = rules.compensation(context)
        findings = (*rules.findings(context, self._committee.rules), *unreckoned)
        return self._judgement(findings, facts, lines, self._subject(context))

    def _judgement(
        self,
        findings: tuple[Finding, ...],
        facts: Mapping[str, Number],
        lines: tuple[Line, ...],
        subject: str,
    ) -> Judgement:
        findings = (*self._submission.findings, *findings)
        outcome = verdict_of(findings)
        return Judgement(
            outcome=outcome,
            findings=tuple(map(self._safe_finding, findings)),
            facts=facts,
            compensation=() if outcome == "rejected" else tuple(map(self._safe_line, lines)),
            person=self._around.person,
            unit=self._around.unit,
            event_date=self._around.event_date,
            committee=self._committee.id,
            title=self._form.title,
            subject=on_one_line(self._safe(subject)),
            data=self.data,
        )

    def _subject(self, context: cel.Context) -> str:
        try:
            return self._form.subjects[self._submission.form_version].filled(context)
        except EvaluationError:
            return self._form.title

    def _facts(self, past: Iterable[Past], data: Json) -> dict[str, Number]:
        """Count with texts folded, in a context that holds only what facts read."""
        facts, schema, around = self._rules.facts, self.schema, self._around
        occasion = Occasion(
            submission_id=self._submission.submission_id,
            person_id=around.person.id if around.person else None,
            unit=around.unit,
            day=around.day,
        )
        earlier = relevant(past, occasion)
        if not earlier:
            return nothing(facts)
        read = self._rules.read_by_facts
        told = narrowed({**self._around_it, "data": data}, read)
        if "data" in told:
            told["data"] = schema.comparable(told["data"])
        context = self._context(told, lambda: schema.comparable(data))
        return counted(facts, occasion, earlier, schema, read, context)

    def _context(self, variables: Json, data: Callable[[], Json]) -> cel.Context:
        day, texts = self._around.day, {"": self.data, "/attachments": self._attachments}
        return cel.Context(variables, functions_for(self._committee, day, self._received, texts, data))

    @cached_property
    def _attachments(self) -> list[str]:
        return [printable(name) for name in self._submission.attachments]

    @cached_property
    def _around_it(self) -> dict[str, Any]:
        """The variables besides `data` and `facts`."""
        submitter = self._submission.submitter
        return {
            "submitter": {"name": printable(submitter.name), "email": _shown(submitter.email)},
            "person": entry(self._around.person),
            "unit": self._around.unit,
            "received_at": in_stockholm(self._submission.received_at).isoformat(),
            "today": day_in_stockholm(self._now).isoformat(),
            "form": self._form.in_cel(self._submission.form_version),
            "committee": self._committee.in_cel,
            "attachments": self._attachments,
            "in_attachments": [*self._numbers_in_attachments()],
        }

    def _numbers_in_attachments(self) -> Iterator[dict[str, str]]:
        for index, kind in enumerate(self._submission.numbers_in_attachments):
            if kind:
                yield {"kind": kind, "pointer": f"/attachments/{index}"}

    def _safe_finding(self, finding: Finding) -> Finding:
        message = self._safe(finding.message)
        return finding if message == finding.message else replace(finding, message=message)

    def _safe_line(self, line: Line) -> Line:
        return replace(line, message=self._safe(line.message)) if line.message else line

    def _safe(self, words: str) -> str:
        return masked(words, self._received)


def _person(submitter: Submitter, form: Form, committee: Committee, day: date) -> Kontaktpolitiker | None:
    if form.text.person == "none":
        return None
    return committee.find(submitter.email, submitter.personal_number_hash, day)


def _found(data: Json, pointer: str | None) -> Json:
    """Give what a JSON Pointer leads to in data nobody has judged yet, or None."""
    for step in (pointer or "").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        data = data.get(name) if isinstance(data, dict) else None
    return data if pointer else None


def _date(value: Json) -> date | None:
    try:
        return day_of(value)
    except (TypeError, ValueError):
        return None


def _unit(value: Json) -> str | None:
    return printable(value) if isinstance(value, str) else None


def _shown(text: str | None) -> str | None:
    return None if text is None else printable(text)
