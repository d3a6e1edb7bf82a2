"""One suite of promises, for every bus and every database that the house can run on."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import aio_pika
import pytest
from aio_pika.exceptions import ChannelNotFoundEntity
from sqlalchemy import Row, Table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.elements import ColumnElement

from chassis.bus import Bus, Message, Oversized, Unroutable
from chassis.bus.topology import declare
from chassis.events import MAX_MESSAGE_BYTES, encode, new_id
from chassis.parking import replay
from chassis.relay import pending
from chassis.store import Store, StoreUnavailable, open_store
from chassis.store.tables import errands, inbox, outbox, parked
from support.rabbitmq import Broker, deleted
from support.tcp_proxy import TcpProxy
from support.toy_house import DELAYS, Asked, Deed, House, Pair, buses, count, effects, say, until
from support.ways import ONE_OF_EACH_BUS, Way

QUEUE = "answerer.toy.asked"

A_MOMENT = 0.5
"""Seconds that a busy machine may take for what takes milliseconds."""


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


async def rows(store: Store, table: Table, *where: ColumnElement[bool]) -> list[Row[Any]]:
    async with store.read() as connection:
        return list((await connection.execute(table.select().where(*where))).all())


async def handled(store: Store) -> list[tuple[str, int]]:
    return sorted((row.state, row.attempts) for row in await rows(store, inbox))


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
    """Never earlier than asked, at most a fifth later, and what came after it is answered meanwhile."""
    house.delays = [timedelta(seconds=1.5)]
    async with house.running() as pair:
        await pair.ask("stumbling", deed=Deed.STUMBLE)
        await until_attempted(pair)
        house.does.well.set()
        await pair.ask(*ids(5))
        await until_answered(pair, *ids(5), "stumbling")
        done = await rows(pair.answerer.store, effects)
        (kept,) = await rows(pair.answerer.store, inbox, inbox.c.attempts == 2)
    *neighbours, (retried, at) = sorted(((row.submission_id, row.at) for row in done), key=itemgetter(1))
    assert (retried, len(neighbours)) == ("stumbling", 5)
    assert 1.5 <= (at - kept.received_at).total_seconds() < 1.5 * 1.2 + A_MOMENT


async def until_attempted(pair: Pair) -> None:
    async def attempted() -> bool:
        return bool(await rows(pair.answerer.store, inbox, inbox.c.last_error.is_not(None)))

    await until(attempted)


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


@ONE_OF_EACH_BUS
async def test_a_graceful_stop_loses_nothing_and_takes_no_long(house: House) -> None:
    """Stopped in the middle of work, the house goes on where it was."""
    async with house.running() as pair:
        await pair.ask(*ids(100))

        async def begun() -> bool:
            return bool(await pair.effects())

        await until(begun)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 5
    async with house.running() as pair:
        await until_answered(pair, *ids(100))
        assert await pair.effects() == ids(100)


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


async def test_what_cannot_be_read_is_parked_while_others_flow(house: House) -> None:
    """With its raw bytes."""
    unreadable = [b"\x00\xff", b"[]]", b'{"specversion":"1.0"}', b"{}"]
    async with house.running() as pair:
        for body in unreadable:
            await bring(pair.asker.bus, body)
        await pair.ask("s-1")
        await until_answered(pair, "s-1")
        await until_parked(pair, len(unreadable))
        assert sorted(item.body for item in await pair.parked()) == sorted(unreadable)


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


class ToNobody(Asked):
    heard_by: ClassVar[tuple[str, ...]] = ("nobody",)


async def test_one_stuck_listener_holds_back_no_other(house: House) -> None:
    """An event for a queue that nobody has stays pending, and all else flows, also later."""
    async with house.running() as pair:
        for number in ids(3):
            await say(pair.asker.store, ToNobody(submission_id="lost"))
            await pair.ask(number)
            await until_answered(pair, *ids(3)[: int(number[2:]) + 1])
        assert await count(pair.asker.store, outbox, outbox.c.published_at.is_(None)) == 3


@ONE_OF_EACH_BUS
async def test_a_handler_that_hangs_holds_up_neither_stop_nor_answers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop gives it its time and no more; its event returns."""
    for module in ("chassis.stopping.FINISH_TIMEOUT_S", "chassis.store.store.CLOSING_TIMEOUT_S"):
        monkeypatch.setattr(module, 0.5)
    monkeypatch.setattr("chassis.consumer.ATTEMPT_LEASE", timedelta(seconds=1))
    async with house.running() as pair:
        await pair.ask("hanging", deed=Deed.HANG)
        await asyncio.wait_for(house.does.hanging.wait(), 10)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 5
    house.does.release.set()
    async with house.running() as pair:
        await until_answered(pair, "hanging")


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
        self.delays: Sequence[timedelta] = DELAYS

    async def start(
        self, ask: Mapping[str, Deed] | None = None, crash_at: str = ""
    ) -> asyncio.subprocess.Process:
        delays = [delay.total_seconds() for delay in self.delays]
        facts = self._told | {"ask": dict(ask or {}), "delays": delays}
        environment = {"TOY_HOUSE": json.dumps(facts), "KANSLI_CRASH_AT": crash_at}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "support.toy_house",
            env=os.environ | environment | {"PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=asyncio.subprocess.DEVNULL,
        )


