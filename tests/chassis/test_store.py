import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from chassis.events import Envelope, unpack
from chassis.stopping import Abandoned
from chassis.store import Store, StoreLocked, StoreUnavailable, Transaction, engines, open_store
from chassis.store.tables import errands, outbox, parked
from chassis.trace import facts_to_log, following
from support.toy_house import HISTORY, Asked, OpenStore, column, count, effects, say

SESSION_STATES = text("SELECT state FROM pg_stat_activity WHERE datname = current_database()")
END_OTHER_SESSIONS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def write_effect(tx: Transaction, submission_id: str = "s-1") -> None:
    await tx.execute(insert(effects).values(submission_id=submission_id, at=tx.clock()))


async def write_and_fail(tx: Transaction) -> None:
    await write_effect(tx, "of the failing")
    raise ValueError("mine alone")


async def write_twice(tx: Transaction) -> None:
    async with tx.savepoint():
        for _ in range(2):
            await tx.execute(insert(effects).values(number=1, submission_id="twice", at=tx.clock()))


def count_commits(store: Store) -> list[Any]:
    commits: list[Any] = []
    event.listen(store._writing.sync_engine, "commit", commits.append)
    return commits


async def test_what_was_written_is_there_after_the_store_was_opened_anew(
    store: Store, open_another: OpenStore
) -> None:
    """A returned write is durable."""
    await store.write(write_effect)
    await store.close()
    assert await column(await open_another(), effects) == ["s-1"]


async def test_what_waits_together_shares_a_commit(store: Store) -> None:
    """Fifty writes cost far fewer than fifty commits."""
    commits = count_commits(store)
    await asyncio.gather(*(store.write(write_effect) for _ in range(50)))
    assert len(commits) <= 4
    assert await count(store, effects) == 50


async def test_a_failing_unit_harms_no_neighbour(store: Store) -> None:
    """What one unit raises is told to its caller alone, and undoes its own changes alone."""
    ends = await asyncio.gather(
        *(store.write(write_and_fail if n == 7 else write_effect) for n in range(20)), return_exceptions=True
    )
    assert [type(end) for end in ends if end is not None] == [ValueError]
    assert await column(store, effects) == ["s-1"] * 19


async def test_one_failing_among_many_costs_few_commits(store: Store) -> None:
    """The group is divided in halves, not done one by one."""
    commits = count_commits(store)
    await asyncio.gather(
        *(store.write(write_and_fail if n == 7 else write_effect) for n in range(128)), return_exceptions=True
    )
    assert len(commits) < 40


async def leave_for_later(tx: Transaction) -> None:
    tx.insert_later(effects, {"submission_id": "later", "at": tx.clock()})


async def count_seen(tx: Transaction) -> int:
    return len(await tx.all(select(effects)))


@pytest.mark.parametrize(
    ("locks", "sees_only_locked", "seen"),
    [(["person 1"], True, 1), (["person 2"], True, 0), ([], True, 0), ([], False, 1)],
)
async def test_what_is_left_for_later_is_seen_by_whoever_may_ask_for_it(
    store: Store, locks: list[str], sees_only_locked: bool, seen: int
) -> None:
    """Work with the same lock, and work that has not said what it reads; it is one transaction for all."""
    commits = count_commits(store)
    _, counted = await asyncio.gather(
        store.write(leave_for_later, ["person 1"], sees_only_locked=True),
        store.write(count_seen, locks, sees_only_locked=sees_only_locked),
    )
    assert counted == seen
    assert len(commits) == 1
    assert await column(store, effects) == ["later"]


async def insert_numbers(tx: Transaction, numbers: Sequence[int]) -> list[str]:
    """Fails on eight; answers each with how many it was given with."""
    if 8 in numbers:
        raise ValueError("eight")
    tx.insert_later(effects, *({"number": n, "submission_id": "s", "at": tx.clock()} for n in numbers))
    return [f"{number} of {len(numbers)}" for number in numbers]


