"""What is answered without CEL is answered as CEL does: the quick answer never has another meaning."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.houses import SHIPPED_FORMS
from validation.expressions import EvaluationError, Expression, ExpressionError, Told, amounts, compiled
from validation.facts import Fact
from validation.forms import Form, load_form
from validation.quick_answers import quick_answer
from validation.register import committee_from
from validation.rules import functions_for
from validation.texts import texts_in

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
COMMITTEE = committee_from(
    {
        "id": "namnd",
        "name": "Nämnden",
        "units": [{"id": "a", "name": "Enhet A"}, {"id": "b", "name": "Enhet B"}],
        "kontaktpolitiker": [
            {
                "id": "a",
                "name": "Anna Exempelsson",
                "email": "a",
                "role": "member",
                "units": ["a", "b"],
                "from": "2026-01-01",
            }
        ],
    }
)
OF_KIND: dict[str, list[Any]] = {
    "text": ["", "a", "b", "A", "å", "👍", "2026-11-20", "2026-11-20T23:30:00Z"],
    "whole": [0, 1, -1, 2**63 - 1, -(2**63)],
    "broken": [0.0, -0.0, 1.0, 0.5, 1e308, -1e308],
    "truth": [True, False],
    "list": [[], ["a"], ["a", "å", "b"], ["a", 1, None]],
    "map": [{}, {"a": "b"}, {"a": None}, {"a": {"a": 1}}],
}
"""What the fields of a report mostly hold, each of the kind that it is called by."""

ATOMS = {
    "text": ["data.text", "data.other_text", "data.map.a", "unit", "person.id", "'a'", '"b"', "'&&'", "''"],
    "whole": ["data.whole", "data.other_whole", "0", "1", "9223372036854775807"],
    "broken": ["data.broken", "data.other_broken", "0.5", "8.0"],
    "truth": ["data.truth", "data.other_truth", "true", "false", "has(data.text)", "person == null"],
    "list": ["data.list", "person.units", "[]", "['a', 'b']", "[data.text, 'å', data.whole]"],
    "map": ["data.map", "person", "data", "null", "{'a': 1, 'b': data.text}"],
}
JOINED = {
    "text": ["{text} + {text}", "{truth} ? {text} : {text}", "unit_name({text})", "{{'a': {text}}}[{text}]"],
    "whole": [
        *("{whole} + {whole}", "{whole} - ({whole})", "({list}).size()", "size({map})", "year({text})"),
        *("days_between({text}, {text})", "{truth} ? {whole} : {whole}"),
    ],
    "broken": ["{broken} + {broken}", "{broken} - ({broken})", "{truth} ? {broken} : {broken}"],
    "truth": [
        *("{truth} && {truth}", "{truth} || {truth}", "!({truth})", "({truth})", "{truth} == {truth}"),
        *("{text} == {text}", "{text} != {text}", "{text} in {list}", "{text} in {map}", "{text} < {text}"),
        *("{whole} < {whole}", "{whole} >= {whole}", "{broken} <= {broken}", "{broken} > {broken}"),
        *("{map} == null", "{text} != null", "kontaktpolitiker({text}) == null", "{whole} == {whole}"),
        *("({list}).exists(one, one == {text})", "({list}).all(one, one in {list} || {truth})"),
        *("{whole} == {broken}", "{text} == {truth}", "has({map}.a)", "{broken} == {broken}"),
    ],
    "list": [
        "({list}).filter(one, one != {text})",
        "{list} + {list}",
        "({list})",
        "({list}).map(one, [one, {text}])",
    ],
    "map": ["kontaktpolitiker({text})", "({map})"],
}
"""Expressions of each kind, by what they are joined of; most have an answer."""


@st.composite
def sources(draw: st.DrawFn, kind: str, levels: int = 3) -> str:
    """An expression of the kind; what is joined in it is joined in turn."""
    pattern: str = draw(st.sampled_from([*ATOMS[kind], *JOINED[kind]] if levels else ATOMS[kind]))
    if pattern in ATOMS[kind]:
        return pattern
    return re.sub(r"{{|}}|{(\w+)}", lambda match: _part(draw, match, levels), pattern)


def _part(draw: st.DrawFn, match: re.Match[str], levels: int) -> str:
    return draw(sources(match[1], levels - 1)) if match[1] else match[0][0]


anything = st.sampled_from([value for values in OF_KIND.values() for value in values] + [None])
reports = st.fixed_dictionaries(
    {},
    optional={
        f"{other}{kind}": st.one_of(*[st.sampled_from(values)] * 9, anything)
        for kind, values in OF_KIND.items()
        for other in ("", "other_")
    },
)
people = st.sampled_from([None, COMMITTEE.kontaktpolitiker[0].in_cel])


def told(data: Any, person: Any) -> Told:
    functions = functions_for(COMMITTEE, NOW.date(), NOW.date(), {"": data}, lambda: texts_in(data))
    return Told({"data": data, "person": person, "unit": "a"}, functions, None)


def quick(expression: Expression, told: Told) -> tuple[Any, ...]:
    """Empty where CEL would be asked."""
    try:
        return (expression.quick(told.variables, told.functions),)
    except Exception:
        return ()


def by_cel(expression: Expression, told: Told) -> Any:
    try:
        return expression.program.execute(told.context)
    except BaseException as error:
        return type(error)


@given(source=st.sampled_from(sorted(JOINED)).flatmap(sources), data=reports, person=people)
@settings(max_examples=300, deadline=None)
@example("data.a == data.b || data.c", {"a": 1, "b": 1}, None)
@example("data.a == null", {"a": {}}, None)
@example("data.a + data.b - 1 < 2", {"a": 1, "b": 2**63 - 1}, None)
@example("data.a ? 'a' : data.b ? 'b' : 'c'", {"a": False, "b": True}, None)
@example("!(data.a) == false", {"a": True}, None)
@example("['a'].exists(data, data == 'a')", {}, None)
def test_a_quick_answer_is_cels(source: str, data: Mapping[str, Any], person: Any) -> None:
    """Value and type, for whatever is in the report; what raises is CEL's to answer."""
    try:
        expression = compiled(source, {"data": None, "person": None, "unit": None})
    except ExpressionError:
        return
    if answers := quick(expression, told(data, person)):
        expected = by_cel(expression, told(data, person))
        assert (repr(_kinds(answers[0])), answers[0]) == (repr(_kinds(expected)), expected)


