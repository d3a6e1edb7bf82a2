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

A fact, a rule or a line of compensation may say `from_version: 2`: it holds for that version of the
form and newer ones. Each is checked against the schema of every version that it holds for.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache, partial
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field

from chassis.clock import day_in_stockholm
from chassis.faults import Fault, Faulty, Place
from chassis.personal_numbers import find
from validation.expressions import (
    EvaluationError,
    Expression,
    ExpressionError,
    Read,
    Template,
    Told,
    Vocabulary,
    compiled,
    template,
)
from validation.facts import Fact, FactText, Number, compiled_fact, read_by_facts
from validation.findings import Finding, Outcome
from validation.register import Committee, Kontaktpolitiker
from validation.schemas import Schema, matcher
from validation.texts import Json, folded, folded_spaced, leaves, texts_in

log = structlog.get_logger()

T = TypeVar("T")

_PERSON = frozenset({"id", "name", "email", "role", "units", "employed_in", "relatives_in"})
_GUIDELINE = frozenset({"title", "reference", "decided", "valid_to", "owner"})


@dataclass(frozen=True, slots=True)
class Line:
    """What the visit is paid: so many of a kind that the municipality has a sum for.

    `message` is the person's position ("Besök 2 av 2 som ersätts år 2026."), also where nothing is paid.
    """

    kind: str
    quantity: Number
    message: str | None = None
    source: str | None = None


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

    def finding(self, told: Told, overrides: Mapping[str, Outcome]) -> Finding | None:
        """Give what the rule has to say of the report; a rule without an answer holds it."""
        try:
            applies = self.when.answer(told, bool)
            return self._said(told, overrides) if applies else None
        except EvaluationError as error:
            log.error("rule.failed", rule=self.id, reason=str(error))
            return _unanswered(f"Regeln «{self.id}»", self.source)

    def _said(self, told: Told, overrides: Mapping[str, Outcome]) -> Finding:
        outcome = self.outcome if self.is_fixed else overrides.get(self.id, self.outcome)
        pointer = self.pointer.filled(told) or None
        return Finding(self.id, outcome, self.message.filled(told), self.source, pointer)


@dataclass(frozen=True, slots=True)
class Payment:
    """A kind of compensation, how to reckon its quantity, and what to say of it."""

    kind: str
    quantity: Expression
    message: Template
    source: str | None

    def line(self, told: Told) -> Line | Finding:
        try:
            message = self.message.filled(told) or None
            return Line(self.kind, self.quantity.number(told), message, self.source)
        except EvaluationError as error:
            log.error("rule.failed", rule=self.kind, reason=str(error))
            return _unanswered(f"Ersättningen «{self.kind}»", self.source or "Ersättning")


@dataclass(frozen=True)
class Rulebook:
    facts: tuple[Fact, ...]
    rules: tuple[Rule, ...]
    payments: tuple[Payment, ...]

    @cached_property
    def read_by_facts(self) -> Read:
        return read_by_facts(self.facts)

    @property
    def expressions(self) -> Iterator[Expression]:
        """Those of rules and payments; facts are counted before, with less around them."""
        for rule in self.rules:
            yield from (rule.when, *rule.message.expressions, *rule.pointer.expressions)
        for payment in self.payments:
            yield from (payment.quantity, *payment.message.expressions)

    def findings(self, told: Told, overrides: Mapping[str, Outcome]) -> tuple[Finding, ...]:
        found = [rule.finding(told, overrides) for rule in self.rules]
        return tuple([finding for finding in found if finding])

    def compensation(self, told: Told) -> tuple[tuple[Line, ...], tuple[Finding, ...]]:
        """Reckon what the visit is paid, and find what could not be reckoned."""
        lines = [payment.line(told) for payment in self.payments]
        return (
            tuple(line for line in lines if isinstance(line, Line)),
            tuple(line for line in lines if isinstance(line, Finding)),
        )


def _unanswered(what: str, source: str) -> Finding:
    words = f"{what} gick inte att pröva. Nämndsekreteraren tar ställning till rapporten."
    return Finding("rule-error", "hold", words, source)


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Part(_Text):
    """A part of rules.yaml; it holds from that version of the form on, and older ones know nothing of it."""

    from_version: int = Field(default=1, ge=1)


class _RuleText(_Part):
    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    outcome: Outcome
    when: str
    message: str
    source: str
    pointer: str = ""


class _PaymentText(_Part):
    kind: str
    quantity: str
    message: str = ""
    source: str | None = None


