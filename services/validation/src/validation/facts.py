"""Facts: what the earlier reports that stand say about this one.

The caller fetches the past, by an indexed query, in the same serialised step in which it stores the
judgement; `scopes` tells which past a form asks for and `earliest` how far back. Facts see free
texts folded, on both sides, since what they compare was written by hand at different times.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from validation.expressions import (
    EvaluationError,
    Expression,
    ExpressionError,
    Read,
    Told,
    Vocabulary,
    amounts,
    compiled,
    narrowed,
    read_by,
)
from validation.quick_answers import QuickAmounts
from validation.schemas import Schema
from validation.texts import Json

Scope = Literal["person", "unit"]
Number = int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An earlier submission of the form that stands: accepted, or held and not returned.

    Its newest revision only, and `event_date` is the visit's day, not the day it was received.
    """

    submission_id: str
    person_id: str | None
    unit: str | None
    event_date: date
    data: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What the facts are about: the report being judged, by whom, where and which day."""

    submission_id: str
    person_id: str | None
    unit: str | None
    day: date


@dataclass(frozen=True, slots=True)
class Fact:
    """A count (`share` answers true or false) or a sum (`share` answers a number, if `where`)."""

    name: str
    over: Scope
    within_days: int | None
    share: Expression
    where: Expression | None
    nothing: Number
    """The fact without any past: 0 or 0.0, which tells a sum's type."""
    quick: QuickAmounts
    """What each of many reports adds to it, without CEL."""

    @property
    def expressions(self) -> Iterator[Expression]:
        return (part for part in (self.share, self.where) if part)

    def covered(self, past: Sequence[Past], occasion: Occasion) -> list[int]:
        """Which of the past it looks at, by place."""
        if self.over == "person":
            whose = occasion.person_id
            same = [place for place, one in enumerate(past) if one.person_id == whose]
        else:
            whose = occasion.unit
            same = [place for place, one in enumerate(past) if one.unit == whose]
        if whose is None:
            return []
        near = self.within_days
        if near is None:
            return same
        return [place for place in same if abs((past[place].event_date - occasion.day).days) <= near]

    def quickly(self, told: Told, past: Sequence[Json]) -> Number | None:
        """Count or sum, one after the other; None where CEL must be asked of at least one."""
        try:
            shares = self.quick(told.variables, told.functions, past)
        except Exception:
            return None
        total = self.nothing
        for share in shares:
            total += type(self.nothing)(share)
        return total

    def of(self, told: Told) -> Number:
        """Give what the `past` that is told adds to the fact; raises `EvaluationError`."""
        if self.where is None:
            return int(self.share.answer(told, bool))
        if not self.where.answer(told, bool):
            return self.nothing
        return type(self.nothing)(self.share.number(told))


class FactText(BaseModel):
    """A fact as its author writes it in rules.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    over: Scope = "person"
    within_days: int | None = Field(default=None, ge=0)
    count: str | None = None
    sum: str | None = None
    where: str | None = None
    from_version: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _counts_or_sums(self) -> Self:
        if (self.count is None) == (self.sum is None):
            raise ValueError("a fact has either count or sum")
        if self.where is not None and self.sum is None:
            raise ValueError("where belongs to sum; write the whole condition in count")
        return self


def compiled_fact(name: str, text: FactText, words: Vocabulary, blank: Told) -> Fact:
    """Compile a fact; `blank` is told where `past` and `data` are filled in by type only."""
    if text.count is not None:
        share = compiled(text.count, words)
        return Fact(name, text.over, text.within_days, share, None, 0, amounts("past", share, None))
    share = compiled(str(text.sum), words)
    where = compiled(text.where or "true", words)
    quick = amounts("past", where, share)
    return Fact(name, text.over, text.within_days, share, where, _zero(share, blank), quick)


def _zero(share: Expression, blank: Told) -> Number:
    try:
        return type(share.number(blank))(0)
    except EvaluationError as error:
        raise ExpressionError(f"`{share.source}` cannot be summed: {error}") from error


def scopes(facts: Iterable[Fact]) -> frozenset[Scope]:
    """Tell whose past the facts ask for: the person's, the unit's, both or nobody's."""
    return frozenset(fact.over for fact in facts)


