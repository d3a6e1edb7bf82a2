"""When the calendar changes, the reports follow; what a person chose and what is past stays."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from archive.events import SubmissionAccepted
from archive.reports import acts, reports
from support.lone_service import LoneService
from support.still_clock import StillClock

MakeAccepted = Callable[..., SubmissionAccepted]
ChangeCommittee = Callable[..., None]

OCTOBER = {"date": "2026-10-14", "time": "13:00", "deadline": "2026-10-02T12:00:00"}
DECEMBER = {"date": "2026-12-09", "time": "13:00", "deadline": "2026-11-27T12:00:00"}
JANUARY = {"date": "2027-01-20", "time": "08:30", "deadline": "2027-01-08T12:00:00"}


async def where(archive: LoneService, submission_id: str = "a") -> str | None:
    (row,) = await archive.rows(select(reports).where(reports.c.submission_id == submission_id))
    return row.meeting_date.isoformat() if row.meeting_date else None


async def moved_to(archive: LoneService, day: str | None, submission_id: str = "a") -> None:
    """Wait until the report is there; the test's own time-out is the limit."""
    while await where(archive, submission_id) != day:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("meetings", "day", "why"),
    [
        (
            [DECEMBER | {"cancelled": True}, JANUARY],
            "2027-01-20",
            "Sammanträdet 9 december 2026 är inställt.",
        ),
        ([DECEMBER | {"date": "2026-12-11"}, JANUARY], "2026-12-11", "Nämndens kalender har ändrats."),
        ([JANUARY], "2027-01-20", "Nämndens kalender har ändrats."),
        ([DECEMBER | {"date": "2026-12-02"}, DECEMBER], "2026-12-02", "9 december 2026 tar inte längre emot"),
        ([DECEMBER | {"deadline": "2026-11-20T12:00:00"}, JANUARY], "2027-01-20", "tar inte längre emot"),
        ([DECEMBER | {"cancelled": True}], None, "väntar på att nästa sammanträde läggs in"),
    ],
    ids=["cancelled", "moved", "taken away", "an earlier one added", "deadline moved", "none left"],
)
@pytest.mark.parametrize("outcome", ["accepted", "held"])
async def test_a_waiting_report_follows_the_calendar_and_says_so(
    archive: LoneService,
    accepted: MakeAccepted,
    change_committee: ChangeCommittee,
    meetings: list[dict[str, Any]],
    day: str | None,
    why: str,
    outcome: str,
) -> None:
    """Held ones too; the reason stands in the history, and intake is told where it is now."""
    await archive.hear(accepted("a", outcome=outcome))
    change_committee(archive, meetings=[OCTOBER, *meetings])
    await moved_to(archive, day)
    *_, act = await archive.rows(select(acts).order_by(acts.c.id))
    assert (act.event, act.by) == ("report.moved", "kansli")
    assert why in act.reason
    (moved,) = await archive.said("report.moved", "intake")
    assert (moved.data["meeting"] or {}).get("date") == day
    assert moved.data["moved_from"] == "2026-12-09"


async def test_a_report_without_a_meeting_goes_to_the_one_that_is_added(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee, clock: StillClock
) -> None:
    """It waits for a date until then."""
    change_committee(archive, meetings=[OCTOBER])
    await archive.hear(accepted("a"))
    assert await where(archive) is None
    change_committee(archive, meetings=[OCTOBER, JANUARY])
    await moved_to(archive, "2027-01-20")


async def test_what_a_person_chose_stands_while_the_meeting_does(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee
) -> None:
    """A change elsewhere in the calendar moves it nowhere; when its meeting is cancelled it goes on."""
    await archive.hear(accepted("a"), accepted("b"))
    async with archive.http.post("/v1/reports/a/move", json={"version": 1}) as answer:
        assert answer.status == 200
    february = {"date": "2027-02-17", "time": "13:00", "deadline": "2027-02-05T12:00:00"}
    change_committee(archive, meetings=[OCTOBER, DECEMBER | {"cancelled": True}, JANUARY, february])
    await moved_to(archive, "2027-01-20", "b")
    assert await where(archive) == "2027-01-20"
    change_committee(archive, meetings=[OCTOBER, JANUARY | {"cancelled": True}, february])
    await moved_to(archive, "2027-02-17", "b")
    assert await where(archive) == "2027-02-17"


async def test_what_was_on_the_table_stays_there_and_what_was_held_goes_on(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee, clock: StillClock
) -> None:
    """A meeting that is over has had its filed reports, frozen or not; a held one it never had."""
    await archive.hear(accepted("filed"), accepted("held", outcome="held"))
    clock.pass_by(days=25)
    change_committee(archive, meetings=[OCTOBER, DECEMBER, JANUARY | {"place": "Annan sal"}])
    await moved_to(archive, "2027-01-20", "held")
    assert await where(archive, "filed") == "2026-12-09"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calendars=st.lists(st.dictionaries(st.integers(1, 60), st.booleans(), max_size=6), min_size=1, max_size=3)
)
async def test_after_any_change_every_report_is_where_a_new_one_would_go(
    archive: LoneService,
    accepted: MakeAccepted,
    change_committee: ChangeCommittee,
    clock: StillClock,
    calendars: list[dict[int, bool]],
) -> None:
    """Whatever was in the calendar before."""
    first = accepted()
    await archive.hear(first)
    for calendar in calendars:
        change_committee(archive, meetings=[_meeting(day, off) for day, off in sorted(calendar.items())])
        newest = accepted()
        await archive.hear(newest)
        await moved_to(archive, await where(archive, newest.submission_id), first.submission_id)


def _meeting(day: int, cancelled: bool) -> dict[str, Any]:
    date = f"2027-{1 + day // 28:02}-{1 + day % 28:02}"
    return {"date": date, "time": "13:00", "deadline": f"{date}T08:00:00", "cancelled": cancelled}
