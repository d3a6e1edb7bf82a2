"""What is known of each report, in whatever order it is heard."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.events import new_id
from chassis.store import Store, Transaction, open_store
from notification.__main__ import HISTORY
from notification.events import Meeting, ReportFiled, ReportHeld, ReportSeen, ReportTold, Submitter
from notification.standings import Status, is_unseen_since, note_seen, note_standing, unseen_on
from support.still_clock import StillClock

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = date(2026, 12, 9)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def store(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    on_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/notification.db" if on_sqlite else request.getfixturevalue("postgres_url")
    store = open_store(url, "notification", StillClock(NOW))
    await store.open()
    await store.migrate(HISTORY)
    yield store
    await store.close()


def told(submission_id: str, version: int, revision: int, status: Status) -> ReportTold:
    kind = ReportFiled if status == "filed" else ReportHeld
    return kind(
        submission_id=submission_id,
        version=version,
        revision=revision,
        form="prov",
        committee=submission_id,
        title="Provrapport",
        reference="190456",
        unit_name="Kost",
        event_date=None,
        arrived_at=NOW,
        findings=[],
        submitter=Submitter(name="Anna Exempelsson", email=None),
        late=False,
        meeting=Meeting(date=DAY, time="13:00", place="Salen", deadline=NOW),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_a_report_is_unseen_until_its_newest_revision_is(store: Store, data: st.DataObject) -> None:
    """Whether its versions or the seeing come first or twice; an earlier revision's does not count."""
    name = new_id()
    steps = data.draw(st.lists(st.sampled_from([0, 1]), min_size=1, max_size=4))
    revisions = [1 + sum(steps[: number + 1]) for number in range(len(steps))]
    versions = [
        told(name, version, revision, data.draw(st.sampled_from(["filed", "held"])))
        for version, revision in enumerate(revisions, 1)
    ]
    seen = data.draw(st.lists(st.sampled_from([1, *revisions]), max_size=4))
    events: list[Any] = [*versions, *(ReportSeen(submission_id=name, revision=one) for one in seen)]
    order = data.draw(st.permutations(events))

    async def hear(tx: Transaction) -> int:
        for event in order:
            if isinstance(event, ReportSeen):
                await note_seen(tx, event)
            else:
                await note_standing(tx, event, "filed" if isinstance(event, ReportFiled) else "held")
        return await unseen_on(tx, name, DAY, NOW)

    count = await store.write(hear)
    assert count == (0 if revisions[-1] in seen else 1)
    assert await is_unseen_since(store, name, DAY, NOW) is bool(count)
