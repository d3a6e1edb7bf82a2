"""The judgement of one report: accepted, held or rejected, with every rule that had its say.

Pure: the same report, form, committee, past and moment give the same judgement. The handler locks what
`circumstances` tells, fetches the past of the case's, and then has it judged.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

from chassis.clock import day_in_stockholm, in_stockholm
from chassis.personal_numbers import Kind, masked
from validation.expressions import EvaluationError, Read, Told, narrowed
from validation.facts import Number, Occasion, Past, counted, nothing, relevant
from validation.findings import Finding, Verdict, verdict_of
from validation.forms import Form
from validation.register import Committee, Kontaktpolitiker
from validation.rules import Line, day_of, entry, functions_for
from validation.schemas import Schema
from validation.texts import Json, composed, on_one_line, printable, texts_in


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
    counted_fields: tuple[str, ...] | None
    """The fields of it that later reports are counted by; None where any may be."""


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
    return Case(submission, form, committee).judged(past, now)


class Case:
    """A report with everything around it that the rules may ask for.

    Raises `validation.forms.UnknownVersionError`.
    """

    def __init__(self, submission: Submission, form: Form, committee: Committee) -> None:
        self._data = composed(submission.data)
        self._schema: Schema = form.schema(submission.form_version)
        self._rules = form.rules(submission.form_version)
        self._submission = submission
        self._form = form
        self._committee = committee
        self.around = _around(self._data, submission, form, committee)
        self._received = day_in_stockholm(submission.received_at)

    def judged(self, past: Iterable[Past], now: datetime) -> Judgement:
        """Judge it; `past` may hold more than the form asks for, in any order."""
        broken = self._schema.findings(self._data, f"Formuläret «{self._form.title}»")
        if broken:
            return self._judgement(broken, {}, (), self._form.title)
        return self._by_rules(past, now)

    def _by_rules(self, past: Iterable[Past], now: datetime) -> Judgement:
        rules, version = self._rules, self._submission.form_version
        data = self._schema.typed(self._data)
        around = self._around_it(now)
        facts = self._facts(past, data, around)
        variables = {**around, "data": data, "facts": facts}
        told = self._told(variables, self._form.read[version], lambda: self._texts)
        lines, unreckoned = rules.compensation(told)
        findings = (*rules.findings(told, self._committee.rules), *unreckoned)
        return self._judgement(findings, facts, lines, self._subject(told))

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
            person=self.around.person,
            unit=self.around.unit,
            event_date=self.around.event_date,
            committee=self._committee.id,
            title=self._form.title,
            subject=on_one_line(self._safe(subject)),
            data=self._data,
            counted_fields=self._form.counted_fields,
        )

    def _subject(self, told: Told) -> str:
        try:
            return self._form.subjects[self._submission.form_version].filled(told)
        except EvaluationError:
            return self._form.title

    def _facts(self, past: Iterable[Past], data: Json, variables: Mapping[str, Json]) -> dict[str, Number]:
        """Count with texts folded, and told only what facts read."""
        facts, schema, around = self._rules.facts, self._schema, self.around
        occasion = Occasion(
            submission_id=self._submission.submission_id,
            person_id=around.person.id if around.person else None,
            unit=around.unit,
            day=around.day,
        )
        earlier, version = relevant(past, occasion), self._submission.form_version
        if not earlier:
            return nothing(facts)
        read = self._rules.read_by_facts
        seen = narrowed({**variables, "data": data}, read)
        if "data" in seen:
            seen["data"] = schema.comparable(seen["data"])
        told = self._told(seen, read, lambda: texts_in(schema.comparable(data)))
        return counted(facts, occasion, earlier, self._form.past_readers[version], told)

    @cached_property
    def _texts(self) -> list[str]:
        return texts_in(self._data)

    def _told(self, variables: dict[str, Json], read: Read, data: Callable[[], Sequence[str]]) -> Told:
        day, texts = self.around.day, {"": self._data, "/attachments": self._attachments}
        return Told(variables, functions_for(self._committee, day, self._received, texts, data), read)

    @cached_property
    def _attachments(self) -> list[str]:
        return [printable(name) for name in self._submission.attachments]

    def _around_it(self, now: datetime) -> dict[str, Json]:
        """The variables besides `data` and `facts`."""
        submitter = self._submission.submitter
        return {
            "submitter": {"name": printable(submitter.name), "email": _shown(submitter.email)},
            "person": entry(self.around.person),
            "unit": self.around.unit,
            "received_at": in_stockholm(self._submission.received_at).isoformat(),
            "today": day_in_stockholm(now).isoformat(),
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
        message = line.message and self._safe(line.message)
        return line if message == line.message else replace(line, message=message)

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
