import asyncio
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from chassis.bus import Message
from chassis.consumer import Consumer, Subscription
from chassis.events import encode, new_id, pack, unpack
from chassis.metrics import Metrics
from chassis.outcomes import Answer
from chassis.parking import replay
from chassis.retry import RetrySchedule
from chassis.store import Store, StoreUnavailable, Transaction, Unreachable
from chassis.store.tables import inbox, outbox, parked
from support.still_clock import StillClock
from support.toy_house import Answered, Answerer, Asked, Deed, column, count, effects

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

SCHEDULE = RetrySchedule((timedelta(seconds=1), timedelta(seconds=5)))
"""Three tries in all."""


@pytest.fixture
def answerer(tmp_path: Path) -> Answerer:
    return Answerer(tmp_path / "attempts.log")


@pytest.fixture
def consumer(store: Store, answerer: Answerer) -> Consumer:
    return consumer_of(store, answerer)


def consumer_of(store: Store, answerer: Answerer) -> Consumer:
    return Consumer("answerer", Subscription(Asked, answerer.handle), store, Metrics("answerer"), SCHEDULE)


def question(submission_id: str, clock: StillClock, deed: str = Deed.ANSWER, event_id: str = "") -> bytes:
    asked = Asked(submission_id=submission_id, deed=deed)
    return encode(asked, event_id or new_id(), "/kansli/asker", clock(), TRACE)


def message_of(*bodies: bytes, maybe_begun: bool = False) -> Message:
    body, content_type = pack(bodies)
    return Message(body, content_type, {"x-from": "test"}, maybe_begun)


async def rows_of(store: Store, table: Any) -> list[Row[Any]]:
    async with store.read() as connection:
        return list((await connection.execute(select(table))).all())


async def states(store: Store) -> list[tuple[str, int]]:
    return sorted((row.state, row.attempts) for row in await rows_of(store, inbox))