@pytest.fixture
def away(way: Way, tmp_path: Path) -> Away:
    return Away(way, tmp_path)


CRASH_POINTS = [
    "answerer.before_commit",
    "answerer.after_commit",
    "asker.after_confirm",
    "answerer.after_confirm",
]


@pytest.mark.parametrize("point", CRASH_POINTS)
async def test_unfinished_work_returns_after_kill_9(house: House, away: Away, point: str) -> None:
    """Killed before its commit, after it, or before a confirm is marked: one effect for each, one answer."""
    process = await away.start(dict.fromkeys(ids(30), Deed.ANSWER), point)
    assert await asyncio.wait_for(process.wait(), 30) == 137
    async with house.running() as pair:
        await until_answered(pair, *ids(30), seconds=30)
        assert await pair.effects() == ids(30)
        assert {state for state, _ in await handled(pair.answerer.store)} == {"done"}


@ONE_OF_EACH_BUS
async def test_a_worker_that_died_after_its_deed_is_known_to_have_begun(house: House, away: Away) -> None:
    """The next one is told, and what it does is said once."""
    process = await away.start({"s-1": Deed.ERRAND}, "answerer.after_effect")
    assert await asyncio.wait_for(process.wait(), 30) == 137
    async with house.running() as pair:
        await until_answered(pair, "s-1")
        assert await count(pair.answerer.store, errands, errands.c.state == "done") == 1
    assert house.performed() == ["s-1 False", "s-1 True"]


@ONE_OF_EACH_BUS
async def test_an_event_that_kills_finds_its_parking_place(house: House, away: Away) -> None:
    """After as many deaths as the schedule has tries; its neighbours are handled meanwhile."""
    away.delays = house.delays = DELAYS[:1]
    deaths = 0
    process = await away.start({"killer": Deed.DIE} | dict.fromkeys(ids(5), Deed.ANSWER))
    while await dies(process, house):
        deaths += 1
        process = await away.start()
    await stop(process)
    async with house.running() as pair:
        (item,) = await pair.parked()
        assert (item.submission_id, item.attempts) == ("killer", len(house.delays) + 1)
        await until_answered(pair, *ids(5))
    assert deaths <= len(house.delays) + 2


async def dies(process: asyncio.subprocess.Process, house: House) -> bool:
    """Whether the process ends before the killer is parked."""
    store = open_store(house.answerer_url, "onlooker")
    try:
        async with asyncio.timeout(30):
            while process.returncode is None and not await parked_in(store):
                await asyncio.sleep(0.05)
    finally:
        await store.close()
    return process.returncode is not None