def earliest(day: date) -> date:
    """Give the first day of the past of an event: the previous calendar year, to bound the cost."""
    return date(max(day.year - 1, 1), 1, 1)


def relevant(past: Iterable[Past], occasion: Occasion) -> list[Past]:
    """Leave out the report itself and what is too old.

    The order is always the same, so that sums of floats are, however the past was fetched.
    """
    first = earliest(occasion.day)
    others = (one for one in past if one.submission_id != occasion.submission_id)
    recent = (one for one in others if one.event_date >= first)
    return sorted(recent, key=lambda one: one.submission_id)


def nothing(facts: Iterable[Fact]) -> dict[str, Number]:
    """Give the facts of somebody without a past."""
    return {fact.name: fact.nothing for fact in facts}


def counted(
    facts: Sequence[Fact], occasion: Occasion, past: Sequence[Past], seen: "PastReader", told: Told
) -> dict[str, Number]:
    """Count every fact; one that has no answer is left out, so that what needs it has none either.

    `past` is what `relevant` gave.
    """
    totals = nothing(facts)
    covered = [fact.covered(past, occasion) for fact in facts]
    read = {place: seen.of(past[place]) for place in sorted(set().union(*covered))}
    left: dict[int, list[Fact]] = {place: [] for place in read}
    for fact, places in zip(facts, covered, strict=True):
        total = fact.quickly(told, [read[place] for place in places])
        if total is not None:
            totals[fact.name] = total
            continue
        for place in places:
            left[place].append(fact)
    for place, by_cel in left.items():
        _add(by_cel, told, read[place], totals)
    return totals


def _add(facts: Sequence[Fact], told: Told, past: Json, totals: dict[str, Number]) -> None:
    """One report at a time for all facts, since CEL copies all that it knows for each."""
    if facts:
        told.tell("past", past)
    for fact in facts:
        try:
            if fact.name in totals:
                totals[fact.name] += fact.of(told)
        except EvaluationError:
            del totals[fact.name]


class PastReader:
    """What facts are told of a past report: the parts that they read, numbers typed and free texts folded."""

    def __init__(self, read: Read, schema: Schema) -> None:
        parts = None if read is None else read.get("past", {})
        if parts is None:
            parts = dict.fromkeys((*_AROUND, "data"))
        self._around = [(name, make) for name, make in _AROUND.items() if name in parts]
        self._schema = schema
        self._data = parts.get("data", {})
        self._reads_data = "data" in parts
        self._fields = [
            (name, part, schema.root.child(name).in_facts) for name, part in (self._data or {}).items()
        ]

    def of(self, past: Past) -> Json:
        told = {name: make(past) for name, make in self._around}
        if self._reads_data:
            told["data"] = self._schema.in_facts(past.data) if self._data is None else self._read(past.data)
        return told

    def _read(self, data: Json) -> Json:
        """Field by field and by the value's type, since this is done for every report of every past."""
        seen = {}
        for name, part, ways in self._fields:
            if name in data:
                value = data[name] if part is None else narrowed(data[name], part)
                way = ways.get(type(value))
                seen[name] = value if way is None else way(value)
        return seen


_AROUND: Mapping[str, Callable[[Past], Json]] = {
    "person": lambda past: None if past.person_id is None else {"id": past.person_id},
    "unit": lambda past: past.unit,
    "event_date": lambda past: past.event_date.isoformat(),
}
"""What `past` is in an expression, besides its data."""


def read_by_facts(facts: Iterable[Fact]) -> Read:
    """Give what the facts need of the variables, `past` among them."""
    return read_by(expression for fact in facts for expression in fact.expressions)
