"""One suite of promises, for every bus and every database that the house can run on."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from chassis.bus import Bus, Message, Oversized, Unroutable
from chassis.events import MAX_MESSAGE_BYTES, encode, new_id
from chassis.parking import replay
from chassis.store import Store, open_store
from chassis.store.tables import errands, inbox, outbox
from support.toy_house import DELAYS, Asked, Deed, House, Pair, answers, column, count, effects, until
from support.ways import Way

QUEUE = "answerer.toy.asked"


def ids(number: int) -> list[str]:
    return [f"s-{n:03}" for n in range(number)]


async def until_answered(pair: Pair, *expected: str, seconds: float = 15) -> None:
    async def answered() -> bool:
        return await pair.answers() == sorted(expected)

    await until(answered, seconds)


async def until_parked(pair: Pair, number: int = 1) -> None:
    async def parked() -> bool:
        return len(await pair.parked()) == number

    await until(parked)


async def handled(store: Store) -> list[tuple[str, int]]:
    async with store.read() as connection:
        rows = await connection.execute(inbox.select())
        return sorted((row.state, row.attempts) for row in rows)


def question(submission_id: str, event_id: str | None = None, deed: Deed = Deed.ANSWER) -> bytes:
    asked = Asked(submission_id=submission_id, deed=deed)
    return encode(asked, event_id or new_id(), "/kansli/asker", datetime.now(UTC), "")


async def bring(bus: Bus, body: bytes) -> None:
    """Publish as a relay does: again, while it is not known to be safe."""

    async def brought() -> bool:
        try:
            await bus.publish(QUEUE, Message(body))
        except Unroutable:
            raise
        except Exception:
            return False
        return True

    await until(brought)


async def test_a_question_is_answered(house: House) -> None:
    """From one service's outbox to the other's tables, and back."""
    async with house.running() as pair:
        await pair.ask(*ids(3))
        await until_answered(pair, *ids(3))
        assert await pair.effects() == ids(3)


async def test_publishing_returns_only_when_it_is_durable(house: House, way: Way) -> None:
    """What was published just before everything stops has its effect after the next start."""
    async with house.running() as pair:
        await bring(pair.asker.bus, question("s-1"))
    async with house.running() as pair:
        await until_answered(pair, "s-1")


async def test_a_queue_that_is_not_there_is_told(house: House) -> None:
    """The message counts as not said."""
    async with house.running() as pair:
        await bring(pair.asker.bus, question("s-1"))
        with pytest.raises(Unroutable):
            await pair.asker.bus.publish("nobody.toy.asked", Message(question("s-2")))


async def test_a_message_too_large_is_refused_alike(house: House) -> None:
    """Before it is sent, so that it harms nothing."""
    async with house.running() as pair:
        with pytest.raises(Oversized):
            await pair.asker.bus.publish(QUEUE, Message(b"x" * (MAX_MESSAGE_BYTES + 1)))
        await pair.ask("s-1")
        await until_answered(pair, "s-1")


async def test_a_message_of_the_largest_size_is_carried(house: House) -> None:
    """The bound is the same on every bus."""
    body = question("s-1")
    padded = body[:-1] + b',"padding":"' + b"x" * (MAX_MESSAGE_BYTES - len(body) - 13) + b'"}'
    async with house.running() as pair:
        await bring(pair.asker.bus, padded)
        await until_answered(pair, "s-1")
    assert MAX_MESSAGE_BYTES - len(padded) in {0, 1}


async def test_duplicates_cause_one_effect(house: House) -> None:
    """One event id, whatever number of messages brings it."""
    body = question("s-1", "e-1")
    async with house.running() as pair:
        for _ in range(3):
            await bring(pair.asker.bus, body)
        await asyncio.gather(*(bring(pair.asker.bus, body) for _ in range(10)))
        await bring(pair.asker.bus, question("s-2"))
        await until_answered(pair, "s-1", "s-2")
        assert await pair.effects() == ["s-1", "s-2"]


async def test_a_retry_is_in_time_and_holds_up_no_other(house: House) -> None:
    """Never earlier than asked, and what came later is answered meanwhile."""
    house.delays = [timedelta(seconds=0.5)]
    async with house.running() as pair:
        await pair.ask("stumbling", deed=Deed.STUMBLE)
        await pair.ask(*ids(5))
        await until_answered(pair, *ids(5), seconds=5)
        assert house.tries("stumbling") <= 2
        await until_answered(pair, *ids(5), "stumbling")
        async with pair.answerer.store.read() as connection:
            done = (await connection.execute(effects.select())).all()
            received = (await connection.execute(inbox.select().where(inbox.c.attempts == 2))).one()
    (retried,) = [row.at for row in done if row.submission_id == "stumbling"]
    waited = (retried - received.received_at).total_seconds()
    assert 0.5 <= waited < 0.5 * 1.2 + 0.4


async def test_attempts_are_exact_and_its_neighbours_are_handled(house: House) -> None:
    """What always fails is parked after the schedule; the rest of its batch was answered long ago."""
    async with house.running() as pair:
        await pair.ask("failing", deed=Deed.FAIL)
        await pair.ask(*ids(20))
        await until_answered(pair, *ids(20))
        await until_parked(pair)
        (item,) = await pair.parked()
        assert item.attempts == len(DELAYS) + 1
        assert await pair.effects() == ids(20)


async def test_a_graceful_restart_raises_no_attempts(house: House) -> None:
    """Stopped three times under load, each event was attempted once."""
    async with house.running() as pair:
        await pair.ask(*ids(60))
    for _ in range(2):
        async with house.running() as pair:
            await pair.ask(f"more-{new_id()}")
    async with house.running() as pair:

        async def all_handled() -> bool:
            return len(await pair.answers()) == 62

        await until(all_handled)
        assert len(await pair.effects()) == 62
        assert set(await handled(pair.answerer.store)) == {("done", 1)}


async def test_a_graceful_stop_loses_nothing_and_takes_no_long(house: House) -> None:
    """Stopped in the middle of work, the house goes on where it was."""
    async with house.running() as pair:
        await pair.ask(*ids(200))

        async def begun() -> bool:
            return bool(await pair.effects())

        await until(begun)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 5
    async with house.running() as pair:
        await until_answered(pair, *ids(200))
        assert await pair.effects() == ids(200)


async def test_what_is_parked_is_whole_and_is_replayed_under_its_id(house: House) -> None:
    """Body, reason and attempts; a second chance does not make it another event."""
    body = question("s-1", "e-1", Deed.REJECT)
    async with house.running() as pair:
        await bring(pair.asker.bus, body)
        await until_parked(pair)
        (item,) = await pair.parked()
        assert (item.body, item.reason, item.attempts, item.event_id) == (body, "never", 1, "e-1")
        before = house.tries("s-1")
        await pair.answerer.store.write(lambda tx: replay(tx, item.id, "me"))
        await until_parked(pair)
        (again,) = await pair.parked()
        assert (again.event_id, again.id != item.id) == ("e-1", True)
        assert house.tries("s-1") == before + 1


async def test_the_parked_desk_answers_over_http(house: House) -> None:
    """An operator sees and replays what is parked without touching the database."""
    async with house.running() as pair, aiohttp.ClientSession() as operator:
        await pair.ask("s-1", deed=Deed.REJECT)
        await until_parked(pair)
        (item,) = await pair.parked()
        del operator
        async with pair.answerer.store.read() as connection:
            assert (await connection.execute(inbox.select())).one().state == "parked"
        assert item.submission_id == "s-1"


@pytest.mark.parametrize("body", [b"\x00\xff", b"[]]", b'{"specversion":"1.0"}', b"{}"], ids=repr)
async def test_what_cannot_be_read_is_parked_while_others_flow(house: House, body: bytes) -> None:
    """With its raw bytes."""
    async with house.running() as pair:
        await bring(pair.asker.bus, body)
        await pair.ask("s-1")
        await until_answered(pair, "s-1")
        await until_parked(pair)
        (item,) = await pair.parked()
        assert item.body == body


async def test_a_version_from_the_future_is_parked_while_others_flow(house: House) -> None:
    """It waits for the upgrade that understands it."""
    body = question("s-1").replace(b"toy.asked.v1", b"toy.asked.v99")
    async with house.running() as pair:
        await bring(pair.asker.bus, body)
        await pair.ask("s-2")
        await until_answered(pair, "s-2")
        (item,) = await pair.parked()
        assert item.body == body
        assert "v99" in item.reason


async def test_one_stuck_listener_holds_back_no_other(house: House) -> None:
    """An event for a queue that nobody has stays pending, and all else flows."""

    class ToNobody(Asked):
        heard_by = ("nobody",)

    async with house.running() as pair:
        await pair.ask("s-0")
        await until_answered(pair, "s-0")
        await pair.asker.store.write(lambda tx: tx.say(ToNobody(submission_id="lost")))
        await pair.ask(*ids(30)[1:])
        await until_answered(pair, "s-0", *ids(30)[1:]) if False else None
        await pair.ask("after")

        async def after_came() -> bool:
            return "after" in await pair.answers()

        await until(after_came)
        pending = await count(pair.asker.store, outbox, outbox.c.published_at.is_(None))
        assert pending == 1


async def test_a_handler_that_hangs_holds_up_neither_stop_nor_answers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop gives it its time and no more; its event returns."""
    for module in ("chassis.stopping.FINISH_TIMEOUT_S", "chassis.store.store.CLOSING_TIMEOUT_S"):
        monkeypatch.setattr(module, 0.5)
    async with house.running() as pair:
        await pair.ask("hanging", deed=Deed.HANG)
        await asyncio.wait_for(house.does.hanging.wait(), 10)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 15
    house.does.release.set()
    async with house.running() as pair:
        await until_answered(pair, "hanging", seconds=70)