async def parked_in(store: Store) -> int:
    """None, while the process has not made the tables yet."""
    try:
        return await count(store, parked)
    except (StoreUnavailable, SQLAlchemyError):
        return 0


async def stop(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0


@ONE_OF_EACH_BUS
async def test_a_signal_stops_the_process_in_good_order(house: House, away: Away) -> None:
    """SIGTERM under load ends it with 0, soon, and with nothing lost."""
    process = await away.start(dict.fromkeys(ids(100), Deed.ANSWER))
    async with asyncio.timeout(20):
        while not house.tries("s-000"):
            await asyncio.sleep(0.02)
    await stop(process)
    async with house.running() as pair:
        await until_answered(pair, *ids(100), seconds=30)
        assert await pair.effects() == ids(100)
        assert set(await handled(pair.answerer.store)) == {("done", 1)}


async def test_what_waits_can_be_counted(house: House) -> None:
    """Depth comes from the tables, the same on every bus: nothing waits when all is said."""
    async with house.running() as pair:
        await pair.ask("s-1")

        async def nothing_pending() -> bool:
            return not await pending(pair.asker.store)

        await until(nothing_pending)
        await until_answered(pair, "s-1")


async def look_for_queue(url: str) -> None:
    async with await aio_pika.connect(url) as connection:
        await (await connection.channel()).get_queue(QUEUE)


async def test_a_broker_that_is_away_at_the_start_is_found_later(broker: Broker, tmp_path: Path) -> None:
    """What is said meanwhile waits in the outbox, and is told as the bus's trouble."""
    async with (
        TcpProxy("127.0.0.1", urlsplit(broker.url).port or 0) as wire,
        house_over(wire, broker, tmp_path) as pair,
    ):
        wire.black_hole()
        wire.reset()

        async def in_trouble() -> bool:
            return bool(pair.asker.bus.trouble and pair.answerer.bus.trouble)

        await until(in_trouble)
        await pair.ask("s-1")
        assert await count(pair.asker.store, outbox, outbox.c.published_at.is_(None)) == 1
        wire.resume()
        wire.reset()
        await until_answered(pair, "s-1", seconds=30)
        assert not pair.asker.bus.trouble
        assert not pair.answerer.bus.trouble


async def test_a_wire_that_goes_silent_is_noticed(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reset, no end, no answer: both directions tell it, and new connections carry on."""
    for name in ("CONNECT_TIMEOUT_S", "WATCH_S"):
        monkeypatch.setattr(f"chassis.bus.rabbitmq.{name}", 0.5)
    async with (
        TcpProxy("127.0.0.1", urlsplit(broker.url).port or 0) as wire,
        house_over(wire, broker, tmp_path) as pair,
    ):
        pair.asker.bus._sender.timeout = 0.5  # type: ignore[attr-defined]
        await pair.ask("s-1")
        await until_answered(pair, "s-1")
        wire.black_hole()
        await pair.ask("s-2")

        async def in_trouble() -> bool:
            return bool(pair.asker.bus.trouble and pair.answerer.bus.trouble)

        await until(in_trouble)
        wire.resume()
        await until_answered(pair, "s-1", "s-2", seconds=30)
        assert await pair.effects() == ["s-1", "s-2"]


@asynccontextmanager
async def house_over(wire: TcpProxy, broker: Broker, folder: Path) -> AsyncIterator[Pair]:
    address = urlsplit(broker.fresh_virtual_host())
    url = address._replace(netloc=f"guest:guest@127.0.0.1:{wire.port}").geturl()
    asker, answerer = (f"sqlite:///{folder}/{name}.db" for name in ("asker", "answerer"))
    async with House(folder, asker, answerer, buses("rabbitmq", url)).running() as pair:
        yield pair


async def test_connections_that_are_reset_under_load_lose_nothing(broker: Broker, tmp_path: Path) -> None:
    """Publishes in flight are said again, deliveries come again, and each has one effect."""
    async with (
        TcpProxy("127.0.0.1", urlsplit(broker.url).port or 0) as wire,
        house_over(wire, broker, tmp_path) as pair,
    ):
        for start in range(0, 200, 20):
            await pair.ask(*ids(200)[start : start + 20])
            await asyncio.sleep(0.05)
            wire.reset()
        await until_answered(pair, *ids(200), seconds=40)
        assert await pair.effects() == ids(200)


async def test_a_broker_killed_under_load_loses_nothing(broker: Broker, rabbit_house: House) -> None:
    """All is answered once it is back; asking never stopped."""
    async with rabbit_house.running() as pair:
        await pair.ask(*ids(50))
        await until_answered(pair, *ids(50))
        asking = asyncio.create_task(ask_one_by_one(pair, ids(150)[50:]))
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        await asking
        await until_answered(pair, *ids(150), seconds=30)
        assert await pair.effects() == ids(150)


async def ask_one_by_one(pair: Pair, numbers: list[str]) -> None:
    for number in numbers:
        await pair.ask(number)
        await asyncio.sleep(0.01)


async def test_a_queue_that_is_deleted_is_noticed_and_not_made_anew(
    rabbit_house: House, amqp_url: str
) -> None:
    """Within ten seconds the consumer tells it; what is said meanwhile stays pending, and comes later."""
    async with rabbit_house.running() as pair:
        await pair.ask("s-1")
        await until_answered(pair, "s-1")
        await deleted(amqp_url, [QUEUE])

        async def told() -> bool:
            return "queue missing" in (pair.answerer.bus.trouble or "")

        await until(told, 10)
        await pair.ask("s-2")
        with pytest.raises(ChannelNotFoundEntity):
            await look_for_queue(amqp_url)
        assert await count(pair.asker.store, outbox, outbox.c.published_at.is_(None)) == 1
        await made_by_an_operator(amqp_url)
        await until_answered(pair, "s-1", "s-2", seconds=30)
        assert pair.answerer.bus.trouble is None


async def made_by_an_operator(url: str) -> None:
    async with await aio_pika.connect(url) as connection:
        await declare(await connection.channel(), [QUEUE])


async def test_foreign_messages_are_parked_with_their_headers(rabbit_house: House, amqp_url: str) -> None:
    """Whoever wrote to the queue, and whatever: it is kept, and the others flow."""
    async with rabbit_house.running() as pair, await aio_pika.connect(amqp_url) as connection:
        await pair.ask("s-1")
        await until_answered(pair, "s-1")
        channel = await connection.channel()
        strange = [
            aio_pika.Message(b"\x00", headers={"x-who": "a stranger", "x-none": None}),
            aio_pika.Message(b"x" * (MAX_MESSAGE_BYTES + 1_000_000)),
            aio_pika.Message(b"", content_type="text/plain"),
        ]
        for message in strange:
            await channel.default_exchange.publish(message, routing_key=QUEUE)
        await pair.ask("s-2")
        await until_answered(pair, "s-1", "s-2")
        await until_parked(pair, 3)
        parked_bodies = {item.body: item.headers for item in await pair.parked()}
    assert set(parked_bodies) == {message.body for message in strange}
    assert parked_bodies[b"\x00"]["x-who"] == "a stranger"


async def test_competing_replicas_cause_one_effect_each(
    amqp_url: str, new_database: Callable[[], str], tmp_path: Path
) -> None:
    """Two processes' worth of each service on one database each; one of them goes, the other goes on."""
    house = House(tmp_path, new_database(), new_database(), buses("rabbitmq", amqp_url))
    async with house.running() as pair:
        async with house.running() as other:
            await asyncio.gather(pair.ask(*ids(60)[:30]), other.ask(*ids(60)[30:]))
            await until_answered(pair, *ids(60), seconds=20)
        await pair.ask("after")
        await until_answered(pair, *ids(60), "after", seconds=20)
        assert await pair.effects() == sorted([*ids(60), "after"])
        assert set(await handled(pair.answerer.store)) == {("done", 1)}
