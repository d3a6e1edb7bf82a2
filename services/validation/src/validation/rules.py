"""The rules of a form: when each applies, what it then says, and what the visit is paid.

Rules are CEL over these variables:

`data`         what was reported, in NFC; numbers typed by the schema
`submitter`    `name`, and `email` or null
`person`       the register's entry for the submitter on the day of the visit, or null
`unit`         the id of the unit, or null
`facts`        what `validation.facts` counted
`received_at`  when intake received the report, ISO 8601 in Swedish time
`today`        the day of the judgement in Sweden, `2026-11-20`
`form`         `form`, `committee`, `title`, `version`, and `guideline` with the fields it has
`committee`    `id`, `name`, and `units`: unit id to name
`attachments`  the file names
`in_attachments`  {kind, pointer} for each file with a personal number in its text; pictures are not read

and these functions, besides CEL's own:

`kontaktpolitiker(email)`    the register's entry on the day of the visit, or null
`personal_numbers(value)`    {kind, pointer} for each number in a text, or in any text of a list or
                             map: `personal_numbers(data) + personal_numbers(attachments)`
`mentions(value, words)`     those of the words that some word in the texts begins with, in any case
`days_between(from, to)`     whole days between two dates or times, negative when `to` is earlier
`year(date)`                 the year in Sweden of a date or time
`unit_name(unit)`            the unit's name, or the id when the committee has no such unit

Dates are texts, and compare rightly as such.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import cel
from pydantic import BaseModel, ConfigDict, Field

from chassis.clock import day_in_stockholm
from chassis.personal_numbers import find
from validation.expressions import (
    EvaluationError,
    Expression,
    ExpressionError,
    Template,
    Vocabulary,
    compiled,
    template,
)
from validation.facts import Fact, FactText, Number, compiled_fact
from validation.findings import Finding, Outcome
from validation.register import Committee, Kontaktpolitiker
from validation.schemas import Schema
from validation.texts import Json, folded, leaves

_PERSON = frozenset({"id", "name", "email", "role", "units", "employed_in", "relatives_in"})
_GUIDELINE = frozenset({"title", "reference", "decided", "valid_to", "owner"})


@dataclass(frozen=True, slots=True)
class Line:
    """What the visit is paid: so many of a kind that the municipality has a sum for."""

    kind: str
    quantity: Number


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    outcome: Outcome
    when: Expression
    message: Template
    source: str
    pointer: Template
    is_fixed: bool
    """Whether the rule rests on facts over a unit, which can carry notes only."""

    def finding(self, context: cel.Context, overrides: Mapping[str, Outcome]) -> Finding | None:
        """Give what the rule has to say of the report; a rule without an answer holds it."""
        try:
            applies = self.when.answer(context, bool)
            return self._said(context, overrides) if applies else None
        except EvaluationError:
            return _unanswered(f"Regeln «{self.id}»", self.source)

    def _said(self, context: cel.Context, overrides: Mapping[str, Outcome]) -> Finding:
        outcome = self.outcome if self.is_fixed else overrides.get(self.id, self.outcome)
        pointer = self.pointer.filled(context) or None
        return Finding(self.id, outcome, self.message.filled(context), self.source, pointer)


@dataclass(frozen=True, slots=True)
class Payment:
    """A kind of compensation and how to reckon its quantity."""

    kind: str
    quantity: Expression

    def line(self, context: cel.Context) -> Line | Finding:
        try:
            return Line(self.kind, self.quantity.number(context))
        except EvaluationError:
            return _unanswered(f"Ersättningen «{self.kind}»", "Ersättning")


@dataclass(frozen=True, slots=True)
class Rulebook:
    facts: tuple[Fact, ...]
    rules: tuple[Rule, ...]
    payments: tuple[Payment, ...]

    def findings(self, context: cel.Context, overrides: Mapping[str, Outcome]) -> tuple[Finding, ...]:
        found = (rule.finding(context, overrides) for rule in self.rules)
        return tuple(finding for finding in found if finding)

    def compensation(self, context: cel.Context) -> tuple[tuple[Line, ...], tuple[Finding, ...]]:
        """Reckon what the visit is paid, and find what could not be reckoned."""
        lines = [payment.line(context) for payment in self.payments]
        return (
            tuple(line for line in lines if isinstance(line, Line)),
            tuple(line for line in lines if isinstance(line, Finding)),
        )


def _unanswered(what: str, source: str) -> Finding:
    words = f"{what} gick inte att pröva. Nämndsekreteraren tar ställning till rapporten."
    return Finding("rule-error", "hold", words, source)


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _RuleText(_Text):
    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    outcome: Outcome
    when: str
    message: str
    source: str
    pointer: str = ""


class _PaymentText(_Text):
    kind: str
    quantity: str


class _RulesText(_Text):
    facts: Mapping[str, FactText] = {}
    rules: tuple[_RuleText, ...] = ()
    compensation: tuple[_PaymentText, ...] = ()


def rulebook(content: Any, schema: Schema) -> Rulebook:
    """Compile rules.yaml's content; raises `pydantic.ValidationError` or `ExpressionError`."""
    text = _RulesText.model_validate(content or {})
    _refuse_namesakes([rule.id for rule in text.rules])
    facts = tuple(_facts(text, schema))
    words = vocabulary(schema, facts)
    by_unit = frozenset(fact.name for fact in facts if fact.over == "unit")
    return Rulebook(
        facts,
        tuple(_rule(rule, words, by_unit) for rule in text.rules),
        tuple(Payment(one.kind, compiled(one.quantity, words)) for one in text.compensation),
    )