async def test_each_event_of_a_batch_has_its_effect(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """A batch is handled whole, and its answers are said."""
    await consumer.receive([message_of(*(question(f"s-{n}", clock) for n in range(5)))])
    assert await column(store, effects) == [f"s-{n}" for n in range(5)]
    assert await count(store, outbox) == 5


async def test_a_batch_costs_one_commit(consumer: Consumer, store: Store, clock: StillClock) -> None:
    """A hundred events in two messages are one transaction."""
    commits: list[Any] = []
    store.on_commit(lambda *_: commits.append(1))
    batches = [message_of(*(question(f"s-{n}", clock) for n in range(50))) for _ in range(2)]
    await consumer.receive(batches)
    assert len(commits) == 1


async def test_duplicates_cause_one_effect(consumer: Consumer, store: Store, clock: StillClock) -> None:
    """The same event twice in a message, in two messages and in two deliveries is handled once."""
    body = question("s-1", clock)
    await consumer.receive([message_of(body, body), message_of(body)])
    await consumer.receive([message_of(body)])
    await consumer.receive([message_of(body, maybe_begun=True)])
    assert not await consumer.retry_one()
    assert await column(store, effects) == ["s-1"]
    assert await count(store, outbox) == 1


async def test_a_handler_that_fails_undoes_its_own_alone(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """Neighbours in the same batch keep their effects."""
    deeds = [Deed.ANSWER, Deed.FAIL, Deed.REJECT, Deed.LATER, Deed.UNSTORABLE, Deed.STUMBLE, Deed.ANSWER]
    await consumer.receive([message_of(*(question(f"{d}{n}", clock, d) for n, d in enumerate(deeds)))])
    assert await column(store, effects) == ["answer0", "answer6"]
    assert await states(store) == [
        ("done", 1), ("done", 1), ("due", 0), ("due", 1), ("due", 1), ("due", 1), ("parked", 1),
    ]  # fmt: skip


async def test_attempts_are_counted_exactly_until_the_event_is_parked(
    consumer: Consumer, store: Store, answerer: Answerer, clock: StillClock
) -> None:
    """The first try and one for each delay, and the parked row says so."""
    await consumer.receive([message_of(question("s-1", clock, Deed.FAIL))])
    for seconds in (1.2, 6):
        clock.pass_by(seconds=seconds)
        assert await consumer.retry_one()
    clock.pass_by(days=1)
    assert not await consumer.retry_one()
    assert len(answerer.attempts.read_text().splitlines()) >= 3
    assert [row.attempts for row in await rows_of(store, parked)] == [3]
    assert await states(store) == [("parked", 3)]
    assert await column(store, effects) == []


async def test_a_retry_is_never_early_and_at_most_a_fifth_late(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """What failed together parts again, within bounds."""
    await consumer.receive([message_of(*(question(f"s-{n}", clock, Deed.FAIL) for n in range(20)))])
    waits = {row.next_attempt_at - clock() for row in await rows_of(store, inbox)}
    assert len(waits) > 1
    assert timedelta(seconds=1) <= min(waits)
    assert max(waits) <= timedelta(seconds=1.2)
    assert not await consumer.retry_one()


async def test_asking_for_time_is_no_failed_attempt(
    consumer: Consumer, store: Store, answerer: Answerer, clock: StillClock
) -> None:
    """An event may wait any number of times without being parked for it."""
    await consumer.receive([message_of(question("s-1", clock, Deed.LATER))])
    for _ in range(5):
        assert await states(store) == [("due", 0)]
        clock.pass_by(seconds=1)
        assert await consumer.retry_one()
    answerer.well.set()
    clock.pass_by(seconds=1)
    assert await consumer.retry_one()
    assert await states(store) == [("done", 1)]
    assert await column(store, effects) == ["s-1"]


async def test_an_event_that_has_waited_for_a_day_is_shown_to_a_person(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """What it waits for does not come by itself, and nobody else would tell."""
    await consumer.receive([message_of(question("s-1", clock, Deed.LATER))])
    clock.pass_by(seconds=24 * 3600 + 1)
    assert await consumer.retry_one()
    ((reason,),) = [(row.reason,) for row in await rows_of(store, parked)]
    assert reason.startswith("has waited too long")
    assert await states(store) == [("parked", 0)]


async def test_what_a_file_s_absence_stops_is_tried_again_and_not_for_ever(
    consumer: Consumer, store: Store, answerer: Answerer, clock: StillClock
) -> None:
    """An `OSError` of a handler is the handler's, and does not hold up the queue as a database away would."""
    async with asyncio.timeout(5):
        await consumer.receive([message_of(question("s-1", clock, Deed.STUMBLE))])
    answerer.well.set()
    clock.pass_by(seconds=2)
    assert await consumer.retry_one()
    assert await states(store) == [("done", 2)]
    assert await column(store, effects) == ["s-1"]


async def test_parking_keeps_everything(consumer: Consumer, store: Store, clock: StillClock) -> None:
    """Body, headers, reason, attempts, and whom it is about."""
    body = question("s-1", clock, Deed.REJECT, event_id="e-1")
    await consumer.receive([message_of(body)])
    (row,) = await rows_of(store, parked)
    assert row.body == body
    assert row.headers == {"x-from": "test"}
    assert (row.reason, row.attempts, row.origin) == ("never", 1, "answerer.toy.asked")
    assert (row.source, row.event_id, row.submission_id, row.form) == ("/kansli/asker", "e-1", "s-1", "toy")


async def test_a_failure_s_text_is_not_kept(consumer: Consumer, store: Store, clock: StillClock) -> None:
    """It may hold what a person wrote; its kind and place are enough."""
    await consumer.receive([message_of(question("s-1", clock, Deed.FAIL))])
    (row,) = await rows_of(store, inbox)
    assert row.last_error.startswith("ValueError at support.toy_house:")


async def test_what_is_replayed_keeps_its_id_and_has_one_effect(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """A person may replay once; a second replay of the same item is refused, a redelivery changes nothing."""
    body = question("s-1", clock, Deed.STUMBLE, event_id="e-1")
    rejected = json.loads(body) | {"data": {"submission_id": "s-1", "deed": "reject", "form": "toy"}}
    await consumer.receive([message_of(json.dumps(rejected).encode())])
    (item,) = await rows_of(store, parked)
    assert await store.write(lambda tx: replay(tx, item.id, "me")) == "answerer.toy.asked"
    assert await consumer.retry_one()
    assert [row.event_id for row in await rows_of(store, inbox)] == ["e-1"]
    assert sorted(row.state for row in await rows_of(store, parked)) == ["parked", "replayed"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"null", "no CloudEvent"),
        (b'{"specversion":"1.0"}', "no CloudEvent"),
        (b"[]]", "not JSON"),
    ],
)
async def test_what_cannot_be_read_is_parked_with_its_bytes_while_others_flow(
    consumer: Consumer, store: Store, clock: StillClock, body: bytes, reason: str
) -> None:
    """Nothing is acknowledged that is not kept."""
    await consumer.receive([Message(body), message_of(question("s-1", clock))])
    (row,) = await rows_of(store, parked)
    assert row.body == body
    assert row.reason.startswith(reason)
    assert row.event_id is None
    assert await column(store, effects) == ["s-1"]


def altered(body: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(body) | changes).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "se.kansli.toy.asked.v99"},
        {"data": {"submission_id": 7}},
        {"data": {"submission_id": "s", "form": {"not": "a name"}, "deed": []}},
        {"data": {"submission_id": "s", "form": "nul \0", "deed": []}},
        {"id": "nul \0"},
        {"subject": "nul \0"},
        {"type": "nul \0"},
        {"id": ""},
        {"time": "yesterday"},
    ],
    ids="-".join,
)
async def test_an_event_from_the_future_or_of_a_wrong_shape_is_parked_while_others_flow(
    consumer: Consumer, store: Store, clock: StillClock, changes: dict[str, Any]
) -> None:
    """Whatever stands where, it is one row on the desk and no stop to the queue."""
    async with asyncio.timeout(5):
        await consumer.receive(
            [message_of(altered(question("odd", clock), **changes), question("s-1", clock))]
        )
    assert await count(store, parked) == 1
    assert await column(store, effects) == ["s-1"]


