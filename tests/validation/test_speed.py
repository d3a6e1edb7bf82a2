"""What a judgement may cost, and that what makes it cheap is switched on."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from validation.expressions import compiled, narrowed
from validation.facts import Past
from validation.forms import load_form
from validation.judgement import Judgement, Submission, Submitter, circumstances, judge
from validation.register import load_committees

ROOT = Path(__file__).parents[2]
FORMS = ROOT / "schemas" / "forms"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LONGEST_TEXT = {"kontaktpolitiker-valfard": "sammanfattning", "kontaktpolitiker-social": "iakttagelser"}
LIMIT = {"kontaktpolitiker-valfard": 180.0, "kontaktpolitiker-social": 220.0}
"""µs of CPU on the reference machine, where they take some 100 and 130."""

LIMIT_EACH = 10.0
"""µs for each earlier report of the person, where it takes 3 or 4."""

LOOP_ON_REFERENCE = 90.0
"""µs that `loop` takes there: two shared cores, CPython 3.11."""

SLOWEST = 3.0
"""Times slower than the reference: on a machine slower than that the limit says nothing, and stays here."""


def loop() -> int:
    """Nothing but interpreter: it is as slow as the machine is just now."""
    return sum(number * number % 7 for number in range(2000))


def cost(work: Callable[[], object]) -> float:
    """In µs of this process's CPU."""
    begun = time.process_time_ns()
    work()
    return (time.process_time_ns() - begun) / 1000


def on_reference(work: Callable[[], object], times: int = 200) -> float:
    """The median in µs, by how slow the loop is meanwhile, as it would be on the reference machine."""
    both = [(cost(loop), cost(work)) for _ in range(times)]
    machine = statistics.median(looped for looped, _ in both)
    spent = statistics.median(worked for _, worked in both)
    return spent / min(max(machine / LOOP_ON_REFERENCE, 1.0), SLOWEST)


def typical(name: str, earlier: int = 3) -> Callable[[], Judgement]:
    """Give the judging of a 2 KB report with some before it."""
    form = load_form(FORMS / name)
    committee = load_committees(ROOT / "deploy" / "example", NOW.date())[form.committee]
    data = json.loads((FORMS / name / "examples" / "accepted.json").read_text("utf-8"))["data"]
    person = committee.kontaktpolitiker[0]
    submission = Submission(
        submission_id="this",
        form_version=1,
        received_at=NOW,
        submitter=Submitter(name=person.name, email=person.email),
        data={**data, LONGEST_TEXT[name]: "Personalen berättade om schemat och maten. " * 36},
    )
    around = circumstances(submission, form, committee)
    before = Past(
        submission_id="past", person_id=person.id, unit=around.unit, event_date=around.day, data=data
    )
    past = [replace(before, submission_id=f"past-{number}") for number in range(earlier)]
    return lambda: judge(submission, form, committee, past, NOW)


@pytest.mark.slow
@pytest.mark.parametrize("name", LONGEST_TEXT)
def test_a_typical_report_is_judged_within_its_limit(name: str) -> None:
    """Schema, facts and rules together, at the median of the best round; other work only adds."""
    judged = typical(name)
    spent = min(on_reference(judged) for _ in range(8))
    sys.stdout.write(f"{name}: {spent:.0f} µs of {LIMIT[name]:.0f}\n")
    assert spent <= LIMIT[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", LONGEST_TEXT)
def test_a_thousand_reports_before_cost_some_microseconds_each(name: str) -> None:
    """Asking CEL about each would take ten times that."""
    spent = min(on_reference(typical(name, 1000), times=5) for _ in range(3))
    sys.stdout.write(f"{name}: {spent / 1000:.1f} µs of {LIMIT_EACH} for each before it\n")
    assert spent / 1000 <= LIMIT_EACH


@pytest.mark.parametrize("name", LONGEST_TEXT)
def test_the_shipped_forms_have_the_quick_yes(name: str) -> None:
    """A schema that is not proven to be judged alike by both libraries costs ten times as much."""
    assert all(schema.is_quick for schema in load_form(FORMS / name).versions.values())


@pytest.mark.parametrize("name", LONGEST_TEXT)
def test_long_texts_of_the_shipped_forms_stay_out_of_cel(name: str) -> None:
    """No rule reads the text itself: the functions that look through all of the report find it."""
    read = load_form(FORMS / name).read[1]
    assert read is not None
    data = read["data"]
    assert data is not None
    assert LONGEST_TEXT[name] not in data


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("data.a.b == 1", {"a": {"b": 1}}),
        ("data.a == null", {"a": {}}),
        ("data.a.size() == data.e.size()", {"a": {"b": 1, "c": 2}, "e": [3]}),
        ("has(data.x) || has(data.d)", {"d": {}}),
        ("has(data.a.b) && has(data.d) && data.d.f == 4", {"a": {"b": 1}, "d": {"f": 4}}),
        ("data.exists(name, name == 'a')", None),
        ("data['a'].b == 1", None),
        ("[data].all(one, one.a.b == 1)", None),
        ("data.a.b == 1 // don't\n && data.d.f == 4 && 'x' != ''", None),
        ("'''it's''' != '' && data.a.b == 1", None),
        (r"r'\' != '' && data.a.b == 1 && '' == ''", None),
        ("personal_numbers(data) == []", None),
        ("[1].all(data, personal_numbers(data) == [])", None),
    ],
)
def test_an_expression_is_given_what_it_reads(source: str, left: Any) -> None:
    """And the whole where it cannot be told; functions over all of `data` need nothing of it handed over."""
    data = {"a": {"b": 1, "c": 2}, "d": {"f": 4}, "e": [3]}
    seen = narrowed({"data": data}, compiled(source, {"data": None}).read)
    if source.startswith("personal_numbers"):
        assert seen == {}
    else:
        assert seen["data"] == (data if left is None else left)
