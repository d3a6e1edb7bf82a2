"""The bench's load is as it says: real reports whose ends are known."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.load import COMMITTEES, PEOPLE, reports, write_load, write_town
from kansli.places import shipped_forms
from support.load import Report
from validation.forms import Form, load_forms
from validation.judgement import Submission, Submitter, judge
from validation.register import Committee, load_committees

FATE = {"accepted": "filed", "held": "held", "rejected": "rejected"}


@pytest.fixture(scope="module")
def forms() -> dict[str, Form]:
    return dict(load_forms([shipped_forms()]))


@pytest.fixture(scope="module")
def committees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Committee]:
    town = write_town(tmp_path_factory.mktemp("town"))
    return dict(load_committees(town, datetime.now(UTC).date()))


def test_each_report_comes_to_the_end_that_is_foreseen(
    forms: dict[str, Form], committees: dict[str, Committee]
) -> None:
    """By the shipped forms' own rules, for a person without earlier reports."""
    load = reports(1000, "prov")
    assert [FATE[_judged(report, forms, committees)] for report in load] == [report.fate for report in load]
    assert Counter(report.fate for report in load) == Counter(filed=940, held=40, rejected=20)


def _judged(report: Report, forms: dict[str, Form], committees: dict[str, Committee]) -> str:
    now, form = datetime.now(UTC), forms[report.body["form"]]
    sender = report.body["submitter"]
    submission = Submission(
        submission_id=report.reference,
        form_version=1,
        received_at=now,
        submitter=Submitter(name=sender["name"], email=sender["email"]),
        data=report.body["data"],
    )
    return judge(submission, form, committees[form.committee], [], now + timedelta(seconds=1)).outcome


def test_nobody_tells_of_the_same_visit_twice() -> None:
    """Or it would be rejected for what the bench did, in a load of any size that it gives."""
    visits = Counter(
        (report.body["form"], report.person, data["besoksdatum"], data["enhet"])
        for report in reports(110_000, "prov")
        if report.fate != "rejected" and (data := report.body["data"])
    )
    assert max(visits.values()) == 1


def test_both_forms_and_all_people_take_part(tmp_path: Path) -> None:
    """Every other report is of each form, and a line of the load is a body."""
    write_load(reports(2 * PEOPLE, "prov"), tmp_path / "load")
    bodies = [json.loads(line) for line in (tmp_path / "load").read_bytes().split(b"\n")]
    assert Counter(body["form"] for body in bodies) == {
        f"kontaktpolitiker-{one}": PEOPLE for one in COMMITTEES
    }
    assert len({body["submitter"]["email"] for body in bodies}) == 2 * PEOPLE