async def test_work_for_many_is_given_all_that_wait(store: Store) -> None:
    """Each is answered for its own, from one transaction."""
    commits = count_commits(store)
    told = await asyncio.gather(*(store.write_among(insert_numbers, number) for number in range(1, 6)))
    assert told[-1] == "5 of 5"
    assert await count(store, effects) == 5
    assert len(commits) == 1


async def test_one_that_fails_among_many_fails_alone(store: Store) -> None:
    """The others are given to the work without it."""
    told = await asyncio.gather(
        *(store.write_among(insert_numbers, number) for number in range(1, 11)), return_exceptions=True
    )
    assert [type(end) for end in told if not isinstance(end, str)] == [ValueError]
    assert await count(store, effects) == 9


async def test_work_for_many_sees_what_another_with_the_same_lock_left_for_later(store: Store) -> None:
    """As any work does that reads only what its locks cover."""

    async def count_for_each(tx: Transaction, items: Sequence[str]) -> list[int]:
        return [await count_seen(tx) for _ in items]

    _, counted = await asyncio.gather(
        store.write(leave_for_later, ["person 1"], sees_only_locked=True),
        store.write_among(count_for_each, "item", ["person 1"]),
    )
    assert counted == 1


def parked_row(number: int) -> dict[str, Any]:
    """In the table with the most kinds of column."""
    moment = datetime(2026, 3, 29, 2, 30, 0, number, tzinfo=timezone(timedelta(hours=2)))
    return {
        "id": str(number),
        "origin": "å",
        "digest": str(number),
        "content_type": "text/plain",
        "headers": None if number else {"ö": [1, None]},
        "body": bytes([0, 255, number]),
        "reason": "",
        "attempts": number,
        "parked_at": moment,
        "state": "parked",
        "resolved_at": moment if number else None,
    }


async def test_rows_left_for_later_are_stored_as_rows_inserted_at_once(store: Store) -> None:
    """One alone and several together, in every kind of column, and what is missing in it."""
    first, *others = map(parked_row, range(3))

    async def insert_each(tx: Transaction) -> None:
        for row in [first, *others]:
            await tx.execute(insert(parked).values(row))

    async def leave_for_later(tx: Transaction) -> None:
        tx.insert_later(parked, first)
        await tx.flush()
        tx.insert_later(parked, *others)

    await store.write(insert_each)
    inserted = await stored(store)
    await store.write(lambda tx: tx.execute(delete(parked)))
    await store.write(leave_for_later)
    assert await stored(store) == inserted


async def stored(store: Store) -> list[tuple[Any, ...]]:
    """As the database has it."""
    async with store.read() as connection:
        return list(map(tuple, await connection.execute(text("SELECT * FROM parked ORDER BY id"))))


async def test_what_is_locked_within_a_transaction_is_seen_in_it(store: Store) -> None:
    """Who learns only from the database what to lock asks after it has locked."""

    async def lock_and_count(tx: Transaction) -> int:
        await tx.lock("person 1")
        return await count_seen(tx)

    _, counted = await asyncio.gather(
        store.write(leave_for_later, ["person 1"], sees_only_locked=True),
        store.write(lock_and_count, sees_only_locked=True),
    )
    assert counted == 1


async def test_a_failed_savepoint_takes_nothing_of_what_was_left_before_it(store: Store) -> None:
    """What it left for later itself goes with it."""

    async def fail_inside(tx: Transaction) -> None:
        await leave_for_later(tx)
        with contextlib.suppress(KeyError):
            async with tx.savepoint():
                tx.insert_later(effects, {"submission_id": "undone", "at": tx.clock()})
                await count_seen(tx)
                raise KeyError

    await store.write(fail_inside)
    assert await column(store, effects) == ["later"]


async def test_a_trouble_outside_the_database_is_told_as_it_is(store: Store) -> None:
    """A file that is missing is the work's own failure: the store is not unavailable."""

    async def read_a_file(_tx: Transaction) -> None:
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        await store.write(read_a_file)


async def test_wrong_sql_is_told_as_it_is(store: Store) -> None:
    """What time cannot heal must not be tried for ever."""

    async def misspell(tx: Transaction) -> None:
        await tx.execute(text("SELECT * FROM nowhere"))

    with pytest.raises(DBAPIError):
        await store.write(misspell)


