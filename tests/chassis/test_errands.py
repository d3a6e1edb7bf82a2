import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, event, insert, select

from chassis.errands import Conclude, Errand, ErrandKind, ErrandWorker
from chassis.events import unpack
from chassis.metrics import Metrics
from chassis.outcomes import Answer, Failed, Reject, TryLater
from chassis.parking import ParkedErrand, drop, park_errand, replay
from chassis.retry import RetrySchedule
from chassis.store import Store, StoreUnavailable, Transaction, open_store
from chassis.store.tables import errands, outbox, parked
from chassis.trace import following
from support.still_clock import StillClock
from support.toy_house import Answered, column, count, effects

LEASE = timedelta(minutes=20)
SCHEDULE = RetrySchedule((timedelta(seconds=1), timedelta(seconds=5)))


class Hand:
    """Does errands as it is told, and remembers them."""

    def __init__(self, *ends: Exception | None) -> None:
        self.done: list[Errand] = []
        self._ends = iter(ends)

    async def perform(self, errand: Errand) -> Conclude:
        self.done.append(errand)
        if end := next(self._ends, None):
            raise end
        return self.conclude_for(errand)

    @staticmethod
    def conclude_for(errand: Errand) -> Conclude:
        async def conclude(tx: Transaction) -> Answer:
            await tx.execute(insert(effects).values(submission_id=errand.key, at=tx.clock()))
            return Answered(submission_id=errand.key)

        return conclude


def worker(store: Store, perform: Callable[[Errand], Awaitable[Conclude]], at_once: int = 1) -> ErrandWorker:
    kind = ErrandKind("letter", perform, LEASE, at_once)
    return ErrandWorker("answerer", kind, store, Metrics("answerer"), SCHEDULE)


async def give(store: Store, key: str = "k-1") -> None:
    await store.write(lambda tx: tx.send_on_errand("letter", key, {"submission_id": key}))