class RulesText(_Text):
    """rules.yaml as its author writes it."""

    facts: Mapping[str, FactText] = {}
    rules: tuple[_RuleText, ...] = ()
    compensation: tuple[_PaymentText, ...] = ()


def rulebooks(content: Any, schemas: Mapping[int, Schema]) -> Mapping[int, Rulebook]:
    """Compile rules.yaml's content for each version of the form.

    Raises `pydantic.ValidationError`, or `chassis.faults.Faulty` with all that cannot be used.
    """
    text = RulesText.model_validate(content or {})
    faults = dict.fromkeys(_namesakes(text))
    books = {}
    for version in sorted(schemas, reverse=True):
        compiling = _Compiling(schemas[version], version, is_newest=version == max(schemas))
        books[version] = compiling.rulebook(text)
        for fault in compiling.faults:
            if fault.place not in {known.place for known in faults}:
                faults[fault] = None
    if faults:
        raise Faulty([*faults])
    return books


def _namesakes(text: RulesText) -> Iterator[Fault]:
    ids = [rule.id for rule in text.rules]
    for number, one in enumerate(ids):
        if one in ids[:number]:
            yield Fault(("rules", number, "id"), f"there are several rules with the id {one}; rename one")


class _Compiling:
    """rules.yaml for one version of the form, and what of it cannot be compiled."""

    def __init__(self, schema: Schema, version: int, *, is_newest: bool) -> None:
        self.faults: list[Fault] = []
        self._schema = schema
        self._version = version
        self._is_newest = is_newest

    def rulebook(self, text: RulesText) -> Rulebook:
        facts = tuple(filter(None, self._facts(text)))
        words = vocabulary(self._schema, facts)
        by_unit = frozenset(fact.name for fact in facts if fact.over == "unit")
        rules = [self._rule(number, one, words, by_unit) for number, one in enumerate(text.rules)]
        payments = [self._payment(number, one, words) for number, one in enumerate(text.compensation)]
        return Rulebook(facts, tuple(filter(None, rules)), tuple(filter(None, payments)))

    def _facts(self, text: RulesText) -> Iterator[Fact | None]:
        words = {
            **vocabulary(self._schema, ()),
            "past": frozenset({"person", "unit", "event_date", "data"}),
            "past.person": frozenset({"id"}),
            "past.data": self._schema.root.properties,
        }
        blank = _blank(self._schema)
        for name, fact in text.facts.items():
            if self._holds(fact.from_version):
                yield self._part(
                    ("facts", name), f"fact {name}", partial(compiled_fact, name, fact, words, blank)
                )

    def _rule(self, number: int, text: _RuleText, words: Vocabulary, by_unit: frozenset[str]) -> Rule | None:
        if not self._holds(text.from_version):
            return None
        place, what = ("rules", number), f"rule {text.id}"
        when = self._part((*place, "when"), what, partial(compiled, text.when, words))
        message = self._part((*place, "message"), what, partial(template, text.message, words))
        pointer = self._part((*place, "pointer"), what, partial(self._pointer, text.pointer, words))
        if when is None or message is None or pointer is None:
            return None
        is_fixed = bool(when.uses("facts") & by_unit)
        if is_fixed and text.outcome != "note":
            self._fault((*place, "outcome"), f"{what}: facts over a unit carry notes only; write note")
        return Rule(text.id, text.outcome, when, message, text.source, pointer, is_fixed)

    def _pointer(self, text: str, words: Vocabulary) -> Template:
        """A pointer without expressions must lead to a field; others are known only with a report."""
        pointer = template(text, words)
        if text and pointer.is_plain and not self._schema.has(text):
            raise ExpressionError(f"the pointer {text} leads to no field of the schema")
        return pointer

    def _payment(self, number: int, text: _PaymentText, words: Vocabulary) -> Payment | None:
        if not self._holds(text.from_version):
            return None
        place, what = ("compensation", number), f"compensation {text.kind}"
        quantity = self._part((*place, "quantity"), what, partial(compiled, text.quantity, words))
        message = self._part((*place, "message"), what, partial(template, text.message, words))
        if quantity is None or message is None:
            return None
        return Payment(text.kind, quantity, message, text.source)

    def _holds(self, from_version: int) -> bool:
        return from_version <= self._version

    def _part(self, place: Place, what: str, compile_it: Callable[[], T]) -> T | None:
        try:
            return compile_it()
        except ExpressionError as error:
            self._fault(place, f"{what}: {error}")
            return None

    def _fault(self, place: Place, words: str) -> None:
        older = "" if self._is_newest else f" (in version {self._version}; say from_version if it came later)"
        self.faults.append(Fault(place, words + older))


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
    committee: Committee,
    day: date,
    received: date,
    texts: Mapping[str, Json],
    data: Callable[[], Sequence[str]],
) -> dict[str, Callable[..., Any]]:
    """Make the functions of one judgement; `texts` are what numbers are pointed out in.

    `data` gives all texts of what was reported to the functions that are asked about all of it.
    """
    seen = _Seen(_Pointers(texts), received)
    return {
        "kontaktpolitiker": lambda email: entry(committee.by_email(_text(email), day)),
        "personal_numbers": seen.numbers,
        "personal_numbers_in_data": lambda: seen.numbers_in(data()),
        "mentions": lambda value, words: _mentioned(texts_in(value), words),
        "mentions_in_data": lambda words: _mentioned(data(), words),
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
        self._found: list[tuple[Sequence[str], list[dict[str, str]]]] = []

    def numbers(self, value: Json) -> list[dict[str, str]]:
        return self.numbers_in(texts_in(value))

    def numbers_in(self, texts: Sequence[str]) -> list[dict[str, str]]:
        for known, found in self._found:
            if known == texts:
                return found
        found = list(_numbers(texts, self._today, self._pointers))
        self._found.append((texts, found))
        return found


def _numbers(texts: Sequence[str], today: date, pointers: _Pointers) -> Iterator[dict[str, str]]:
    for text in texts:
        if len(text) >= _SHORTEST_NUMBER or not text.isascii():
            for number in find(text, today):
                yield {"kind": number.kind, "pointer": pointers.of(text)}


_SHORTEST_NUMBER = 10
"""Digits; outside ASCII one character can become two of them."""


def _mentioned(texts: Sequence[str], words: Sequence[Any]) -> list[str]:
    sought = _sought(tuple(map(_text, words)))
    return sought.found_in(texts) if sought.may_be_in(texts) else []


class _Sought:
    """The words of a rule's list, as they are looked for."""

    def __init__(self, words: tuple[str, ...]) -> None:
        folded_words = [folded(word) for word in words]
        self._beginnings = {word.partition(" ")[0] for word in folded_words}
        self._begins = _any_of(self._beginnings)
        self._any = re.compile(rf"\b(?:{'|'.join(map(re.escape, folded_words))})")

    def may_be_in(self, texts: Sequence[str]) -> bool:
        """Answer for most texts at a tenth of the cost: where a word's first part is not, the word is not.

        White space need not be collapsed for that, since the first part has none.
        """
        return self._begins(folded_spaced("\n".join(texts)))

    def found_in(self, texts: Sequence[str]) -> list[str]:
        found = self._any.findall("\n".join(map(folded, texts)))
        return list(dict.fromkeys(filter(None, found)))


def _any_of(beginnings: Collection[str]) -> Callable[[str], bool]:
    """Words of letters are sought all at once, by the engine of the schemas' patterns."""
    if all(map(str.isalpha, beginnings)):
        return matcher("|".join(beginnings))
    return lambda text: any(beginning in text for beginning in beginnings)


@lru_cache(maxsize=64)
def _sought(words: tuple[str, ...]) -> _Sought:
    """Compile a rule's word list once; rules are few and their lists never change."""
    return _Sought(words)


def _text(value: Any) -> str:
    """Refuse what is no text without repeating it: the library prints what functions raise."""
    if not isinstance(value, str):
        raise TypeError("the function takes a text")
    return value


@lru_cache(maxsize=1024)
def day_of(value: Any) -> date:
    """Give the day in Sweden of a date, or of a time with or without a zone.

    A judgement asks for the same few days a dozen times; the last thousand are kept.
    """
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        raise ValueError("the function takes a date such as 2026-11-20") from None
    try:
        return day_in_stockholm(moment) if moment.tzinfo else moment.date()
    except OverflowError:
        raise ValueError("the day lies outside the calendar") from None


def _blank(schema: Schema) -> Told:
    nobody = Committee(id="", name="")
    data = schema.root.blank()
    past = {"person": {"id": ""}, "unit": "", "event_date": "2000-01-01", "data": data}
    return Told(
        {"data": data, "past": past, "unit": "", "today": "2000-01-01"},
        functions_for(nobody, date.min, date.min, {}, lambda: texts_in(data)),
        None,
    )
