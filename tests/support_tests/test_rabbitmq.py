from typing import Any

import aio_pika
import pytest

from support.rabbitmq import POOL, Broker, delete_queues

QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}


async def put(url: str, queue: str, body: bytes) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True, arguments=QUORUM)
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, routing_key=queue)


async def take(url: str, queue: str) -> bytes:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        found = await channel.get_queue(queue)
        return (await found.get(no_ack=True, timeout=10)).body


async def test_a_virtual_host_is_a_test_s_own(amqp_url: str, broker: Broker) -> None:
    """What one test puts on a queue no other test sees."""
    await put(amqp_url, "reports", b"mine")
    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
        await take(broker.fresh_virtual_host(), "reports")


async def test_there_are_more_virtual_hosts_than_are_made_at_first(broker: Broker) -> None:
    """A run may have any number of tests."""
    urls = [broker.fresh_virtual_host() for _ in range(POOL + 1)]
    assert len(set(urls)) == POOL + 1
    await put(urls[-1], "reports", b"taken")


@pytest.mark.slow
async def test_what_was_confirmed_survives_kill_and_start(amqp_url: str, broker: Broker) -> None:
    """A test can kill the broker and go on with the same address and what was on it."""
    await put(amqp_url, "reports", b"confirmed")
    broker.kill()
    assert not broker.answers()
    broker.start()
    assert await take(amqp_url, "reports") == b"confirmed"


@pytest.mark.slow
async def test_what_was_confirmed_survives_a_restart(amqp_url: str, broker: Broker) -> None:
    """A test can restart the broker as an operator would."""
    await put(amqp_url, "reports", b"confirmed")
    broker.restart()
    assert await take(amqp_url, "reports") == b"confirmed"


async def test_queues_are_deleted_whether_or_not_they_exist(amqp_url: str) -> None:
    """A shared virtual host can be cleared by the names alone."""
    await put(amqp_url, "reports", b"old")
    delete_queues(amqp_url, ["reports", "never declared"])
    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
        await take(amqp_url, "reports")


def test_an_operator_s_command_reaches_the_broker(broker: Broker) -> None:
    """Alarms and policies can be set on the tests' own broker."""
    assert "kansli@localhost" in broker.ctl("eval", "node().")
