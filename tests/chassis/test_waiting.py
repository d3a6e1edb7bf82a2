"""What is told of what waits, on both databases."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from chassis.bus import Message
from chassis.consumer import Consumer, Subscription
from chassis.events import STRUCTURED, encode, new_id
from chassis.metrics import Metrics
from chassis.store import Store, StoreUnavailable, Transaction
from chassis.waiting import _DESK, _DUE, _ERRANDS, _PENDING, Names, Waiting
from support.still_clock import StillClock
from support.toy_house import Answered, Answerer, Asked, Deed

READ, SAID_TO, ERRAND = "answerer.toy.asked", "asker.toy.answered", "toy.errand"
QUEUES = Names(read=[READ], said_to=[SAID_TO], errands=[ERRAND])


class Told:
    """What Prometheus is told when it asks."""

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self.waiting = Waiting(store, QUEUES, self.registry)

    def __call__(self, name: str, queue: str = "") -> float | None:
        return self.registry.get_sample_value(f"kansli_{name}", {"queue": queue} if queue else {})


@pytest.fixture
def told(store: Store) -> Told:
    return Told(store)


async def ask(store: Store, answerer: Answerer, *deeds: Deed) -> None:
    """Bring the answerer these questions, as one delivery."""
    consumer = Consumer("answerer", Subscription(Asked, answerer.handle), store, Metrics("answerer"))
    asked = [Asked(submission_id=new_id(), deed=deed) for deed in deeds]
    now = store.clock()
    bodies = [encode(one, new_id(), "/kansli/asker", now, "00-1-1-01") for one in asked]
    await consumer.receive([Message(body, STRUCTURED) for body in bodies])


async def test_nothing_waits_and_it_is_said(told: Told) -> None:
    """An alert on a figure that is not there would never go off."""
    await told.waiting.look()
    assert told("store_up") == 1
    assert [told(name, SAID_TO) for name in ("outbox_pending", "outbox_oldest_age_seconds")] == [0, 0]
    assert [told(name, READ) for name in ("inbox_due", "desk_items")] == [0, 0]
    assert [told(name, ERRAND) for name in ("errands_waiting", "errands_overdue_seconds")] == [0, 0]


async def test_the_oldest_that_its_listener_does_not_have_grows_older_between_looks(
    store: Store, told: Told, clock: StillClock
) -> None:
    """It is of the one that was said first, and no look is needed to see that time passes."""
    await store.write(lambda tx: tx.say(Answered(submission_id="s-1")))
    clock.pass_by(minutes=10)
    await store.write(lambda tx: tx.say(Answered(submission_id="s-2")))
    await told.waiting.look()
    clock.pass_by(minutes=10)
    assert (told("outbox_pending", SAID_TO), told("outbox_oldest_age_seconds", SAID_TO)) == (2, 1200)


async def test_what_is_put_off_and_what_is_parked_is_counted_until_it_is_settled(
    store: Store, told: Told, tmp_path: Path
) -> None:
    """Each in its place: what will be tried again waits for time, what is parked for a person."""
    await ask(store, Answerer(tmp_path / "attempts.log"), Deed.LATER, Deed.REJECT, Deed.REJECT, Deed.ANSWER)
    await told.waiting.look()
    assert (told("inbox_due", READ), told("desk_items", READ)) == (1, 2)
    for settled in ("UPDATE parked SET state = 'dropped'", "UPDATE inbox SET state = 'done'"):
        await store.write(partial(Transaction.execute, statement=text(settled)))
    await told.waiting.look()
    assert (told("inbox_due", READ), told("desk_items", READ)) == (0, 0)


async def test_an_errand_is_overdue_from_when_it_was_to_be_done(
    store: Store, told: Told, clock: StillClock
) -> None:
    """One that was put off until later is not."""
    await store.write(lambda tx: tx.send_on_errand(ERRAND, "e-1", {}))
    clock.pass_by(minutes=-5)
    await told.waiting.look()
    assert (told("errands_waiting", ERRAND), told("errands_overdue_seconds", ERRAND)) == (1, 0)
    clock.pass_by(minutes=20)
    assert told("errands_overdue_seconds", ERRAND) == 900


async def test_while_the_database_is_away_the_last_counts_stand(
    store: Store, told: Told, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it is away is a figure of its own, and what waited goes on waiting."""
    await store.write(lambda tx: tx.say(Answered(submission_id="s-1")))
    await told.waiting.look()

    def refuse() -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as away:
        away.setattr(store, "read", refuse)
        await told.waiting.look()
        clock.pass_by(minutes=1)
        assert (told("store_up"), told("outbox_oldest_age_seconds", SAID_TO)) == (0, 60)
    await told.waiting.look()
    assert told("store_up") == 1


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (_PENDING.params(queues=[SAID_TO, "intake.toy.answered"]), "outbox_pending"),
        (_DUE, "inbox_due"),
        (_ERRANDS, "errands_due"),
        (_DESK, "parked_once"),
    ],
    ids=["pending", "due", "errands", "desk"],
)
async def test_each_count_is_answered_by_the_index_of_what_waits(
    sqlite_store: Store, query: Any, index: str
) -> None:
    """And by no other: with a million rows that are done, anything else would read them or their bodies."""
    steps = "; ".join(await planned(sqlite_store, query))
    assert re.findall(r"INDEX (\w+)", steps) == [index]


async def planned(store: Store, query: Any) -> Sequence[str]:
    written = query.compile(store._reading.sync_engine, compile_kwargs={"literal_binds": True})
    async with store.read() as connection:
        return [row.detail for row in await connection.execute(text(f"EXPLAIN QUERY PLAN {written}"))]