async def asked_in(store: Store, work: Callable[[], Awaitable[object]]) -> list[tuple[str, Any]]:
    """What the work asks a SQLite file about errands, as the driver is told it."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, words: str, told: Any, *_: Any) -> None:
        if "FROM errands" in words:
            asked.append((words, told))

    engines = [engine.sync_engine for engine in (store._reading, store._writing)]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    await work()
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
    return asked


async def test_what_is_due_is_found_by_index_on_sqlite(sqlite_store: Store) -> None:
    """However many errands were done: the one that leases them asks on the event loop's own thread."""
    one = worker(sqlite_store, Hand().perform)
    asked = [*await asked_in(sqlite_store, one.do_one), *await asked_in(sqlite_store, one._seconds_left)]
    async with sqlite_store.read() as connection:
        plans = [
            str((await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", told)).all())
            for words, told in asked
        ]
    assert len(plans) == 2
    assert all("errands_due (kind=?" in plan for plan in plans), plans


async def test_what_errands_came_to_how_long_they_took_and_how_old_they_were_is_counted(
    store: Store, clock: StillClock
) -> None:
    """As it is of events: done, put off and parked apart."""
    metrics = Metrics("answerer")
    hand = Hand(TryLater("not yet", timedelta()), None, Reject("never"))
    one = ErrandWorker("answerer", ErrandKind("letter", hand.perform, LEASE), store, metrics, SCHEDULE)

    def counted(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"kansli_{name}", {"queue": "letter", **labels})

    await give(store)
    for _ in range(2):
        clock.pass_by(minutes=2)
        await one.do_one()
    await give(store, "k-2")
    await one.do_one()
    ends = [counted("messages_processed_total", outcome=end) for end in ("handled", "due", "parked")]
    assert ends == [1, 1, 1]
    assert (counted("message_age_seconds_count"), counted("message_age_seconds_sum")) == (1, 240)
    assert counted("message_processing_seconds_count") == 3


async def only_errand(store: Store) -> Row[Any]:
    async with store.read() as connection:
        return (await connection.execute(select(errands))).one()


async def only_parked(store: Store) -> Row[Any]:
    async with store.read() as connection:
        return (await connection.execute(select(parked).where(parked.c.state == "parked"))).one()


async def test_an_errand_is_done_and_concluded(store: Store) -> None:
    """What came of it is stored and said in one transaction, once."""
    hand = Hand()
    await give(store)
    assert await worker(store, hand.perform).do_one()
    assert not await worker(store, hand.perform).do_one()
    assert hand.done == [Errand("letter", "k-1", {"submission_id": "k-1"}, 1, False)]
    assert (await only_errand(store)).state == "done"
    assert await count(store, outbox) == 1


async def test_a_new_errand_wakes_the_worker(sqlite_store: Store) -> None:
    """It waits for no poll."""
    hand = Hand()
    working = asyncio.create_task(worker(sqlite_store, hand.perform).run())
    await count(sqlite_store, errands)
    async with asyncio.timeout(1):
        await give(sqlite_store)
        while not hand.done:
            await asyncio.sleep(0.002)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_what_fails_is_tried_again_on_schedule_then_parked(store: Store, clock: StillClock) -> None:
    """Attempts are counted exactly, and the desk has the errand whole."""
    hand = Hand(*(ValueError() for _ in range(3)))
    doing = worker(store, hand.perform)
    await give(store)
    for _ in range(3):
        assert await doing.do_one()
        assert not await doing.do_one()
        clock.pass_by(seconds=6)
    assert [errand.attempts for errand in hand.done] == [1, 2, 3]
    assert not any(errand.begun_before for errand in hand.done)
    item = await only_parked(store)
    assert (item.attempts, item.reason, item.body) == (3, "ValueError", b'{"submission_id":"k-1"}')


async def test_a_refused_errand_is_parked_at_once(store: Store) -> None:
    """`Reject` means never."""
    await give(store)
    await worker(store, Hand(Reject("no such address")).perform).do_one()
    assert (await only_parked(store)).reason == "no such address"


async def test_what_an_error_says_is_kept_only_when_the_words_are_ours(store: Store) -> None:
    """Others' words may hold an address; of these the kind of error is enough."""
    doing = worker(
        store, Hand(Failed("the platform was not reached"), ValueError("anna@namnd.example")).perform
    )
    for key, kept in {"k-1": "the platform was not reached", "k-2": "ValueError"}.items():
        await give(store, key)
        await doing.do_one()
        async with store.read() as connection:
            assert await connection.scalar(select(errands.c.last_error).where(errands.c.key == key)) == kept


async def test_giving_up_is_stored_with_the_parking(store: Store) -> None:
    """Whoever owns the errand can say that it will not be done, in the same transaction."""

    async def given_up(tx: Transaction, errand: Errand) -> None:
        await tx.execute(insert(effects).values(submission_id=f"not {errand.key}", at=tx.clock()))

    kind = ErrandKind("letter", Hand(Reject("no")).perform, LEASE, given_up=given_up)
    await give(store)
    assert await ErrandWorker("answerer", kind, store, Metrics("answerer"), SCHEDULE).do_one()
    assert await column(store, effects) == ["not k-1"]
    assert (await only_parked(store)).reason == "no"


async def test_putting_off_is_no_failed_attempt(store: Store, clock: StillClock) -> None:
    """A relay that greylists may do so for as long as it likes."""
    hand = Hand(*(TryLater("greylisted", timedelta(minutes=10)) for _ in range(5)))
    doing = worker(store, hand.perform)
    await give(store)
    for _ in range(5):
        assert await doing.do_one()
        clock.pass_by(minutes=12)
    assert await doing.do_one()
    assert {errand.attempts for errand in hand.done} == {1}


async def test_a_replayed_errand_is_done_again(store: Store) -> None:
    """A person may give a parked errand another chance."""
    hand = Hand(Reject("no"))
    doing = worker(store, hand.perform)
    await give(store)
    await doing.do_one()
    item = await only_parked(store)
    assert await store.write(lambda tx: replay(tx, item.id, "me")) == "letter"
    assert await doing.do_one()
    assert await column(store, effects) == ["k-1"]


async def test_after_a_crash_the_next_worker_knows_that_it_was_begun(store: Store, clock: StillClock) -> None:
    """Not before the lease has run out, and with the attempt counted."""
    hand = Hand()
    doing = worker(store, hand.perform)
    await give(store)
    await store.write(doing._lease)
    clock.pass_by(minutes=19)
    assert not await doing.do_one()
    clock.pass_by(minutes=2)
    assert await doing.do_one()
    assert [(errand.begun_before, errand.attempts) for errand in hand.done] == [(True, 2)]


async def test_an_errand_on_which_each_worker_dies_is_parked(store: Store, clock: StillClock) -> None:
    """It is not begun for ever."""
    hand = Hand()
    doing = worker(store, hand.perform)
    await give(store)
    for _ in range(3):
        await store.write(doing._lease)
        clock.pass_by(minutes=21)
    assert await doing.do_one()
    assert hand.done == []
    assert (await only_parked(store)).reason == "no attempt came to an end"


class Slow(Hand):
    """Takes so long that another takes over, which also ends before it."""

    def __init__(self, store: Store, clock: StillClock, *ends: Exception | None) -> None:
        super().__init__(*ends)
        self._store = store
        self._clock = clock
        self.other = Hand()

    async def perform(self, errand: Errand) -> Conclude:
        self._clock.pass_by(minutes=21)
        assert await worker(self._store, self.other.perform).do_one()
        return await super().perform(errand)


@pytest.mark.parametrize("end", [None, ValueError(), TryLater("x", LEASE), Reject("x")], ids=repr)
async def test_a_late_worker_is_refused_however_it_ends(
    store: Store, clock: StillClock, end: Exception | None
) -> None:
    """The token shows that another has taken over: one conclusion, and no unrest."""
    slow = Slow(store, clock, end)
    await give(store)
    assert await worker(store, slow.perform).do_one()
    assert [errand.begun_before for errand in slow.other.done] == [True]
    assert await column(store, effects) == ["k-1"]
    assert (await only_errand(store)).state == "done"
    assert await count(store, parked) == 0


async def test_what_cannot_be_concluded_is_parked_and_not_done_again(store: Store, clock: StillClock) -> None:
    """The letter has gone; only a person may send it a second time."""
    hand = Hand()

    async def conclude(_tx: Transaction) -> Answer:
        raise KeyError

    async def perform(errand: Errand) -> Conclude:
        await hand.perform(errand)
        return conclude

    doing = worker(store, perform)
    await give(store)
    assert await doing.do_one()
    clock.pass_by(days=1)
    assert not await doing.do_one()
    assert len(hand.done) == 1
    assert (await only_parked(store)).reason == "done, but not concluded: KeyError"


class AbsentStore:
    """A store whose next writes find no database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.absences = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, *arguments: Any, **how: Any) -> Any:
        if self.absences:
            self.absences -= 1
            raise StoreUnavailable
        return await self._store.write(*arguments, **how)


async def test_a_conclusion_waits_for_the_database(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done is known as soon as it can be stored, not when the lease has run out."""
    monkeypatch.setattr("chassis.retry.Backoff.pause", lambda _self: 0)
    absent: Any = AbsentStore(store)
    hand = Hand()

    async def perform(errand: Errand) -> Conclude:
        absent.absences = 3
        return await hand.perform(errand)

    await give(store)
    assert await worker(absent, perform).do_one()
    assert len(hand.done) == 1
    assert (await only_errand(store)).state == "done"


async def test_a_performance_that_finds_no_database_is_put_off_uncounted(
    store: Store, clock: StillClock
) -> None:
    """Nothing was done, so nobody need suspect that it was."""
    hand = Hand(StoreUnavailable())
    doing = worker(store, hand.perform)
    await give(store)
    await doing.do_one()
    clock.pass_by(seconds=5)
    assert await doing.do_one()
    assert [(errand.attempts, errand.begun_before) for errand in hand.done] == [(1, False)] * 2


async def test_a_performance_whose_library_cancels_is_a_failed_attempt(
    store: Store, clock: StillClock
) -> None:
    """And the hand goes on."""

    async def perform(_errand: Errand) -> Conclude:
        raise asyncio.CancelledError

    await give(store)
    assert await worker(store, perform).do_one()
    assert (await only_errand(store)).state == "due"


async def test_a_graceful_stop_finishes_what_was_begun(store: Store) -> None:
    """Wherever it comes: no attempt is counted and left, no letter becomes uncertain."""
    hand = Hand()
    for number in range(20):
        await give(store, f"k-{number:02}")
    for turns in range(20):
        working = asyncio.create_task(worker(store, hand.perform).run())
        for _ in range(turns):
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert await count(store, errands, errands.c.state == "running") == 0
    assert {(errand.attempts, errand.begun_before) for errand in hand.done} <= {(1, False)}


async def test_nothing_is_begun_until_the_kind_is_ready(sqlite_store: Store) -> None:
    """What is needed is away: errands wait as they are, unleased and uncounted."""
    hand, there = Hand(), asyncio.Event()

    async def ready() -> None:
        await there.wait()

    kind = ErrandKind("letter", hand.perform, LEASE, at_once=2, ready=ready)
    running = asyncio.create_task(
        ErrandWorker("answerer", kind, sqlite_store, Metrics("answerer"), SCHEDULE).run()
    )
    await give(sqlite_store)
    await asyncio.sleep(0.1)
    waiting = await only_errand(sqlite_store)
    assert (waiting.state, waiting.attempts) == ("due", 0)
    there.set()
    async with asyncio.timeout(10):
        while (await only_errand(sqlite_store)).state != "done":
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_hands_work_at_once(sqlite_store: Store) -> None:
    """A slow errand holds up no other while a hand is free."""
    meeting = asyncio.Barrier(3)

    async def perform(errand: Errand) -> Conclude:
        await meeting.wait()
        return Hand.conclude_for(errand)

    for number in range(3):
        await give(sqlite_store, f"k-{number}")
    working = asyncio.create_task(worker(sqlite_store, perform, at_once=3).run())
    async with asyncio.timeout(3):
        while await count(sqlite_store, effects) != 3:
            await asyncio.sleep(0.002)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


@pytest.mark.postgresql
async def test_two_replicas_do_each_errand_once(replicas: tuple[Store, Store]) -> None:
    """One live lease each."""
    hand = Hand()
    for number in range(20):
        await give(replicas[0], f"k-{number:02}")

    async def drain(replica: Store) -> None:
        while await worker(replica, hand.perform).do_one():
            pass

    await asyncio.gather(*(drain(replica) for replica in replicas))
    assert sorted(errand.key for errand in hand.done) == [f"k-{n:02}" for n in range(20)]


async def test_what_is_said_of_an_errand_carries_on_the_trace_it_was_given_in(store: Store) -> None:
    """One thread from the submission to the letter."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with following(trace):
        await give(store)
    await worker(store, Hand().perform).do_one()
    async with store.read() as connection:
        (received,) = unpack((await connection.execute(select(outbox.c.body))).scalar_one(), "")
    assert received.envelope
    assert received.envelope.traceparent == trace


async def test_an_errand_whose_process_died_is_begun_again_when_the_file_is_opened(
    sqlite_file: Path, clock: StillClock
) -> None:
    """Nobody else can be at work on a SQLite file, so there is nobody's lease to wait for."""
    store = open_store(f"sqlite:///{sqlite_file}", "answerer", clock)
    await store.open()
    await give(store)
    done = asyncio.Event()

    async def perform(errand: Errand) -> Conclude:
        assert errand.begun_before
        done.set()
        return Hand.conclude_for(errand)

    await store.write(worker(store, Hand().perform)._lease)
    working = asyncio.create_task(worker(store, perform).run())
    await asyncio.wait_for(done.wait(), 5)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await store.close()


async def put_on_desk(store: Store, key: str = "k-1") -> str:
    errand = ParkedErrand("letter", key, {"submission_id": "s-1", "caller": "prov"}, "not today")
    return await store.write(lambda tx: park_errand(tx, errand))


async def test_an_errand_can_be_parked_before_it_is_begun(store: Store) -> None:
    """It lies on the desk with what is known of it, is not done by itself, and is done when replayed."""
    hand = Hand()
    parked_id = await put_on_desk(store)
    row = await only_parked(store)
    assert (row.id, row.submission_id, row.reason) == (parked_id, "s-1", "not today")
    assert not await worker(store, hand.perform).do_one()
    await store.write(lambda tx: replay(tx, parked_id, "op"))
    assert await worker(store, hand.perform).do_one()
    assert (await only_errand(store)).state == "done"


async def test_an_errand_lies_on_the_desk_once_while_undecided(store: Store) -> None:
    """Also while it is being done once more; after that, or when it was dropped, it is parked anew."""
    first = await put_on_desk(store)
    assert await put_on_desk(store) == first
    await store.write(lambda tx: replay(tx, first, "op"))
    assert await put_on_desk(store) == first
    await worker(store, Hand().perform).do_one()
    second = await put_on_desk(store)
    assert second != first
    await store.write(lambda tx: drop(tx, second, "op", "enough"))
    third = await put_on_desk(store)
    assert (third != second, (await only_parked(store)).id) == (True, third)
