"""Where a report goes: by its arrival, its newest revision and the calendar, and nowhere twice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from archive.events import SubmissionAccepted
from archive.reports import reports
from chassis.events import new_id
from support.lone_service import LoneService
from support.still_clock import StillClock

MakeAccepted = Callable[..., SubmissionAccepted]
HOLD = {
    "rule": "yearly-visits",
    "outcome": "hold",
    "message": "Det här är besök 3.",
    "source": "§ 2",
    "pointer": None,
}


async def stored(archive: LoneService, submission_id: str) -> Any:
    (row,) = await archive.rows(select(reports).where(reports.c.submission_id == submission_id))
    return row


async def test_an_accepted_report_is_filed_with_the_next_meeting(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Intake and notification are told which, with its deadline."""
    await archive.hear(accepted("a"))
    for listener in ("intake", "notification"):
        (filed,) = await archive.said("report.filed", listener)
        assert filed.data["meeting"] == {
            "committee": "valfard",
            "date": "2026-12-09",
            "time": "13:00",
            "place": "Lilla salen",
            "deadline": "2026-11-27T11:00:00Z",
        }
        assert (filed.data["version"], filed.data["late"]) == (1, False)
        assert filed.data["submitter"] == {"name": "Anna Exempelsson", "email": "anna@valfard.example"}
        assert "data" not in filed.data


async def test_a_held_report_is_held_and_says_why(archive: LoneService, accepted: MakeAccepted) -> None:
    """With the meeting that it would go to."""
    await archive.hear(accepted("a", outcome="held", findings=[HOLD]))
    (held,) = await archive.said("report.held")
    assert (held.data["findings"], held.data["meeting"]["date"]) == ([HOLD], "2026-12-09")
    assert not await archive.said("report.filed")
    assert (await stored(archive, "a")).status == "held"


@pytest.mark.parametrize(
    ("arrived_at", "now", "meeting", "late"),
    [
        ("2026-11-27T11:00:00Z", "2026-11-27T11:00:05+00:00", "2026-12-09", False),
        ("2026-11-27T11:00:00.000001Z", "2026-11-27T11:00:05+00:00", "2027-01-20", True),
        ("2026-11-27T10:59:00Z", "2026-12-01T08:00:00+00:00", "2026-12-09", False),
        ("2026-11-27T10:59:00Z", "2026-12-10T08:00:00+00:00", "2027-01-20", False),
        ("2026-12-20T08:00:00Z", "2026-12-20T08:00:00+00:00", "2027-01-20", False),
        ("2027-01-08T11:00:01Z", "2027-01-08T11:00:02+00:00", None, True),
        ("2027-06-01T08:00:00Z", "2027-06-01T08:00:00+00:00", None, False),
    ],
    ids=[
        "in the last second",
        "a moment too late",
        "in time and handled late",
        "in time and handled after the meeting",
        "after a meeting",
        "late for the last",
        "no meeting left",
    ],
)
async def test_a_report_goes_to_the_meeting_that_it_arrived_in_time_for(
    archive: LoneService,
    accepted: MakeAccepted,
    clock: StillClock,
    arrived_at: str,
    now: str,
    meeting: str | None,
    late: bool,
) -> None:
    """Arrival decides, and who missed a deadline is told so; without a meeting it waits for one."""
    clock.now = datetime.fromisoformat(now)
    await archive.hear(accepted("a", arrived_at=arrived_at))
    (filed,) = await archive.said("report.filed")
    assert (filed.data["meeting"] or {}).get("date") == meeting
    assert filed.data["late"] is late
    assert (await stored(archive, "a")).status == "filed"


async def test_a_cancelled_meeting_gets_no_report(
    archive: LoneService, accepted: MakeAccepted, committee_file: Path
) -> None:
    """The next one does."""
    content = yaml.safe_load(committee_file.read_text("utf-8"))
    content["meetings"][1]["cancelled"] = True
    committee_file.write_text(yaml.safe_dump(content), "utf-8")
    archive.reread_folders()
    await archive.hear(accepted())
    (filed,) = await archive.said("report.filed")
    assert filed.data["meeting"]["date"] == "2027-01-20"