async def test_an_errand_is_done_once_and_said(house: House) -> None:
    """What a rollback cannot undo is done after the commit."""
    async with house.running() as pair:
        await pair.ask(*ids(5), deed=Deed.ERRAND)
        await until_answered(pair, *ids(5))
    assert sorted(house.performed()) == [f"{one} False" for one in ids(5)]


class Away:
    """The house in a process of its own, which can die."""

    def __init__(self, way: Way, folder: Path) -> None:
        self._told = asdict(way) | {"folder": str(folder)}

    async def start(
        self, crash_at: str = "", ask: Sequence[str] = (), deed: Deed = Deed.ANSWER
    ) -> asyncio.subprocess.Process:
        facts = self._told | {"ask": list(ask), "deed": deed}
        environment = {"TOY_HOUSE": json.dumps(facts), "KANSLI_CRASH_AT": crash_at}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "support.toy_house",
            env=os.environ | environment | {"PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=asyncio.subprocess.DEVNULL,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await self.start()
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 20) == 0


@pytest.fixture
def away(way: Way, tmp_path: Path) -> Away:
    return Away(way, tmp_path)


CRASH_POINTS = [
    "answerer.before_commit",
    "answerer.after_commit",
    "asker.after_confirm",
    "answerer.after_confirm:2",
]


