"""Facts over the past that stands: whose, how far back, and in any order."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from validation.facts import Past
from validation.judgement import Judgement

Judge = Callable[..., Judgement]
Visit = Callable[..., Past]

DATA = {"dag": "2026-11-12", "enhet": "kost"}
ALL = {"f": {"count": "true"}}


def facts(judged: Judge, past: list[Past], text: dict[str, Any]) -> dict[str, Any]:
    return dict(judged(DATA, {"facts": text}, past=past).facts)


def test_a_fact_counts_the_persons_own_past(judged: Judge, visit: Visit) -> None:
    """Others' reports are not mine, even to the same unit."""
    past = [visit(1), visit(2, unit="kultur"), visit(3, person="kp-2")]
    assert facts(judged, past, ALL) == {"f": 2}


def test_a_fact_over_the_unit_counts_anybody(judged: Judge, visit: Visit) -> None:
    """`past.person` tells them apart."""
    past = [visit(1), visit(2, unit="kultur"), visit(3, person="kp-2")]
    others = {"over": "unit", "count": "past.person.id != person.id"}
    assert facts(judged, past, {"f": {"over": "unit", "count": "true"}, "o": others}) == {"f": 2, "o": 1}


def test_the_report_being_judged_is_not_its_own_past(judged: Judge, visit: Visit) -> None:
    """A completion is judged without its former revision."""
    former = Past(
        submission_id="this", person_id="kp-1", unit="kost", event_date=visit(1).event_date, data=DATA
    )
    assert facts(judged, [former], ALL) == {"f": 0}


@pytest.mark.parametrize(("day", "counted"), [("2024-12-31", 0), ("2025-01-01", 1), ("2026-12-31", 1)])
def test_the_past_begins_with_the_previous_calendar_year(
    judged: Judge, visit: Visit, day: str, counted: int
) -> None:
    """The cost of a judgement is bounded however long the house has stood."""
    assert facts(judged, [visit(1, day)], ALL) == {"f": counted}


@pytest.mark.parametrize(
    ("day", "counted"), [("2026-10-12", 0), ("2026-10-13", 1), ("2026-12-12", 1), ("2026-12-13", 0)]
)
def test_within_days_reaches_both_ways(judged: Judge, visit: Visit, day: str, counted: int) -> None:
    """A visit 30 days after this one is as near as one 30 days before."""
    assert facts(judged, [visit(1, day)], {"f": {"within_days": 30, "count": "true"}}) == {"f": counted}


def test_a_sum_has_the_type_of_its_expression_also_when_empty(judged: Judge) -> None:
    """CEL does not add an int to a double."""
    sums = facts(judged, [], {"t": {"sum": "past.data.timmar"}, "a": {"sum": "past.data.antal * 2"}})
    assert (repr(sums["t"]), repr(sums["a"])) == ("0.0", "0")


def test_a_sum_takes_only_what_its_condition_allows(judged: Judge, visit: Visit) -> None:
    """`where` is asked of each."""
    past = [visit(1, timmar=3), visit(2, unit="kultur", timmar=2.5), visit(3, timmar=1)]
    where = {"f": {"sum": "past.data.timmar", "where": "past.data.enhet == 'kost'"}}
    assert facts(judged, past, where) == {"f": 4.0}


def test_free_texts_are_compared_folded(judged: Judge, visit: Visit) -> None:
    """Case, inner white space and composition differ between two days' typing."""
    past = [visit(1, enhet="  KO\u0308KET  Norr", val="Ja")]
    text = {"f": {"count": "past.data.enhet == 'köket norr' && past.data.val == 'Ja'"}}
    assert facts(judged, past, text) == {"f": 1}


def test_a_fact_without_an_answer_holds_only_who_needs_it(judged: Judge, visit: Visit) -> None:
    """An old report without the field is doubt, not nothing."""
    text = {"facts": {"f": {"sum": "past.data.timmar"}}}
    rule = {"id": "r", "outcome": "note", "when": "facts.f > 1.0", "message": "m", "source": "s"}
    assert judged(DATA, text, past=[visit(1)]).outcome == "accepted"
    assert judged(DATA, {**text, "rules": [rule]}, past=[visit(1)]).outcome == "held"


def test_a_stranger_has_no_past(judged: Judge, visit: Visit) -> None:
    """Nobody inherits the reports of others who were not found either."""
    nobody = Past(submission_id="p", person_id=None, unit="kost", event_date=visit(1).event_date, data=DATA)
    judgement = judged(DATA, {"facts": ALL}, past=[nobody], person="none")
    assert judgement.facts == {"f": 0}


@given(st.permutations(range(6)))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_order_of_the_past_does_not_matter(judged: Judge, visit: Visit, order: list[int]) -> None:
    """A query may answer in any order, and 0.1 + 0.2 is still the same sum."""
    past = [visit(number, timmar=number / 10, person=f"kp-{number % 2 + 1}") for number in order]
    text = {"f": {"over": "unit", "sum": "past.data.timmar"}, "g": {"count": "true"}}
    assert facts(judged, past, text) == {"f": 0.1 + 0.2 + 0.3 + 0.4 + 0.5, "g": 3}