async def test_work_whose_library_cancels_does_not_end_the_writer(store: Store) -> None:
    """A `CancelledError` that nobody meant for the writer fails the unit and nothing else."""

    async def lose_a_connection(_tx: Transaction) -> None:
        raise asyncio.CancelledError

    for _ in range(8):
        with pytest.raises(Abandoned):
            await asyncio.wait_for(store.write(lose_a_connection), 5)
    await asyncio.wait_for(store.write(write_effect), 5)


async def test_a_cancelled_caller_stops_nobody(store: Store) -> None:
    """Work whose caller has gone is still written whole, and others after it."""
    callers = [asyncio.create_task(store.write(write_effect)) for _ in range(10)]
    await asyncio.sleep(0)
    for caller in callers[::2]:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await store.write(write_effect)
    assert await count(store, effects) == 11


async def test_a_cancelled_reader_leaves_the_store_readable(store: Store) -> None:
    """Connections that were cancelled in the middle are not missed."""
    for _ in range(20):
        reader = asyncio.create_task(column(store, effects))
        await asyncio.sleep(0.001)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
    assert await asyncio.gather(*(column(store, effects) for _ in range(8))) == [[]] * 8


COUNTING = text(
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 200000) SELECT x FROM n"
)


async def read_long(store: Store) -> int:
    async with store.read() as connection:
        return len((await connection.execute(COUNTING)).all())


async def test_a_long_read_holds_up_nobody(store: Store) -> None:
    """Neither while the database counts, nor while it hands out what it found."""
    reading, turns = asyncio.create_task(read_long(store)), 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert reading.result() == 200_000
    assert turns > 200


async def test_a_reader_cancelled_in_a_long_read_does_not_wait_for_its_end(store: Store) -> None:
    """Others go on reading meanwhile."""
    reading = asyncio.create_task(read_long(store))
    for _ in range(20):
        await asyncio.sleep(0)
    reading.cancel()
    assert await column(store, effects) == []
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_closing_finishes_what_waits(store: Store, open_another: OpenStore) -> None:
    """What was asked for before the stop is on disk after it."""
    writes = [asyncio.create_task(store.write(write_effect)) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*writes)
    assert await count(await open_another(), effects) == 20


async def test_a_closed_store_takes_nothing(store: Store) -> None:
    """Who comes too late is told at once instead of waiting for ever."""
    await store.close()
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(store.write(write_effect), 1)


async def test_a_store_that_hangs_tells_those_who_wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that gives up on a write fails it; its caller does not hang."""
    monkeypatch.setattr("chassis.store.store.CLOSING_TIMEOUT_S", 0.01)

    async def hang(_tx: Transaction) -> None:
        await asyncio.Event().wait()

    write = asyncio.create_task(store.write(hang))
    await asyncio.sleep(0)
    await store.close()
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(write, 1)


async def test_a_store_is_closed_only_when_its_thread_has_let_go(
    sqlite_store: Store, sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite dies of a connection that is closed while a thread still waits in it."""
    monkeypatch.setattr("chassis.store.store.CLOSING_TIMEOUT_S", 0.05)
    await sqlite_store.write(write_effect)
    with contextlib.closing(sqlite3.connect(sqlite_file, isolation_level=None)) as backup:
        backup.execute("BEGIN IMMEDIATE")
        write = asyncio.create_task(sqlite_store.write(write_effect))
        closing = asyncio.create_task(sqlite_store.close())
        assert not (await asyncio.wait([closing], timeout=0.3))[0]
        backup.execute("ROLLBACK")
        await closing
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(write, 1)


async def test_a_savepoint_undoes_its_own(store: Store) -> None:
    """What fails inside a savepoint leaves what was done before and after it."""

    async def work(tx: Transaction) -> None:
        await write_effect(tx, "before")
        with pytest.raises(ValueError, match="mine"):
            async with tx.savepoint():
                await write_and_fail(tx)
        await write_effect(tx, "after")

    await store.write(work)
    assert await column(store, effects) == ["after", "before"]


