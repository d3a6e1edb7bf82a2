"""What one report costs validation: `python -m bench.judging` prints µs of CPU, median and p99.

The judgement is measured alone, with as many earlier reports of the person as are named.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bench.run import Run
from validation.facts import Past
from validation.forms import Form, load_forms
from validation.judgement import Judgement, Submission, Submitter, circumstances, judge, visit_of
from validation.register import Committee, load_committees

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TIMES = 1000
TYPICAL_BYTES = 2048
EARLIER = (0, 3, 1000)
"""Reports that the person has made before: none, as many as in most years, and more than anybody ever."""

LONGEST_TEXT = {"kontaktpolitiker-valfard": "sammanfattning", "kontaktpolitiker-social": "iakttagelser"}


class Case:
    """A typical report of a form: 2 KB, by somebody assigned to the unit, with reports before it."""

    def __init__(self, form: Form, committee: Committee, data: Any, text: str) -> None:
        self.form = form
        self.committee = committee
        self.submission = _submission(form, committee, _filled(data, text))

    def past(self, count: int) -> list[Past]:
        return [_past(self, number) for number in range(count)]

    def judged_after(self, past: Sequence[Past]) -> Judgement:
        return judge(self.submission, self.form, self.committee, past, NOW)


def cases() -> Iterator[Case]:
    forms = load_forms([ROOT / "schemas" / "forms"])
    committees = load_committees(ROOT / "deploy" / "example", NOW.date())
    for form in forms.values():
        if form.name in LONGEST_TEXT:
            path = next((ROOT / "schemas" / "forms" / form.name / "examples").glob("accepted*.json"))
            example = json.loads(path.read_text("utf-8"))
            yield Case(form, committees[form.committee], example["data"], LONGEST_TEXT[form.name])


def _filled(data: Any, text: str) -> Any:
    """The report with words in it until it is as long as a typical one."""
    room = TYPICAL_BYTES - len(json.dumps(data, ensure_ascii=False).encode())
    words = "Personalen berättade om schemat och om maten. " * (TYPICAL_BYTES // 40)
    return {**data, text: words[:room]}


def _submission(form: Form, committee: Committee, data: Any) -> Submission:
    unit, day = visit_of(form, data)
    terms = committee.kontaktpolitiker
    person = next(term for term in terms if unit in term.units and term.in_office(day or NOW.date()))
    return Submission(
        submission_id="this",
        form_version=1,
        received_at=NOW,
        submitter=Submitter(name=person.name, email=person.email),
        data=data,
    )


def _past(case: Case, number: int) -> Past:
    around = circumstances(case.submission, case.form, case.committee)
    return Past(
        submission_id=f"past-{number}",
        person_id=around.person.id if around.person else None,
        unit=around.unit,
        event_date=around.day,
        data={
            **case.submission.data,
            "besoksdatum": (NOW.date() - timedelta(days=40 + 2 * number)).isoformat(),
        },
    )


def measured(work: Callable[[], object], times: int = TIMES) -> tuple[float, float]:
    """Median and p99 in µs of this process's CPU."""
    spent = []
    for _ in range(times):
        begun = time.process_time_ns()
        work()
        spent.append((time.process_time_ns() - begun) / 1000)
    return statistics.median(spent), statistics.quantiles(spent, n=100)[98]


def _times(earlier: int) -> int:
    """What takes long is measured less often."""
    return TIMES // (1 + earlier // 100)


def rows(case: Case) -> Iterator[tuple[str, tuple[float, float]]]:
    """What an earlier report costs is the difference between the last ones, by their number."""
    schema, data = case.form.schema(1), case.submission.data
    yield "jsonschema", measured(lambda: schema.all_findings(data, ""), TIMES // 10)
    yield "jsonschema-rs alone", measured(lambda: schema.says_yes(data))
    yield "schema, quick yes", measured(lambda: schema.findings(data, ""))
    for count in EARLIER:
        past = case.past(count)
        yield (
            f"after {count} reports",
            measured(partial(case.judged_after, past), _times(count)),
        )


async def measure(run: Run) -> None:
    for case in cases():
        for count in EARLIER:
            median, _ = measured(partial(case.judged_after, case.past(count)), _times(count))
            run.figures.note(f"judging.{case.form.name}.{count}.us", median)


def main() -> None:
    for case in cases():
        sys.stdout.write(f"{case.form.name}: {case.judged_after(case.past(3)).outcome}\n")
        for name, (median, p99) in rows(case):
            sys.stdout.write(f"  {name:<24} {median:8.0f} {p99:8.0f} µs\n")


if __name__ == "__main__":
    main()