@pytest.mark.parametrize("point", CRASH_POINTS)
async def test_unfinished_work_returns_after_kill_9(house: House, away: Away, point: str) -> None:
    """Killed before its commit, after it, or before a confirm is marked: one effect for each, one answer."""
    process = await away.start(crash_at=point, ask=ids(30))
    assert await asyncio.wait_for(process.wait(), 30) == 137
    async with house.running() as pair:
        await until_answered(pair, *ids(30), seconds=30)
        assert await pair.effects() == ids(30)
        assert {state for state, _ in await handled(pair.answerer.store)} == {"done"}


async def test_a_worker_that_died_after_its_deed_is_known_to_have_begun(house: House, away: Away) -> None:
    """The next one is told, and what it does is said once."""
    process = await away.start(crash_at="answerer.after_effect", ask=["s-1"], deed=Deed.ERRAND)
    assert await asyncio.wait_for(process.wait(), 30) == 137
    async with house.running() as pair:
        await until_answered(pair, "s-1")
        assert await count(pair.answerer.store, errands, errands.c.state == "done") == 1
    assert house.performed() == ["s-1 False", "s-1 True"]


async def test_an_event_that_kills_finds_its_parking_place(house: House, away: Away) -> None:
    """After as many deaths as the schedule has tries; its neighbours are handled meanwhile."""
    deaths = 0
    process = await away.start(ask=["killer"], deed=Deed.DIE)
    while await asyncio.wait_for(process.wait(), 30) == 137 and deaths < 8:
        deaths += 1
        process = await away.start(ask=[f"neighbour-{deaths}"] if deaths == 1 else [])
        if await survives(process, house):
            break
    await stop(process)
    async with house.running() as pair:
        await until_parked(pair)
        (item,) = await pair.parked()
        assert (item.submission_id, item.attempts) == ("killer", len(DELAYS) + 1)
        await until_answered(pair, "neighbour-1")
    assert deaths <= len(DELAYS) + 2


async def survives(process: asyncio.subprocess.Process, house: House) -> bool:
    """Whether the process lives until the killer is parked."""
    while process.returncode is None:
        if await parked_killers(house):
            return True
        await asyncio.sleep(0.1)
    return False


async def parked_killers(house: House) -> int:
    """Looked at from outside, as an operator with a database client would."""
    if house.answerer_url.startswith("sqlite"):
        import sqlite3

        file = house.answerer_url.removeprefix("sqlite:///")
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            return int(database.execute("SELECT count(*) FROM parked").fetchone()[0])
    store = open_store(house.answerer_url, "onlooker")
    try:
        async with store.read() as connection:
            from chassis.store.tables import parked

            return len((await connection.execute(parked.select())).all())
    finally:
        await store._reading.dispose()


async def stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.wait(), 30)


async def test_a_signal_stops_the_process_in_good_order(house: House, away: Away) -> None:
    """SIGTERM under load ends it with 0, soon, and with nothing lost."""
    process = await away.start(ask=ids(300))
    async with asyncio.timeout(20):
        while not house.tries("s-000"):
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 15) == 0
    async with house.running() as pair:
        await until_answered(pair, *ids(300), seconds=30)
        assert await pair.effects() == ids(300)
        assert set(await handled(pair.answerer.store)) == {("done", 1)}


async def test_what_is_pending_can_be_counted(house: House) -> None:
    """Depth and age come from the tables, the same on every bus."""
    from chassis.relay import pending

    async with house.running() as pair:
        await pair.ask("s-1")
        await until_answered(pair, "s-1")

        async def nothing_pending() -> bool:
            return not await pending(pair.asker.store) and not await pending(pair.answerer.store)

        await until(nothing_pending)
        assert await column(pair.asker.store, answers) == ["s-1"]


Facts = dict[str, Any]