async def test_a_replayed_unreadable_message_is_read_again(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """After an upgrade that understands it, it is handled under its own id."""
    body = altered(question("s-1", clock, event_id="e-1"), specversion="9")
    await consumer.receive([Message(body)])
    (item,) = await rows_of(store, parked)

    async def mend(tx: Transaction) -> None:
        await tx.execute(
            parked.update().values(body=altered(body, specversion="1.0")).where(parked.c.id == item.id)
        )
        await replay(tx, item.id, "me")

    await store.write(mend)
    assert await consumer.retry_one()
    assert await column(store, effects) == ["s-1"]
    assert "e-1" in {row.event_id for row in await rows_of(store, inbox)}


async def test_a_replayed_message_that_is_still_unreadable_is_parked_again(
    consumer: Consumer, store: Store
) -> None:
    """It never gets lost between the desk and the inbox."""
    await consumer.receive([Message(b"{")])
    (item,) = await rows_of(store, parked)
    await store.write(lambda tx: replay(tx, item.id, "me"))
    assert await consumer.retry_one()
    assert not await consumer.retry_one()
    assert sorted(row.state for row in await rows_of(store, parked)) == ["parked", "replayed"]


async def test_a_kept_event_that_can_be_read_no_longer_is_parked(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """A number that no float holds can be read in its batch, and not from the bytes that are kept of it."""
    endless = question("s-1", clock).replace(b'"toy"', b"1e999")
    await consumer.receive([message_of(endless, question("s-2", clock), maybe_begun=True)])
    while await consumer.retry_one():
        pass
    assert await column(store, effects) == ["s-2"]
    assert [row.reason for row in await rows_of(store, parked)] == ["not JSON"]


async def test_what_a_process_may_have_died_on_is_tried_alone_and_counted_first(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """Such a message is not handled as it comes; each of its events becomes due."""
    await consumer.receive([message_of(question("a", clock), question("b", clock), maybe_begun=True)])
    assert await column(store, effects) == []
    assert await states(store) == [("due", 0), ("due", 0)]
    assert [await consumer.retry_one() for _ in range(3)] == [True, True, False]
    assert await states(store) == [("done", 1), ("done", 1)]
    assert await column(store, effects) == ["a", "b"]


async def test_an_event_on_which_the_process_dies_each_time_is_parked(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """Attempts that no handler survived count, and after as many as others get it is parked."""
    await consumer.receive([message_of(question("s-1", clock), maybe_begun=True)])
    for _ in range(3):
        await store.write(consumer._claim)
        clock.pass_by(minutes=2)
    assert await consumer.retry_one()
    assert [(row.reason, row.attempts) for row in await rows_of(store, parked)] == [
        ("no attempt came to an end", 3)
    ]
    assert await column(store, effects) == []


async def test_an_event_on_which_the_transaction_dies_is_found_and_put_aside(
    store: Store, clock: StillClock
) -> None:
    """Halving finds it, its neighbours are handled, and the queue goes on."""

    async def kill(asked: Asked, tx: Transaction) -> Answer:
        if asked.submission_id == "killer":
            raise StoreUnavailable("deadlock")
        await tx.execute(effects.insert().values(submission_id=asked.submission_id, at=tx.clock()))
        return None

    consumer = Consumer("answerer", Subscription(Asked, kill), store, Metrics("answerer"), SCHEDULE)
    bodies = [question("killer" if n == 3 else f"s-{n}", clock) for n in range(8)]
    async with asyncio.timeout(5):
        await consumer.receive([message_of(*bodies)])
    assert len(await column(store, effects)) == 7
    assert ("due", 0) in await states(store)


async def test_a_row_left_for_later_that_cannot_be_stored_is_the_handler_s_failure(
    store: Store, clock: StillClock
) -> None:
    """It fails its own event at each try and is parked; its neighbours have their effects and lose no row."""

    async def leave(asked: Asked, tx: Transaction) -> Answer:
        storable = asked.submission_id if asked.deed == Deed.ANSWER else None
        tx.insert_later(effects, {"submission_id": storable, "at": tx.clock()})
        return None

    consumer = Consumer("answerer", Subscription(Asked, leave), store, Metrics("answerer"), SCHEDULE)
    bodies = [question(f"s-{n}", clock, Deed.UNSTORABLE if n == 2 else Deed.ANSWER) for n in range(5)]
    await consumer.receive([message_of(*bodies)])
    for seconds in (0, 1.2, 6):
        clock.pass_by(seconds=seconds)
        assert await consumer.retry_one()
    assert sorted(await column(store, effects)) == ["s-0", "s-1", "s-3", "s-4"]
    assert await states(store) == [*[("done", 1)] * 4, ("parked", 3)]


async def test_a_row_left_for_later_fails_no_neighbour_where_another_handler_fails(
    store: Store, clock: StillClock
) -> None:
    """Each has its own end: the one whose row cannot be stored, the one that failed, and those between."""

    async def leave(asked: Asked, tx: Transaction) -> Answer:
        if asked.deed == Deed.FAIL:
            raise ValueError
        storable = asked.submission_id if asked.deed == Deed.ANSWER else None
        tx.insert_later(effects, {"submission_id": storable, "at": tx.clock()})
        return None

    consumer = Consumer("answerer", Subscription(Asked, leave), store, Metrics("answerer"), SCHEDULE)
    deeds = [Deed.ANSWER, Deed.UNSTORABLE, Deed.ANSWER, Deed.FAIL]
    await consumer.receive([message_of(*(question(f"s-{n}", clock, d) for n, d in enumerate(deeds)))])
    assert sorted(await column(store, effects)) == ["s-0", "s-2"]
    assert await states(store) == [("done", 1), ("done", 1), ("due", 1), ("due", 1)]


async def test_an_answer_that_cannot_be_said_is_the_handler_s_failure(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """An oversized answer fails its own event and no neighbour."""
    async with asyncio.timeout(5):
        await consumer.receive([message_of(question("big", clock, Deed.OVERSIZED), question("s-1", clock))])
    assert await column(store, effects) == ["s-1"]
    assert await states(store) == [("done", 1), ("due", 1)]


async def test_an_answer_carries_on_the_question_s_trace(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """One thread ties together what one submission causes."""
    await consumer.receive([message_of(question("s-1", clock))])
    (row,) = await rows_of(store, outbox)
    (received,) = unpack(row.body, "")
    assert received.envelope
    assert received.envelope.traceparent == TRACE


async def test_an_event_whose_locks_cannot_be_told_is_parked_while_others_flow(
    store: Store, answerer: Answerer, clock: StillClock
) -> None:
    """What is asked of every event before the transaction must not stop them all."""

    def locks(asked: Asked) -> Iterable[str]:
        return [{"s-1": "person"}[asked.submission_id]]

    consumer = Consumer(
        "answerer", Subscription(Asked, answerer.handle, locks), store, Metrics("answerer"), SCHEDULE
    )
    await consumer.receive([message_of(question("odd", clock), question("s-1", clock))])
    assert await column(store, effects) == ["s-1"]
    assert await count(store, parked) == 1


async def test_a_database_that_is_away_is_waited_for(
    consumer: Consumer, store: Store, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was delivered is handled when it comes back, and no attempt is counted meanwhile."""
    write, fails = store.write, iter([Unreachable("away")] * 2)

    async def write_later(*arguments: Any, **how: Any) -> Any:
        if error := next(fails, None):
            raise error
        return await write(*arguments, **how)

    monkeypatch.setattr(store, "write", write_later)
    monkeypatch.setattr("chassis.retry.Backoff.pause", lambda _self: 0)
    await consumer.receive([message_of(question("s-1", clock))])
    assert await states(store) == [("done", 1)]


async def test_a_stop_between_claim_and_attempt_counts_nothing_twice(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """A graceful stop finishes the attempt it has counted, wherever it comes."""
    await consumer.receive([message_of(*(question(f"s-{n}", clock) for n in range(20)), maybe_begun=True)])
    for turns in range(20):
        retrying = asyncio.create_task(consumer.retry())
        for _ in range(turns):
            await asyncio.sleep(0)
        retrying.cancel()
        await asyncio.gather(retrying, return_exceptions=True)
        assert set(await states(store)) <= {("due", 0), ("done", 1)}


async def test_a_retry_that_becomes_due_is_noticed_at_once(
    consumer: Consumer, store: Store, clock: StillClock
) -> None:
    """Who waits for the next retry is woken by what becomes due before it."""
    retrying = asyncio.create_task(consumer.retry())
    await count(store, inbox)
    async with asyncio.timeout(1):
        await consumer.receive([message_of(question("s-1", clock), maybe_begun=True)])
        while await column(store, effects) != ["s-1"]:
            await asyncio.sleep(0.005)
    retrying.cancel()
    await asyncio.gather(retrying, return_exceptions=True)


async def test_only_due_rows_keep_their_body(consumer: Consumer, store: Store, clock: StillClock) -> None:
    """The inbox is kept for good, so it must stay small."""
    deeds = [Deed.ANSWER, Deed.FAIL, Deed.REJECT]
    await consumer.receive([message_of(*(question(deed, clock, deed) for deed in deeds))])
    assert {row.state: row.body is not None for row in await rows_of(store, inbox)} == {
        "done": False, "due": True, "parked": False,
    }  # fmt: skip


@pytest.mark.postgresql
async def test_two_replicas_cause_one_effect_each(
    replicas: tuple[Store, Store], answerer: Answerer, clock: StillClock
) -> None:
    """The same deliveries at two consumers of one database, at once and in other orders."""
    consumers = [consumer_of(replica, answerer) for replica in replicas]
    bodies = [question(f"s-{n:02}", clock) for n in range(40)]
    async with asyncio.timeout(20):
        await asyncio.gather(
            consumers[0].receive([message_of(*bodies)]),
            consumers[1].receive([message_of(*reversed(bodies))]),
            *(consumers[n % 2].receive([message_of(body)]) for n, body in enumerate(bodies)),
        )
    for consumer in consumers:
        while await consumer.retry_one():
            pass
    assert await column(replicas[0], effects) == [f"s-{n:02}" for n in range(40)]


@pytest.mark.postgresql
async def test_two_replicas_retry_each_event_once(
    replicas: tuple[Store, Store], answerer: Answerer, clock: StillClock
) -> None:
    """A claimed event is passed over by the other."""
    consumers = [consumer_of(replica, answerer) for replica in replicas]
    bodies = [question(f"s-{n:02}", clock) for n in range(20)]
    await consumers[0].receive([message_of(*bodies, maybe_begun=True)])

    async def drain(consumer: Consumer) -> None:
        while await consumer.retry_one():
            pass

    await asyncio.gather(*(drain(consumer) for consumer in consumers))
    assert await column(replicas[0], effects) == [f"s-{n:02}" for n in range(20)]
    assert set(await states(replicas[0])) == {("done", 1)}


@pytest.mark.postgresql
async def test_a_late_replica_is_refused(
    replicas: tuple[Store, Store], answerer: Answerer, clock: StillClock
) -> None:
    """Who was thought dead and comes back finds the event taken by another."""
    late, other = (consumer_of(replica, answerer) for replica in replicas)
    await late.receive([message_of(question("s-1", clock), maybe_begun=True)])
    claimed = await replicas[0].write(late._claim)
    clock.pass_by(minutes=2)
    assert await other.retry_one()
    assert claimed is not None
    body = message_of(question("s-1", clock))
    incoming = late._opened([body])
    await replicas[0].write(lambda tx: late._try_claimed(tx, claimed, incoming))
    assert await column(replicas[0], effects) == ["s-1"]


async def test_answers_are_said_with_the_effect_or_not_at_all(store: Store, clock: StillClock) -> None:
    """An answer of a failed handler is not said, though it was made."""

    async def answer_and_fail(asked: Asked, tx: Transaction) -> Answer:
        await tx.say(Answered(submission_id=asked.submission_id))
        raise ValueError

    consumer = Consumer(
        "answerer", Subscription(Asked, answer_and_fail), store, Metrics("answerer"), SCHEDULE
    )
    await consumer.receive([message_of(question("s-1", clock))])
    assert await count(store, outbox) == 0
