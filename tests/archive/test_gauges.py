"""What operations see of the committees' meetings."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import text

from archive.events import SubmissionAccepted, SubmissionDocumented
from archive.gauges import Waiting, report_gauges
from archive.reports import _WAITING_BY_STATUS
from support.lone_service import LoneService
from support.still_clock import StillClock

RunArchive = Callable[..., AbstractAsyncContextManager[LoneService]]
MakeAccepted = Callable[..., SubmissionAccepted]
MakeRejected = Callable[..., SubmissionDocumented]
ChangeCommittee = Callable[..., None]

DEADLINE = datetime(2026, 11, 27, 11, 0, tzinfo=UTC)
OCTOBER = {"date": "2026-10-14", "time": "13:00", "deadline": "2026-10-02T12:00:00"}


async def figures(archive: LoneService) -> CollectorRegistry:
    """Look anew."""
    registry = CollectorRegistry()
    store, committees = archive.service.store, archive.service.folders[0]
    await Waiting(store, committees, archive.clock, *report_gauges(registry)).look()
    return registry


async def waiting(archive: LoneService) -> list[float | None]:
    """How many are filed and held."""
    registry, about = await figures(archive), {"committee": "valfard"}
    return [
        registry.get_sample_value("kansli_reports_waiting", about | {"status": status})
        for status in ("filed", "held")
    ]


async def deadline(archive: LoneService) -> float | None:
    registry = await figures(archive)
    return registry.get_sample_value("kansli_deadline_timestamp_seconds", {"committee": "valfard"})


async def test_reports_wait_until_their_meeting_has_been_held(
    archive: LoneService, accepted: MakeAccepted, rejected: MakeRejected, clock: StillClock
) -> None:
    """Held ones apart; what was rejected waits for nobody, and what is over neither."""
    assert await waiting(archive) == [0, 0]
    await archive.hear(accepted(), accepted(), accepted(outcome="held"), rejected())
    assert await waiting(archive) == [2, 1]
    clock.now = datetime(2026, 12, 9, 22, 0, tzinfo=UTC)
    assert await waiting(archive) == [2, 1]
    clock.pass_by(hours=2)
    assert await waiting(archive) == [0, 0]


async def test_postgresql_counts_them_too(
    run_archive: RunArchive, postgres_url: str, accepted: MakeAccepted
) -> None:
    """By the same question."""
    async with run_archive(postgres_url) as archive:
        await archive.hear(accepted(), accepted(outcome="held"))
        assert await waiting(archive) == [1, 1]


async def test_reports_that_have_no_meeting_yet_wait_too(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee
) -> None:
    """Nobody would miss them before the calendar is there."""
    change_committee(archive, meetings=[OCTOBER])
    await archive.hear(accepted())
    assert await waiting(archive) == [1, 0]


async def test_the_next_deadline_is_told_and_none_where_there_is_none(
    archive: LoneService, change_committee: ChangeCommittee, clock: StillClock
) -> None:
    """In seconds since 1970, as Prometheus reckons; a meeting that was called off has none."""
    assert await deadline(archive) == DEADLINE.timestamp()
    clock.now = DEADLINE + timedelta(seconds=1)
    assert await deadline(archive) == datetime(2027, 1, 8, 11, 0, tzinfo=UTC).timestamp()
    called_off: dict[str, Any] = {"date": "2027-01-20", "time": "08:30", "deadline": "2027-01-08T12:00:00"}
    change_committee(archive, meetings=[called_off | {"cancelled": True}])
    assert await deadline(archive) is None


async def test_the_count_is_answered_by_the_index_of_what_waits(archive: LoneService) -> None:
    """A register of a million reports of past years costs nothing."""
    values = {"its_committee": "valfard", "today": "2026-11-20"}
    query = _WAITING_BY_STATUS.params(values).compile(compile_kwargs={"render_postcompile": True})
    plan = await archive.rows(text(f"EXPLAIN QUERY PLAN {query}").bindparams(**values))
    assert "USING COVERING INDEX reports_waiting" in plan[0].detail