@given(
    condition=sources("truth"),
    amount=st.sampled_from(["whole", "broken"]).flatmap(sources),
    many=st.lists(reports),
)
@settings(max_examples=80, deadline=None)
@example("past.truth", "past.broken", [{"truth": True, "broken": 0.1 * number} for number in range(9)])
def test_many_are_summed_as_one_by_one(condition: str, amount: str, many: list[Any]) -> None:
    """Of the past too: to the last bit, and what has no answer for one of them has none for all."""
    where, share = (asked_of_past(source) for source in (condition, amount))
    if where is None or share is None:
        return
    kind = 0 if "whole" in amount else 0.0
    fact = Fact("f", "person", None, share, where, kind, amounts("past", where, share))
    total = fact.quickly(told({}, None), many)
    if total is not None:
        assert repr(total) == repr(one_by_one(fact, many))


def asked_of_past(source: str) -> Expression | None:
    try:
        return compiled(re.sub(r"\bdata\b", "past", source), {"past": None, "person": None, "unit": None})
    except ExpressionError:
        return None


def one_by_one(fact: Fact, many: list[Any]) -> int | float:
    total, asked = fact.nothing, told({}, None)
    for one in many:
        asked.tell("past", one)
        total += fact.of(asked)
    return total


def _kinds(value: Any) -> Any:
    """A map of CEL's has no order."""
    if isinstance(value, dict):
        return {key: _kinds(value[key]) for key in sorted(value)}
    return [*map(_kinds, value)] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize(
    "source",
    [
        "data.a * 2 > 1",
        "data.a / 2 > 1",
        "-data.a > 1",
        "data.a.startsWith('x')",
        "data.a.matches('x')",
        "data.a.map(one, one == 'x', one)",
        r"data.a == 'x\n'",
        "data.a == r'x'",
        "data.a == '''x'''",
        "data.a == 0x10",
        "data.a == 1u",
        "data.a == 1e3",
        "data.a // a comment",
        "{1: 2}[data.a] == 2",
        "{'a': 1, 'a': 2}[data.a] == 2",
        "double(data.a) > 1.0",
        "timestamp(data.a) > timestamp(data.b)",
    ],
)
def test_what_is_not_plain_is_left_to_cel(source: str) -> None:
    """All of it: nothing is answered by halves."""
    assert not compiled(source, {"data": None}).is_plain


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("data.a == data.b", {"a": 1, "b": 1.0}),
        ("data.a == 'x'", {"a": True}),
        ("data.a < data.b", {"a": True, "b": False}),
        ("data.a + 1 > 0", {"a": 2**63 - 1}),
        ("data.a in data.b", {"a": 1, "b": [1]}),
        ("data.a && data.b", {"a": "x", "b": True}),
        ("data.a.size() > 0", {"a": "å"}),
        ("data.a > 0", {}),
        ("has(data.a.b)", {"a": []}),
        ("data.a[0] == 'x'", {"a": []}),
        ("year(data.a) > 0", {"a": "igår"}),
    ],
)
def test_a_value_that_is_not_plain_is_left_to_cel(source: str, data: Any) -> None:
    """CEL says what it comes to, or that it has no answer."""
    expression = compiled(source, {"data": None})
    assert expression.is_plain
    assert quick(expression, told(data, None)) == ()


def test_what_an_author_writes_becomes_no_python() -> None:
    """Names and texts are looked up and compared, and never run."""
    for source in ("data.__class__ == null", "data.a == '__import__'", "__builtins__ == null"):
        expression = compiled(source, {"data": None, "__builtins__": None})
        assert quick(expression, told({"a": "x"}, None)) in ((), (False,))


def expressions(form: Form) -> Iterator[Expression]:
    for version, book in form.rulebooks.items():
        yield from book.expressions
        yield from form.subjects[version].expressions
        yield from (expression for fact in book.facts for expression in fact.expressions)


@pytest.mark.parametrize("folder", sorted(SHIPPED_FORMS.glob("kontakt*")), ids=lambda folder: folder.name)
def test_every_expression_of_the_shipped_forms_is_plain(folder: Path) -> None:
    """So that a report of theirs needs no context of CEL's, which costs more than all its rules."""
    assert [one.source for one in expressions(load_form(folder)) if not one.is_plain] == []


def test_cel_is_told_of_what_changes() -> None:
    """A variable that is told anew is in CEL's context too, and nothing of the former one is left."""
    source = compiled("double(data.a) > 1.0", {"data": None})
    asked = told({"a": 2}, None)
    assert source.answer(asked, bool)
    asked.tell("data", {"a": 1})
    assert not source.answer(asked, bool)
    asked.tell("data", {})
    with pytest.raises(EvaluationError):
        source.answer(asked, bool)


@pytest.mark.parametrize(
    "source", ["data.list.exists(_debug__, true)", " + ".join(["data.whole"] * 3000)], ids=["name", "chain"]
)
def test_what_python_does_not_compile_is_left_to_cel(source: str) -> None:
    """An author's form is read, and no other form with it lost."""
    assert quick_answer(source, ()) is None
