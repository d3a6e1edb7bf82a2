"""The broker's definitions: what each service must may it do, and nothing else."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractConnection
from aiormq.exceptions import ChannelAccessRefused, ProbableAuthenticationError
from structlog.testing import capture_logs

from chassis.bus import Message, Unroutable
from chassis.bus.rabbitmq import RabbitMQBus, broker_faults
from chassis.bus.topology import DEAD, EXCHANGE, declare
from chassis.service import Service
from kansli.broker_definitions import MADE, definitions, rights
from kansli.openapi_documents import example_services
from kansli.places import shipped_definitions
from kansli.secrets_folder import Servers, fill
from support.checkers import SERVICES
from support.rabbitmq import Broker, as_service
from support.toy_house import until

UNDERSTOOD_BY_3_10 = {"dead-letter-exchange", "dead-letter-strategy", "overflow", "delivery-limit"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Service]:
    return example_services(tmp_path_factory.mktemp("house"))


@pytest.fixture
def amqp_url(broker: Broker) -> str:
    """Always at the run's own broker, which has loaded the definitions."""
    return broker.fresh_virtual_host()


def read_by(service: Service) -> list[str]:
    return [consumer.queue for consumer in service.consumers]


def all_queues(house: Mapping[str, Service]) -> set[str]:
    return {queue for service in house.values() for queue in service.queues}


def test_the_shipped_definitions_are_those_of_the_services() -> None:
    """A service that says or hears something new brings its rights along."""
    MADE.main([])
    shipped = json.loads(shipped_definitions().read_text("utf-8"))
    assert shipped == definitions()


def test_nobody_is_let_in_by_what_is_shipped() -> None:
    """No password, and none that works by default."""
    assert [user.keys() for user in definitions()["users"]] == [{"name", "tags"}] * 4


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_what_it_does_and_read_nothing_else(house: Mapping[str, Service], name: str) -> None:
    """Compared with the queues that the running service declares."""
    allowed = rights(name)

    def within(right: str) -> set[str]:
        return {queue for queue in {*all_queues(house), DEAD} if re.search(allowed[right], queue)}

    assert within("configure") == within("write") == set(house[name].queues)
    assert within("read") == set(read_by(house[name]))


def test_the_policy_is_for_every_queue_of_the_house_and_for_every_version(
    house: Mapping[str, Service],
) -> None:
    """3.10 refuses what it does not know, and `quorum_queues`."""
    (policy,) = definitions()["policies"]
    assert all(re.search(policy["pattern"], queue) for queue in all_queues(house))
    assert not re.search(policy["pattern"], DEAD)
    assert (policy["apply-to"], set(policy["definition"])) == ("queues", UNDERSTOOD_BY_3_10)


@asynccontextmanager
async def speaking(
    house: Mapping[str, Service], url: str, heard: list[tuple[str, str]]
) -> AsyncIterator[Mapping[str, RabbitMQBus]]:
    """Each service's bus as its own user; what reaches a queue is noted with the queue's name."""
    async with AsyncExitStack() as stack:
        buses = {name: RabbitMQBus(as_service(url, name), name) for name in house}
        for name, bus in buses.items():
            reads = {queue: noting(heard, queue) for queue in read_by(house[name])}
            await bus.open(reads, [queue for queue in house[name].queues if queue not in reads])
            stack.push_async_callback(bus.close)
        for bus in buses.values():
            await until(lambda bus=bus: at_ease(bus))  # type: ignore[misc]
        yield buses


def noting(heard: list[tuple[str, str]], queue: str) -> Any:
    async def receive(messages: Any) -> None:
        heard.extend((queue, message.body.decode()) for message in messages)

    return receive


async def at_ease(bus: RabbitMQBus) -> bool:
    return bus.trouble is None


async def test_the_services_speak_with_each_other_as_their_own_users(
    house: Mapping[str, Service], amqp_url: str
) -> None:
    """Each says something to all it speaks to, and every listener hears it."""
    heard: list[tuple[str, str]] = []
    async with speaking(house, amqp_url, heard) as buses:
        said = [
            (queue, name)
            for name, service in house.items()
            for queue in service.queues
            if queue not in read_by(service)
        ]
        await asyncio.gather(*(buses[name].publish(queue, Message(name.encode())) for queue, name in said))

        async def all_heard() -> bool:
            return sorted(heard) == sorted(said)

        await until(all_heard)


async def refused(connection: AbstractConnection, what: Any) -> bool:
    channel = await connection.channel()
    try:
        await what(channel)
    except ChannelAccessRefused:
        return True
    finally:
        await channel.close()
    return False


async def test_a_service_is_refused_what_is_another_s(house: Mapping[str, Service], amqp_url: str) -> None:
    """To read it, to empty it, to remove it, to make a queue of its own; and the dead letters."""
    async with await aio_pika.connect(amqp_url) as guest:
        await declare(await guest.channel(), sorted(all_queues(house)))
    for name, service in house.items():
        others = sorted(all_queues(house) - set(service.queues))
        async with await aio_pika.connect(as_service(amqp_url, name)) as connection:
            for queue in (others[0], DEAD):
                assert await refused(connection, lambda channel, queue=queue: take(channel, queue))
                assert await refused(connection, lambda channel, queue=queue: channel.queue_delete(queue))
            told = next(queue for queue in service.queues if queue not in read_by(service))
            assert await refused(connection, lambda channel, told=told: take(channel, told))
            assert await refused(connection, lambda channel: channel.declare_queue("mine", durable=True))