async def test_a_constraint_inside_a_savepoint_leaves_the_transaction_usable(store: Store) -> None:
    """PostgreSQL refuses all further statements unless the savepoint is rolled back."""

    async def work(tx: Transaction) -> None:
        with pytest.raises(IntegrityError):
            await write_twice(tx)
        await write_effect(tx)

    await store.write(work)
    assert await column(store, effects) == ["s-1"]


async def test_insert_new_tells_what_was_new(store: Store) -> None:
    """Of rows of which some are there already, only the others are returned."""

    async def insert_numbers(tx: Transaction, *numbers: int) -> list[int]:
        rows = [{"number": number, "submission_id": "s", "at": tx.clock()} for number in numbers]
        return sorted(row.number for row in await tx.insert_new(effects, rows, [effects.c.number]))

    assert await store.write(lambda tx: insert_numbers(tx, 1, 2)) == [1, 2]
    assert await store.write(lambda tx: insert_numbers(tx, 2, 3)) == [3]
    assert await store.write(insert_numbers) == []


async def test_readers_see_nothing_before_the_commit(store: Store) -> None:
    """What is being written is not there until it is all there."""
    written, read = asyncio.Event(), asyncio.Event()

    async def write_slowly(tx: Transaction) -> None:
        await write_effect(tx)
        written.set()
        await read.wait()

    writing = asyncio.create_task(store.write(write_slowly))
    await written.wait()
    assert await count(store, effects) == 0
    read.set()
    await writing
    assert await count(store, effects) == 1


async def test_saying_is_undone_with_the_rest(store: Store) -> None:
    """An event is said if and only if its transaction was committed."""

    async def say_and_fail(tx: Transaction) -> None:
        await tx.say(Asked(submission_id="s-1"))
        raise ValueError("after saying")

    with pytest.raises(ValueError, match="after saying"):
        await store.write(say_and_fail)
    assert await count(store, outbox) == 0


async def test_what_is_said_carries_on_the_caller_s_trace(store: Store) -> None:
    """The writer's own task knows no trace; the one who asked for the write does."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with following(trace):
        await say(store, Asked(submission_id="s-1"))
    assert (await said(store))[0].traceparent == trace


async def test_what_is_logged_in_a_transaction_names_the_caller_s_submission(store: Store) -> None:
    """Facts bound around a write are there inside it."""

    async def bound(_tx: Transaction) -> Any:
        return facts_to_log().get("submission_id")

    with following(None, submission_id="s-1"):
        assert await store.write(bound) == "s-1"


async def test_listeners_are_told_after_the_commit_and_only_then(store: Store) -> None:
    """Who wakes on a commit finds what was committed, and a rollback wakes nobody."""
    told: list[set[str]] = []
    store.on_commit(lambda queues, _errands: told.append(queues))
    with pytest.raises(ValueError, match="mine"):
        await store.write(write_and_fail)
    assert told == []
    await say(store, Asked(submission_id="s-1"))
    assert told == [{"answerer.toy.asked"}]


async def test_the_same_errand_is_given_once(store: Store) -> None:
    """The key decides, not how often it was asked."""

    async def send(tx: Transaction) -> None:
        await tx.send_on_errand("letter", "key", {})

    await store.write(send)
    await store.write(send)
    assert await count(store, errands) == 1


async def test_who_holds_the_same_lock_waits(store: Store) -> None:
    """Two writes for one person see each other's result, whichever task writes them."""

    async def add_after_reading(tx: Transaction) -> None:
        before = len(await tx.all(select(effects)))
        await asyncio.sleep(0)
        await write_effect(tx, f"{before:02}")

    for _ in range(2):
        await asyncio.gather(
            *(asyncio.create_task(store.write(add_after_reading, ["person"])) for _ in range(5))
        )
    assert await column(store, effects) == [f"{n:02}" for n in range(10)]


async def test_migrating_twice_changes_nothing(store: Store) -> None:
    """A start after a start finds the tables as they are."""
    await store.write(write_effect)
    await store.migrate(HISTORY)
    assert await store.is_migrated(HISTORY)
    assert await count(store, effects) == 1