def _refuse_namesakes(ids: Sequence[str]) -> None:
    if twice := {one for one in ids if ids.count(one) > 1}:
        raise ExpressionError(f"there are several rules with the id {', '.join(sorted(twice))}")


def _facts(text: _RulesText, schema: Schema) -> Iterator[Fact]:
    words = {
        **vocabulary(schema, ()),
        "past": frozenset({"person", "unit", "event_date", "data"}),
        "past.person": frozenset({"id"}),
        "past.data": schema.root.properties,
    }
    blank = _blank_context(schema)
    for name, fact in text.facts.items():
        try:
            yield compiled_fact(name, fact, words, blank)
        except ExpressionError as error:
            raise ExpressionError(f"fact {name}: {error}") from error


def _rule(text: _RuleText, words: Vocabulary, by_unit: frozenset[str]) -> Rule:
    try:
        when = compiled(text.when, words)
        message, pointer = template(text.message, words), template(text.pointer, words)
    except ExpressionError as error:
        raise ExpressionError(f"rule {text.id}: {error}") from error
    is_fixed = bool(when.uses("facts") & by_unit)
    if is_fixed and text.outcome != "note":
        raise ExpressionError(f"rule {text.id}: facts over a unit carry notes only")
    return Rule(text.id, text.outcome, when, message, text.source, pointer, is_fixed)


def vocabulary(schema: Schema, facts: Sequence[Fact]) -> Vocabulary:
    """Give the names that rules, and the form's subject, may use."""
    return {
        "data": schema.root.properties or None,
        "submitter": frozenset({"name", "email"}),
        "person": _PERSON,
        "unit": None,
        "facts": frozenset(fact.name for fact in facts),
        "received_at": None,
        "today": None,
        "form": frozenset({"form", "committee", "title", "version", "guideline"}),
        "form.guideline": _GUIDELINE,
        "committee": frozenset({"id", "name", "units"}),
        "attachments": None,
        "in_attachments": None,
    }


def entry(person: Kontaktpolitiker | None) -> Mapping[str, Any] | None:
    """Give a register entry as CEL sees it; the keyed hash stays outside."""
    return None if person is None else person.in_cel


def functions_for(
    committee: Committee, day: date, received: date, texts: Mapping[str, Json]
) -> dict[str, Callable[..., Any]]:
    """Make the functions of one judgement; `texts` are what numbers are pointed out in."""
    seen = _Seen(_Pointers(texts), received)
    return {
        "kontaktpolitiker": lambda email: entry(committee.by_email(_text(email), day)),
        "personal_numbers": seen.numbers,
        "mentions": lambda value, words: _mentioned(value, tuple(map(_text, words))),
        "days_between": lambda since, until: (day_of(until) - day_of(since)).days,
        "year": lambda moment: day_of(moment).year,
        "unit_name": lambda unit: committee.unit_name(_text(unit)),
    }


class _Pointers:
    """Where each text stands in the report, looked up only once a number is found in it."""

    def __init__(self, texts: Mapping[str, Json]) -> None:
        self._texts = texts

    def of(self, text: str) -> str:
        places = (place for place in self._places() if place[1] == text)
        return next(places, ("", text))[0]

    def _places(self) -> Iterator[tuple[str, Json]]:
        for prefix, value in self._texts.items():
            yield from leaves(value, prefix)


class _Seen:
    """The numbers found during one judgement: rules ask for those of the same texts several times."""

    def __init__(self, pointers: _Pointers, today: date) -> None:
        self._pointers = pointers
        self._today = today
        self._found: list[tuple[Json, list[dict[str, str]]]] = []

    def numbers(self, value: Json) -> list[dict[str, str]]:
        for known, found in self._found:
            if known == value:
                return found
        found = list(_numbers(value, self._today, self._pointers))
        self._found.append((value, found))
        return found


def _numbers(value: Json, today: date, pointers: _Pointers) -> Iterator[dict[str, str]]:
    for _, text in leaves(value):
        if isinstance(text, str):
            for number in find(text, today):
                yield {"kind": number.kind, "pointer": pointers.of(text)}


def _mentioned(value: Json, words: tuple[str, ...]) -> list[str]:
    text = "\n".join(folded(leaf) for _, leaf in leaves(value) if isinstance(leaf, str))
    return list(dict.fromkeys(filter(None, _any_of(words).findall(text))))


@lru_cache(maxsize=64)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Compile a rule's word list once; rules are few and their lists never change."""
    return re.compile(rf"\b(?:{'|'.join(re.escape(folded(word)) for word in words)})")


def _text(value: Any) -> str:
    """Refuse what is no text without repeating it: the library prints what functions raise."""
    if not isinstance(value, str):
        raise TypeError("the function takes a text")
    return value


def day_of(value: Any) -> date:
    """Give the day in Sweden of a date, or of a time with or without a zone."""
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        raise ValueError("the function takes a date such as 2026-11-20") from None
    try:
        return day_in_stockholm(moment) if moment.tzinfo else moment.date()
    except OverflowError:
        raise ValueError("the day lies outside the calendar") from None


def _blank_context(schema: Schema) -> cel.Context:
    nobody = Committee(id="", name="")
    data = schema.root.blank()
    past = {"person": {"id": ""}, "unit": "", "event_date": "2000-01-01", "data": data}
    return cel.Context(
        {"data": data, "past": past, "unit": "", "today": "2000-01-01"},
        functions_for(nobody, date.min, date.min, {}),
    )
