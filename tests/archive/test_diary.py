"""Numbers in the diary: one for each submission, without gaps within a committee and a year."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from archive.committees import Diary
from archive.events import SubmissionAccepted, SubmissionDocumented
from archive.reports import reports
from chassis.store import Transaction
from support.lone_service import LoneService
from support.still_clock import StillClock

MakeAccepted = Callable[..., SubmissionAccepted]
MakeRejected = Callable[..., SubmissionDocumented]
ChangeCommittee = Callable[..., None]

DIARY = {"template": "VSN {year}/{number:05}", "registered": "on-receipt"}


async def numbers(archive: LoneService) -> dict[str, str | None]:
    rows = await archive.rows(select(reports.c.submission_id, reports.c.diarienummer))
    return {row.submission_id: row.diarienummer for row in rows}


@pytest.fixture(autouse=True)
def numbered(change_committee: ChangeCommittee) -> None:
    change_committee(diary=DIARY)


async def test_what_comes_in_is_numbered_on_receipt_whatever_becomes_of_it(
    archive: LoneService, accepted: MakeAccepted, rejected: MakeRejected
) -> None:
    """Filed, held and rejected alike; a later revision keeps the number."""
    await archive.hear(accepted("a"), accepted("b", outcome="held"))
    await archive.hear(rejected("c"))
    await archive.hear(accepted("a", revision=2), accepted("c", revision=2))
    assert await numbers(archive) == {"a": "VSN 2026/00001", "b": "VSN 2026/00002", "c": "VSN 2026/00003"}


async def test_a_new_year_begins_at_one_when_it_begins_in_sweden(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """An hour before it does in UTC."""
    clock.now = datetime(2026, 12, 31, 22, 59, tzinfo=UTC)
    await archive.hear(accepted("old"))
    clock.now = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    await archive.hear(accepted("new"))
    assert await numbers(archive) == {"old": "VSN 2026/00001", "new": "VSN 2027/00001"}


async def test_a_committee_that_registers_by_hand_gets_no_number(
    change_committee: ChangeCommittee, run_archive: Any, accepted: MakeAccepted
) -> None:
    """Its secretary types it."""
    change_committee(diary={"template": "VSN {number}", "registered": "by-hand"})
    async with run_archive() as archive:
        await archive.hear(accepted("a"))
        assert await numbers(archive) == {"a": None}


async def test_two_replicas_number_without_gap_or_double_also_when_some_fail(
    run_archive: Any, postgres_url: str, accepted: MakeAccepted
) -> None:
    """A transaction that fails gives its number back."""
    async with run_archive(postgres_url) as one, run_archive(postgres_url) as other:

        async def broken(tx: Transaction, archive: LoneService) -> None:
            await archive.service.reads[0].handle(accepted(), tx)
            raise ConnectionError

        async def fail(archive: LoneService) -> None:
            with pytest.raises(ConnectionError):
                await archive.service.store.write(lambda tx: broken(tx, archive))

        await asyncio.gather(
            *(archive.hear(accepted()) for archive in (one, other) for _ in range(20)),
            *(fail(archive) for archive in (one, other) for _ in range(10)),
        )
        given = sorted(str(number) for number in (await numbers(one)).values())
        assert given == [f"VSN 2026/{number:05}" for number in range(1, 41)]


@pytest.mark.parametrize(
    "template",
    ["VSN", "{year}", "{nummer}", "{number.__class__}", "{number!r}{0}", "{number:x05}", "{", "{number:s}"],
)
def test_a_template_that_cannot_number_is_refused(template: str) -> None:
    """Every paper would have the same number, or none at all."""
    with pytest.raises(ValueError, match="mall"):
        Diary(template=template)