async def test_an_empty_database_is_not_migrated(tmp_path: Path) -> None:
    """A service that may not migrate can tell that it should have been."""
    store = open_store(f"sqlite:///{tmp_path / 'new.db'}", "answerer")
    await store.open()
    assert not await store.is_migrated(HISTORY)
    await store.close()


async def test_a_second_process_is_refused(sqlite_file: Path) -> None:
    """Two writers can damage a WAL file, so the second gets a clear answer and the first goes on."""
    first, second = (open_store(f"sqlite:///{sqlite_file}", "answerer") for _ in range(2))
    await first.open()
    with pytest.raises(StoreLocked, match="another process"):
        await second.open()
    await first.write(write_effect)
    await first.close()
    await second.open()
    await second.close()


async def test_a_reading_connection_cannot_write(sqlite_file: Path, sqlite_store: Store) -> None:
    """Nothing is written outside the one task that writes."""
    with pytest.raises(StoreUnavailable):
        async with sqlite_store.read() as connection:
            await connection.execute(insert(effects).values(submission_id="s", at=sqlite_store.clock()))


async def test_commits_are_synchronous(sqlite_store: Store) -> None:
    """WAL with `synchronous=FULL` (2): a commit that was answered survives loss of power."""

    async def pragmas(tx: Transaction) -> list[Any]:
        return [
            (await tx.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert await sqlite_store.write(pragmas) == ["wal", 2, 1]


async def test_a_locked_database_is_unavailable_and_heals(
    sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All who wait are told after one timeout, not one after the other, and the next write succeeds."""
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.1)
    store = open_store(f"sqlite:///{sqlite_file}", "answerer")
    await store.open()
    outside = sqlite3.connect(sqlite_file, isolation_level=None)
    outside.execute("BEGIN EXCLUSIVE")
    async with asyncio.timeout(2):
        ends = await asyncio.gather(*(store.write(write_effect) for _ in range(50)), return_exceptions=True)
    assert {type(end) for end in ends} <= {StoreUnavailable, *StoreUnavailable.__subclasses__()}
    outside.execute("ROLLBACK")
    outside.close()
    await store.write(write_effect)
    assert await count(store, effects) == 1
    await store.close()


async def test_a_full_disk_is_unavailable_and_heals(sqlite_store: Store) -> None:
    """Nothing of what did not fit is stored, what is small goes on, and room heals it."""
    await sqlite_store.write(lambda tx: tx.execute(text("PRAGMA max_page_count = 60")))

    async def write_much(tx: Transaction) -> None:
        await write_effect(tx, "x" * 300_000)

    with pytest.raises(StoreUnavailable):
        await sqlite_store.write(write_much)
    assert await column(sqlite_store, effects) == []
    await sqlite_store.write(write_effect)
    await sqlite_store.write(lambda tx: tx.execute(text("PRAGMA max_page_count = 1000")))
    await sqlite_store.write(write_much)
    assert await count(sqlite_store, effects) == 2


async def test_a_full_disk_in_a_savepoint_ends_the_whole_transaction(sqlite_store: Store) -> None:
    """SQLite rolls back all of it by itself, so nothing may go on as if only the savepoint were undone."""
    await sqlite_store.write(lambda tx: tx.execute(text("PRAGMA max_page_count = 60")))

    async def write_much_in_a_savepoint(tx: Transaction) -> None:
        await write_effect(tx, "before")
        async with tx.savepoint():
            await write_effect(tx, "x" * 300_000)

    with pytest.raises(StoreUnavailable):
        await sqlite_store.write(write_much_in_a_savepoint)
    await sqlite_store.write(write_effect)
    assert await column(sqlite_store, effects) == ["s-1"]


async def test_a_folder_of_any_name_will_do(tmp_path: Path) -> None:
    """Signs that mean something in an address mean nothing in a folder's name."""
    folder = tmp_path / "nämnd #1 50%25?"
    folder.mkdir()
    store = open_store(f"sqlite:///{folder}/toy.db", "answerer")
    await store.open()
    await store.migrate(HISTORY)
    await store.write(write_effect)
    assert await column(store, effects) == ["s-1"]
    await store.close()


async def test_a_missing_database_is_unavailable() -> None:
    """A server that is not there is told as the store's trouble, when writing and when reading."""
    store = open_store("postgresql://nobody@127.0.0.1:1/nothing", "answerer")
    await store.open()
    with pytest.raises(StoreUnavailable):
        await store.write(write_effect)
    with pytest.raises(StoreUnavailable):
        await store.ping()
    await store.close()


@pytest.mark.postgresql
async def test_a_lost_connection_is_made_anew(replicas: tuple[Store, Store]) -> None:
    """A database that was restarted under the store costs no write its place."""
    store, other = replicas
    await asyncio.gather(*(store.write(write_effect) for _ in range(5)))
    await end_sessions_but_of(other)
    ends = await asyncio.gather(*(store.write(write_effect) for _ in range(5)), return_exceptions=True)
    assert {type(end) for end in ends} <= {type(None), StoreUnavailable}
    await store.write(write_effect)
    assert await count(store, effects) >= 6


@pytest.mark.postgresql
async def test_two_that_wait_for_each_other_are_both_done(replicas: tuple[Store, Store]) -> None:
    """PostgreSQL ends one of them; it is done again, and whoever asked for it hears of nothing."""
    both_have_one = asyncio.Barrier(2)
    tries: list[str] = []

    async def take(tx: Transaction, first: str, second: str) -> None:
        tries.append(first)
        await tx.lock(first)
        if tries.count(first) == 1:
            await both_have_one.wait()
        await tx.lock(second)
        await write_effect(tx, first)

    async with asyncio.timeout(20):
        await asyncio.gather(
            replicas[0].write(lambda tx: take(tx, "a", "b")), replicas[1].write(lambda tx: take(tx, "b", "a"))
        )
    assert len(tries) == 3
    assert sorted(await column(replicas[0], effects)) == ["a", "b"]


@pytest.mark.postgresql
async def test_a_duty_belongs_to_one_replica(replicas: tuple[Store, Store]) -> None:
    """Who comes second waits until the first lets go, even though its process goes on."""
    store, other = replicas
    order: list[str] = []

    async def take(replica: Store, name: str, letting_go: asyncio.Event) -> None:
        async with replica.leadership("relay") as check:
            await check()
            order.append(name)
            await letting_go.wait()

    let_go, never = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(take(store, "first", let_go))
    while not order:
        await asyncio.sleep(0.01)
    second = asyncio.create_task(take(other, "second", never))
    let_go.set()
    await first
    async with asyncio.timeout(5):
        while order != ["first", "second"]:
            await asyncio.sleep(0.01)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    async with asyncio.timeout(5), store.leadership("relay"):
        pass


@pytest.mark.postgresql
async def test_a_leader_holds_no_transaction_open(replicas: tuple[Store, Store]) -> None:
    """A session that idles in a transaction would keep PostgreSQL from cleaning up."""
    leader, other = replicas
    async with leader.leadership("relay") as check:
        await check()
        async with other.read() as connection:
            states = await connection.scalars(SESSION_STATES)
    assert "idle in transaction" not in set(states)


@pytest.mark.postgresql
async def test_a_leader_whose_session_is_ended_is_told(replicas: tuple[Store, Store]) -> None:
    """The lock went with the session, so the duty must be let go."""
    store, other = replicas
    with pytest.raises(DBAPIError):
        await lead_until_ended(store, other)
    async with asyncio.timeout(5), store.leadership("relay"):
        pass


async def lead_until_ended(store: Store, other: Store) -> None:
    async with store.leadership("relay") as check:
        await end_sessions_but_of(other)
        await check()


async def said(store: Store) -> list[Envelope]:
    async with store.read() as connection:
        bodies = await connection.scalars(select(outbox.c.body).order_by(outbox.c.id))
    received = [one for body in bodies for one in unpack(body, "")]
    return [one.envelope for one in received if one.envelope]


async def end_sessions_but_of(other: Store) -> None:
    """End all sessions of the database but the one that is used for it."""
    await other.write(lambda tx: tx.execute(END_OTHER_SESSIONS))
