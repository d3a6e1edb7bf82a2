import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, ClassVar, cast

import pytest
from sqlalchemy import insert, text

from chassis.bus import BusTrouble, Message, Receive, Unconfirmed, Unroutable
from chassis.bus.memory import MemoryBus
from chassis.events import MAX_MESSAGE_BYTES, Event
from chassis.metrics import Metrics
from chassis.relay import EVENTS_PER_MESSAGE, Relay, forget_published, pending
from chassis.store import Store
from chassis.store.tables import outbox
from support.still_clock import StillClock
from support.toy_house import Answered, Asked, count, say

TO_ANSWERER, TO_ASKER = "answerer.toy.asked", "asker.toy.answered"


class Heard(Event):
    kind: ClassVar[str] = "toy.heard"
    heard_by: ClassVar[tuple[str, ...]] = ("answerer", "asker")


async def open_bus(*queues: str) -> MemoryBus:
    bus = MemoryBus()
    await bus.open({}, queues)
    return bus


@asynccontextmanager
async def relaying(store: Store, bus: Any) -> AsyncIterator[Relay]:
    relay = Relay("answerer", store, bus, Metrics("answerer"))
    running = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def soon(holds: Callable[[], Awaitable[bool]], seconds: float = 3) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.002)


async def unpublished(store: Store, queue: str) -> int:
    return await count(store, outbox, outbox.c.published_at.is_(None), outbox.c.queue == queue)


async def until_published(store: Store, queue: str = TO_ANSWERER) -> None:
    async def all_published() -> bool:
        return await unpublished(store, queue) == 0

    await soon(all_published)


def questions(number: int) -> list[Asked]:
    return [Asked(submission_id=f"s-{n}") for n in range(number)]


async def test_what_was_said_is_brought_and_marked(sqlite_store: Store) -> None:
    """Also what waited before the relay started."""
    bus = await open_bus(TO_ANSWERER)
    await say(sqlite_store, *questions(2))
    async with relaying(sqlite_store, bus):
        await until_published(sqlite_store)
        await say(sqlite_store, *questions(1))
        await until_published(sqlite_store)
    assert [one.subject for one in bus.said(TO_ANSWERER)] == ["s-0", "s-1", "s-0"]