async def test_who_may_declare_may_delete(amqp_url: str) -> None:
    """RabbitMQ has one right for both, as the README says, also where another is to read."""
    queue = "validation.submission.received"
    async with await aio_pika.connect(as_service(amqp_url, "intake")) as connection:
        await declare(await connection.channel(), [queue])
        assert not await refused(connection, lambda channel: channel.queue_delete(queue))
        assert not await refused(connection, lambda channel: channel.exchange_delete(EXCHANGE))


async def take(channel: Any, queue: str) -> None:
    found = await channel.get_queue(queue, ensure=False)
    await found.get(fail=False)


async def test_the_policy_reaches_the_queues(
    house: Mapping[str, Service], broker: Broker, amqp_url: str
) -> None:
    """Asked of the broker, since AMQP does not tell."""
    async with await aio_pika.connect(amqp_url) as guest:
        await declare(await guest.channel(), sorted(all_queues(house)))
    vhost = urlsplit(amqp_url).path.removeprefix("/")
    told = await asyncio.to_thread(
        broker.ctl, "list_queues", "-p", vhost, "name", "policy", "--no-table-headers"
    )
    policies = dict(line.split("\t", 1) for line in told.splitlines())
    assert {queue: policies[queue] for queue in all_queues(house)} == dict.fromkeys(
        all_queues(house), "kansli"
    )
    assert policies[DEAD] == ""


async def test_a_queue_of_another_kind_is_told_once_and_looked_at_again(amqp_url: str) -> None:
    """A classic queue would lose what a node loses; only a person may remove it."""
    queue = "validation.submission.received"
    async with await aio_pika.connect(amqp_url) as guest:
        await (await guest.channel()).declare_queue(queue, durable=True)
        (fault,) = await broker_faults(amqp_url, "validation", [queue])
        assert "x-queue-type" in fault
        with capture_logs() as logs:
            bus = RabbitMQBus(amqp_url, "intake")
            await bus.open({}, [queue])
            await until(lambda: told_of(logs, "topology.refused"))
            assert "x-queue-type" in (bus.trouble or "")
            await (await guest.channel()).queue_delete(queue)
            await until(lambda: at_ease(bus))
            await bus.close()
    assert [entry["event"] for entry in logs].count("topology.refused") == 1


async def told_of(logs: list[Any], event: str) -> bool:
    return event in [entry["event"] for entry in logs]


async def test_a_broker_without_a_place_for_dead_letters_is_told_of_and_used(amqp_url: str) -> None:
    """On RabbitMQ 4 a message that came back twenty times would be gone: an error, and no reason to stop."""
    async with await aio_pika.connect(amqp_url) as guest:
        await (await guest.channel()).queue_delete(DEAD)
    assert [DEAD in fault for fault in await broker_faults(amqp_url, "intake", [])] == [True]
    with capture_logs() as logs:
        bus = RabbitMQBus(amqp_url, "intake")
        await bus.open({}, ["validation.submission.received"])
        await until(lambda: at_ease(bus))
        await bus.publish("validation.submission.received", Message(b"{}"))
        await bus.close()
    assert await told_of(logs, "dead_letters.unkept")


async def test_a_broker_with_the_definitions_is_found_in_order_by_each_service(
    house: Mapping[str, Service], amqp_url: str
) -> None:
    """Before the first start, when there are no queues yet, and after it; looking makes none."""
    for name, service in house.items():
        assert await broker_faults(as_service(amqp_url, name), name, service.queues) == []
    with pytest.raises(Unroutable):
        await published(amqp_url, "validation.submission.received")
    async with speaking(house, amqp_url, []):
        for name, service in house.items():
            assert await broker_faults(as_service(amqp_url, name), name, service.queues) == []


async def published(url: str, queue: str) -> None:
    bus = RabbitMQBus(url, "test")
    await bus.open({}, [])
    try:
        await until(lambda: at_ease(bus))
        await bus.publish(queue, Message(b"{}"))
    finally:
        await bus.close()


async def test_the_wrong_user_and_a_broker_that_is_away_are_told_apart_from_what_is_in_order(
    amqp_url: str,
) -> None:
    """By `check`, with a word for each."""
    other = await broker_faults(as_service(amqp_url, "notification"), "intake", [])
    assert other == []
    (unknown,) = await broker_faults(amqp_url.replace("guest:guest", "guest:wrong"), "intake", [])
    assert "ProbableAuthenticationError" in unknown
    (away,) = await broker_faults("amqp://guest:guest@127.0.0.1:1/", "intake", [])
    assert "does not answer" in away


async def test_the_secrets_let_each_service_in_and_the_shipped_file_nobody(
    broker: Broker, tmp_path: Path
) -> None:
    """What `kansli secrets` writes is what RabbitMQ understands."""
    address = urlsplit(broker.url)
    server = f"amqp://{address.hostname}:{address.port}"
    await asyncio.to_thread(fill, tmp_path / "secrets", Servers(server, "smtp://relay", None))
    urls = [(tmp_path / "secrets" / name / "amqp-url").read_text("utf-8").strip() for name in SERVICES]
    try:
        await imported(broker, tmp_path / "secrets" / "rabbitmq" / "definitions.json")
        for url in urls:
            await (await aio_pika.connect(url)).close()
        await imported(broker, shipped_definitions())
        for url in urls:
            with pytest.raises(ProbableAuthenticationError):
                await aio_pika.connect(url)
    finally:
        broker.import_its_own()


async def imported(broker: Broker, file: Path) -> None:
    await asyncio.to_thread(broker.ctl, "import_definitions", str(file))