async def test_an_event_delivered_twice_files_one_report(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """By the same event id, and by another for the same revision."""
    for event_id in ("e1", "e1", "e2"):
        await archive.hear(accepted("a"), event_id=event_id, source="/kansli/validation")
    assert len(await archive.said("report.filed")) == 1


async def test_a_completion_replaces_the_report_and_raises_its_version(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Also when the former was held: the newest revision's own outcome counts."""
    await archive.hear(accepted("a", outcome="held", findings=[HOLD], data={"sammanfattning": "Fel."}))
    await archive.hear(accepted("a", revision=2, data={"sammanfattning": "Rätt."}))
    (filed,) = await archive.said("report.filed")
    assert (filed.data["revision"], filed.data["version"], filed.data["findings"]) == (2, 2, [])
    row = await stored(archive, "a")
    assert (row.status, row.data, row.findings) == ("filed", {"sammanfattning": "Rätt."}, [])


async def test_a_held_completion_takes_the_report_out(archive: LoneService, accepted: MakeAccepted) -> None:
    """What was filed is held until the secretary has looked."""
    await archive.hear(accepted("a"), accepted("a", revision=2, outcome="held", findings=[HOLD]))
    assert (await stored(archive, "a")).status == "held"


async def test_a_completion_goes_by_its_own_arrival(archive: LoneService, accepted: MakeAccepted) -> None:
    """What is completed after the deadline was not whole before it."""
    await archive.hear(accepted("a"))
    await archive.hear(accepted("a", revision=2, arrived_at="2026-11-28T08:00:00Z"))
    _, second = await archive.said("report.filed")
    assert (second.data["meeting"]["date"], second.data["late"]) == ("2027-01-20", True)


async def test_a_returned_report_that_is_completed_is_filed_again(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """That is what it was returned for."""
    await archive.hear(accepted("a"))
    async with archive.http.post(
        "/v1/reports/a/return", json={"version": 1, "reason": "Vilken enhet?"}
    ) as answer:
        assert answer.status == 200
    await archive.hear(accepted("a", revision=2))
    row = await stored(archive, "a")
    assert (row.status, row.version, row.revision) == ("filed", 3, 2)
    assert row.meeting_date.isoformat() == "2026-12-09"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_the_newest_revision_is_what_is_kept_in_any_order(
    archive: LoneService, accepted: MakeAccepted, data: st.DataObject
) -> None:
    """A revision that comes late changes nothing; versions rise by one with each that counts."""
    submission_id = new_id()
    outcomes = data.draw(st.lists(st.sampled_from(["accepted", "held"]), min_size=1, max_size=5))
    events = [
        accepted(submission_id, revision=number, outcome=outcome, subject=f"Version {number}")
        for number, outcome in enumerate(outcomes, 1)
    ]
    order = data.draw(st.permutations(events))
    await archive.hear(*order)
    row = await stored(archive, submission_id)
    assert (row.revision, row.subject) == (len(outcomes), f"Version {len(outcomes)}")
    assert row.status == ("filed" if outcomes[-1] == "accepted" else "held")
    said = [*await archive.said("report.filed"), *await archive.said("report.held")]
    mine = [one for one in said if one.subject == submission_id]
    counted = sorted(one.data["version"] for one in mine)
    assert counted == list(range(1, row.version + 1))
    newest = max(mine, key=lambda one: int(one.data["version"]))
    assert newest.data["revision"] == len(outcomes)


async def test_a_committee_that_is_not_here_yet_is_waited_for(
    archive: LoneService, accepted: MakeAccepted, committee_file: Path, clock: StillClock
) -> None:
    """No failed attempt; others are filed meanwhile; and once its file is there, so is the report."""
    await archive.hear(accepted("a", committee="social"), accepted("b"))
    (reason,) = await archive.due()
    assert "social" in reason
    assert [one.subject for one in await archive.said("report.filed")] == ["b"]
    content = yaml.safe_load(committee_file.read_text("utf-8"))
    committee_file.with_name("social.yaml").write_text(yaml.safe_dump(content | {"id": "social"}), "utf-8")
    archive.reread_folders()
    clock.pass_by(minutes=2)
    await archive.retry_until_nothing_is_due()
    assert [one.subject for one in await archive.said("report.filed")] == ["b", "a"]
    assert not await archive.parked()


async def test_a_report_has_a_history_that_is_only_added_to(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """Who, what, when and why, in order."""
    await archive.hear(accepted("a", outcome="held", findings=[HOLD]))
    clock.pass_by(hours=1)
    act = {"version": 1, "reason": "Ordföranden har beslutat."}
    async with archive.http.post("/v1/reports/a/release", json=act) as answer:
        told = await answer.json()
    assert [(step["event"], step["by"], step["reason"], step["version"]) for step in told["history"]] == [
        ("report.held", "kansli", None, 1),
        ("report.released", "loopback", "Ordföranden har beslutat.", 2),
    ]
    moments = [datetime.fromisoformat(step["at"]) for step in told["history"]]
    assert moments[1] - moments[0] == timedelta(hours=1)


async def test_postgresql_files_as_sqlite_does(
    run_archive: Any, accepted: MakeAccepted, postgres_url: str
) -> None:
    """A report, its completion, its return: the same rows from the other database."""
    async with run_archive(postgres_url) as archive:
        await archive.hear(accepted("a"), accepted("a", revision=2), accepted("b", outcome="held"))
        async with archive.http.post("/v1/reports/a/return", json={"version": 2, "reason": "x"}) as answer:
            assert answer.status == 200
        async with archive.http.get("/v1/committees/valfard/meetings/2026-12-09") as answer:
            told = await answer.json()
        assert ([one["submission_id"] for one in told["held"]], told["reports"]) == (["b"], [])
        async with archive.http.get("/v1/reports/%00") as answer:
            assert answer.status == 404