async def test_a_first_event_to_a_queue_waits_for_no_poll(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it is said, also between the relay's look and its wait."""
    monkeypatch.setattr("chassis.relay.POLL_S", 60)
    bus = await open_bus(TO_ANSWERER)
    store = sqlite_store
    look = Relay._queues_with_pending

    async def look_just_before_it_is_said(relay: Relay) -> list[str]:
        found = await look(relay)
        if not found and await count(store, outbox) == 0:
            await say(store, *questions(1))
        return found

    monkeypatch.setattr(Relay, "_queues_with_pending", look_just_before_it_is_said)
    async with relaying(store, bus):
        await until_published(store)


async def test_each_listener_gets_its_own(sqlite_store: Store) -> None:
    """An event for two is said twice, under one id."""
    bus = await open_bus(TO_ANSWERER, "answerer.toy.heard", "asker.toy.heard")
    await say(sqlite_store, Heard(submission_id="s-1"))
    async with relaying(sqlite_store, bus):
        await until_published(sqlite_store, "answerer.toy.heard")
        await until_published(sqlite_store, "asker.toy.heard")
    assert bus.said("answerer.toy.heard")[0].id == bus.said("asker.toy.heard")[0].id


async def test_one_stuck_listener_holds_back_no_other(sqlite_store: Store) -> None:
    """A queue that is missing keeps its events pending while others are served, also later ones."""
    bus = await open_bus(TO_ASKER)
    async with relaying(sqlite_store, bus):
        for number in range(3):
            await say(sqlite_store, Asked(submission_id="s"), Answered(submission_id=f"a-{number}"))
            await until_published(sqlite_store, TO_ASKER)
    assert await unpublished(sqlite_store, TO_ANSWERER) == 3
    assert len(bus.said(TO_ASKER)) == 3


class OddBus(MemoryBus):
    """One queue's publishing fails in a way that no bus should."""

    error: BaseException = ValueError("not foreseen")

    async def publish(self, queue: str, message: Message) -> None:
        if queue == TO_ANSWERER:
            raise self.error
        await super().publish(queue, message)


@pytest.mark.parametrize("error", [ValueError(), asyncio.CancelledError(), RuntimeError()], ids=repr)
async def test_a_lane_outlives_whatever_its_bus_does(
    sqlite_store: Store, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a cancellation that comes from inside the bus ends it, and other lanes notice nothing."""
    monkeypatch.setattr("chassis.retry.Backoff.pause", lambda _self: 0.001)
    bus = OddBus()
    bus.error = error
    await bus.open({}, [TO_ANSWERER, TO_ASKER])
    async with relaying(sqlite_store, bus) as relay:
        await say(sqlite_store, Asked(submission_id="s"), Answered(submission_id="a"))
        await until_published(sqlite_store, TO_ASKER)
        lanes = dict(relay._lanes)
        monkeypatch.setattr(OddBus, "publish", MemoryBus.publish)
        await until_published(sqlite_store, TO_ANSWERER)
        assert relay._lanes == lanes


async def test_a_bus_that_fails_for_a_while_gets_it_later(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is marked that was not confirmed, nothing is given up."""
    monkeypatch.setattr("chassis.retry.Backoff.pause", lambda _self: 0.001)
    bus = await open_bus(TO_ANSWERER)
    bus.failing_with = Unconfirmed("alarm")
    async with relaying(sqlite_store, bus) as relay:
        await say(sqlite_store, *questions(3))

        async def failed_often() -> bool:
            failures = relay._metrics.publish_failures.labels(TO_ANSWERER, "unconfirmed")
            return bool(failures._value.get() > 3)

        await soon(failed_often)
        assert await unpublished(sqlite_store, TO_ANSWERER) == 3
        bus.failing_with = None
        await until_published(sqlite_store)


async def test_what_waits_for_one_queue_travels_together(sqlite_store: Store) -> None:
    """Alone when the house is calm, many when it is busy."""
    bus = await open_bus(TO_ANSWERER)
    await say(sqlite_store, *questions(250))
    async with relaying(sqlite_store, bus):
        await until_published(sqlite_store)
    assert len(bus.queues[TO_ANSWERER]) == -(-250 // EVENTS_PER_MESSAGE)


async def test_no_message_is_larger_than_a_message_may_be(sqlite_store: Store) -> None:
    """Large events travel in as many messages as it takes."""
    bus = await open_bus(TO_ASKER)
    await say(sqlite_store, *(Answered(submission_id=f"{n}", padding="x" * 1_500_000) for n in range(5)))
    async with relaying(sqlite_store, bus):
        await until_published(sqlite_store, TO_ASKER)
    sizes = [len(message.body) for message in bus.queues[TO_ASKER]]
    assert max(sizes) <= MAX_MESSAGE_BYTES
    assert len(bus.said(TO_ASKER)) == 5


async def test_all_that_goes_out_first_after_a_start_may_have_been_begun(sqlite_store: Store) -> None:
    """Any of the messages in flight may be the one that this process died on."""
    bus = await open_bus(TO_ANSWERER)
    await say(sqlite_store, *questions(250))
    async with relaying(sqlite_store, bus):
        await until_published(sqlite_store)
        await say(sqlite_store, *questions(1))
        await until_published(sqlite_store)
    assert [message.maybe_begun for message in bus.queues[TO_ANSWERER]] == [True, True, True, False]


class FailingStore:
    """Fails the first reads of the relay, as a database that restarts does."""

    def __init__(self, store: Store, failures: int) -> None:
        self._store = store
        self.failures = failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        if self.failures:
            self.failures -= 1
            raise OSError
        async with self._store.read() as connection:
            yield connection


async def test_the_relay_begins_again_after_a_trouble_of_the_database(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It neither ends nor leaves lanes behind that do nothing."""
    monkeypatch.setattr("chassis.relay.POLL_S", 0.01)
    bus = await open_bus(TO_ANSWERER)
    store: Any = FailingStore(sqlite_store, 3)
    await say(sqlite_store, *questions(3))
    async with relaying(store, bus):
        await until_published(sqlite_store)
        store.failures = 1
        await say(sqlite_store, *questions(3))
        await until_published(sqlite_store)


class ReluctantBus(MemoryBus):
    """Takes its time to end a publish that is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.publishing, self.ending, self.may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def publish(self, queue: str, message: Message) -> None:
        self.publishing.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ending.set()
            await self.may_end.wait()


async def test_a_stop_that_comes_while_the_lanes_are_ending_is_heeded(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay must not take the stop for a part of the trouble and begin again."""
    monkeypatch.setattr("chassis.relay.POLL_S", 0.01)
    bus, store = ReluctantBus(), FailingStore(sqlite_store, 0)
    await say(sqlite_store, *questions(1))
    relay = Relay("answerer", cast("Store", store), bus, Metrics("answerer"))
    running = asyncio.create_task(relay.run())
    await bus.publishing.wait()
    store.failures = 1
    await bus.ending.wait()
    running.cancel()
    await asyncio.sleep(0)
    bus.may_end.set()
    done, _ = await asyncio.wait([running], timeout=1)
    assert done


@pytest.mark.postgresql
async def test_one_replica_relays_and_the_other_takes_over(
    replicas: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said by whichever, published once; and when the leader's session ends, the other goes on.

    At the change itself both may publish the same event: the inbox knows it.
    """
    monkeypatch.setattr("chassis.relay.POLL_S", 0.05)
    monkeypatch.setattr("chassis.store.store.LEADERSHIP_POLL_S", 0.05)
    buses = [await open_bus(TO_ANSWERER) for _ in replicas]
    async with relaying(replicas[0], buses[0]), relaying(replicas[1], buses[1]):
        for replica in replicas:
            await say(replica, *questions(1))
        await until_published(replicas[0])
        brought = [len(bus.said(TO_ANSWERER)) for bus in buses]
        assert sorted(brought) == [0, 2]
        leader = brought.index(2)
        await replicas[1 - leader].write(lambda tx: tx.execute(END_LEADER))
        await say(replicas[1 - leader], *questions(1))
        await until_published(replicas[1 - leader])
    assert len({one.id for bus in buses for one in bus.said(TO_ANSWERER)}) == 3


END_LEADER = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")


@pytest.mark.postgresql
async def test_the_relay_takes_its_duty_again_after_a_trouble(
    emptied_database: str, replicas: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own pool must not go on holding the lock it has let go."""
    monkeypatch.setattr("chassis.relay.POLL_S", 0.01)
    bus = await open_bus(TO_ANSWERER)
    store: Any = FailingStore(replicas[0], 0)
    async with relaying(store, bus):
        for _ in range(3):
            await say(replicas[0], *questions(1))
            await until_published(replicas[0])
            store.failures = 2


async def test_pending_tells_count_and_age_by_queue(sqlite_store: Store, clock: StillClock) -> None:
    """What an operator is shown."""
    await say(sqlite_store, *questions(2))
    clock.pass_by(minutes=5)
    await say(sqlite_store, *questions(1))
    assert await pending(sqlite_store) == [
        {"queue": TO_ANSWERER, "count": 3, "oldest": clock() - timedelta(minutes=5)}
    ]


async def test_what_was_published_long_ago_is_forgotten(store: Store, clock: StillClock) -> None:
    """And nothing that is still to be published."""
    row = {"queue": "q", "event_id": "e", "body": b"", "created_at": clock()}
    published = [None, clock(), clock() - timedelta(days=8)]
    await store.write(lambda tx: tx.execute(insert(outbox), [row | {"published_at": at} for at in published]))
    assert await forget_published(store, clock() - timedelta(days=7)) == 1
    assert await count(store, outbox) == 2


class UnroutableBus:
    """A bus whose queue was never there."""

    trouble: str | None = None

    async def open(self, reads: Mapping[str, Receive], says: Sequence[str]) -> None: ...

    async def publish(self, queue: str, message: Message) -> None:
        raise Unroutable(queue)

    async def close(self) -> None: ...


async def test_failures_are_counted_by_reason(sqlite_store: Store) -> None:
    """An alarm can tell a missing queue from a broker that is away."""
    async with relaying(sqlite_store, UnroutableBus()) as relay:
        await say(sqlite_store, *questions(1))

        async def counted() -> bool:
            return bool(relay._metrics.publish_failures.labels(TO_ANSWERER, "unroutable")._value.get())

        await soon(counted)


def test_every_trouble_of_a_bus_has_a_reason_of_its_own() -> None:
    """The label is what alarms are written for."""
    reasons = [kind.reason for kind in BusTrouble.__subclasses__()]
    assert len(set(reasons)) == len(reasons)
