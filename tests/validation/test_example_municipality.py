"""The municipality to try: its files load and its samples become what their names say."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.yaml_files import read_yaml, resolve_today
from validation.check import check_guideline, check_overrides, check_register
from validation.facts import Past
from validation.forms import load_forms
from validation.judgement import Judgement, Submission, Submitter, judge
from validation.register import load_committees

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "example"
DAYS = [date(2026, 11, 20), date(2027, 1, 5), date(2028, 2, 29)]
FORMS = load_forms([ROOT / "schemas" / "forms"])


def sample(path: Path, today: date) -> Any:
    return json.loads(resolve_today(path.read_text("utf-8"), today))


def judged_in_order(today: date) -> dict[str, Judgement]:
    committees = load_committees(EXAMPLE, today)
    judgements: dict[str, Judgement] = {}
    past: list[Past] = []
    for path in sorted((EXAMPLE / "submissions").glob("*.json")):
        body = sample(path, today)
        form = FORMS[body["form"]]
        now = datetime(today.year, today.month, today.day, 8, tzinfo=UTC)
        submission = Submission(
            submission_id=path.stem,
            form_version=body["form_version"],
            received_at=now,
            submitter=Submitter(**body["submitter"]),
            data=body["data"],
        )
        of_form = [one for one in past if one.submission_id.split("-")[0] == path.stem.split("-")[0]]
        judgement = judge(submission, form, committees[form.committee], of_form, now)
        judgements[path.name] = judgement
        past += standing(path.stem, judgement)
    return judgements


def standing(submission_id: str, judgement: Judgement) -> list[Past]:
    if judgement.outcome == "rejected" or not judgement.person or not judgement.event_date:
        return []
    return [
        Past(
            submission_id=submission_id,
            person_id=judgement.person.id,
            unit=judgement.unit,
            event_date=judgement.event_date,
            data=judgement.data,
        )
    ]


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_the_samples_become_what_is_expected_of_them(today: date) -> None:
    """On any day but the two after New Year, see the samples' README."""
    expected = read_yaml(EXAMPLE / "submissions" / "expected.yaml", today)
    for name, judgement in judged_in_order(today).items():
        rules = {finding.rule for finding in judgement.findings if finding.rule != "guideline-expired"}
        assert (name, judgement.outcome, rules) == (
            name,
            expected[name]["outcome"],
            {*expected[name]["rules"]},
        )


def test_the_samples_say_in_their_names_what_becomes_of_them() -> None:
    """`filed` is what an accepted report becomes in the archive."""
    for name, judgement in judged_in_order(DAYS[0]).items():
        assert {"accepted": "filed"}.get(judgement.outcome, judgement.outcome) in name


def test_no_reference_is_used_twice() -> None:
    """A reference that recurs would be a completion of another sample."""
    paths = list((EXAMPLE / "submissions").glob("*.json"))
    assert len({sample(path, DAYS[0])["reference"] for path in paths}) == len(paths) == 12


def test_the_example_gives_its_secretary_nothing_to_mend() -> None:
    """Every unit has a kontaktpolitiker who is not employed there, every rule exists."""
    for committee in load_committees(EXAMPLE, DAYS[0]).values():
        assert list(check_register(committee, DAYS[0])) == []
        assert list(check_overrides(committee, FORMS)) == []


def test_a_guideline_is_announced_90_days_before_it_expires() -> None:
    """The committee has time to decide anew."""
    form = FORMS["kontaktpolitiker-social"]
    assert list(check_guideline(form, date(2026, 11, 10))) == []
    assert list(check_guideline(form, date(2026, 11, 11))) != []


@pytest.mark.parametrize("committee", ["valfard", "social"])
def test_every_meeting_has_a_deadline_before_it(committee: str) -> None:
    """At least three meetings are to come, whatever the day."""
    content = read_yaml(EXAMPLE / "committees" / f"{committee}.yaml", DAYS[0])
    meetings = content["meetings"]
    assert len([m for m in meetings if m["date"] > DAYS[0].isoformat()]) >= 3
    assert all(meeting["deadline"] < meeting["date"] for meeting in meetings)
