"""What intake counts of a week: each submission in one place, each week once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from chassis.events import STRUCTURED, unpack
from chassis.folders import WatchedFolder, each
from chassis.store import Store, open_store
from chassis.store.tables import outbox
from intake.__main__ import HISTORY
from intake.forms import find_forms, load_form
from intake.submissions import submissions
from intake.weekly_counts import WeeklyCounts
from support.still_clock import StillClock

SUNDAY_NIGHT = datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC)
"""A second before Monday in Sweden."""

MONDAY = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    clock = StillClock(datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    store = open_store(f"sqlite:///{tmp_path}/intake.db", "intake", clock)
    await store.open()
    await store.migrate(HISTORY)
    yield store
    await store.close()


@pytest.fixture
def counts(store: Store, tmp_path: Path) -> WeeklyCounts:
    folder = tmp_path / "forms" / "prov"
    folder.mkdir(parents=True)
    (folder / "form.yaml").write_text("form: prov\n", "utf-8")
    (folder / "v1.schema.json").write_text("{}", "utf-8")
    return WeeklyCounts(store, WatchedFolder([tmp_path / "forms"], each(find_forms, load_form)))


async def came(store: Store, number: int, status: str, at: datetime, form: str = "prov") -> None:
    row = {
        "id": f"s-{number}",
        "caller": "e-tjanst",
        "reference": f"r-{number}",
        "form": form,
        "revision": 1,
        "submitted_at": at,
        "received_at": at,
        "status": status,
        "report_version": 0,
        "findings": [],
    }
    await store.write(lambda tx: tx.execute(insert(submissions).values(row)))


async def said(store: Store) -> list[dict[str, Any]]:
    async with store.read() as connection:
        bodies = (await connection.scalars(select(outbox.c.body).order_by(outbox.c.id))).all()
    envelopes = [unpack(body, STRUCTURED)[0].envelope for body in bodies]
    return [envelope.data for envelope in envelopes if envelope is not None]


async def test_a_week_is_counted_from_monday_to_sunday_in_sweden(store: Store, counts: WeeklyCounts) -> None:
    """What a person let fall counts as rejected, and what is on its way in no state."""
    fates = ["received", "rejected", "dropped", "held", "returned", "filed", "frozen", "parked"]
    for number, fate in enumerate(fates):
        await came(store, number, fate, SUNDAY_NIGHT)
    await came(store, 100, "filed", MONDAY)
    await came(store, 101, "filed", datetime(2026, 11, 15, 22, 59, 59, tzinfo=UTC))
    await counts.count()
    (told,) = await said(store)
    assert told == {
        "submission_id": "prov.2026-W47",
        "form": "prov",
        "since": "2026-11-16",
        "until": "2026-11-23",
        "received": 8,
        "rejected": 2,
        **dict.fromkeys(("held", "returned", "filed", "frozen", "parked"), 1),
    }


async def test_a_week_is_told_once_and_the_next_one_when_it_is_over(
    store: Store, counts: WeeklyCounts
) -> None:
    """Also of a form of which nothing came in: nobody has to wonder."""
    await counts.count()
    await counts.count()
    assert [one["received"] for one in await said(store)] == [0]
    assert isinstance(store.clock, StillClock)
    store.clock.pass_by(days=6, hours=23)
    await counts.count()
    assert len(await said(store)) == 1
    store.clock.pass_by(hours=1)
    await counts.count()
    assert [one["submission_id"] for one in await said(store)] == ["prov.2026-W47", "prov.2026-W48"]


async def test_a_form_that_is_gone_is_counted_while_it_has_submissions(
    store: Store, counts: WeeklyCounts
) -> None:
    """Whoever takes a form out of use still has what came in."""
    await came(store, 1, "filed", SUNDAY_NIGHT, form="gammal")
    await counts.count()
    assert {one["form"] for one in await said(store)} == {"prov", "gammal"}
