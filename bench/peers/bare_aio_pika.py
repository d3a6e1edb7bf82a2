"""aio-pika alone: a callback per message, one connection that consumes and one that publishes."""

import asyncio

import aio_pika
import uvloop
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from bench.peers import PAYLOAD, PREFETCH, QUEUES, QUORUM, is_seeding, place


def _persistent(body: bytes) -> Message:
    return Message(body, delivery_mode=DeliveryMode.PERSISTENT)


async def seed() -> None:
    async with await aio_pika.connect(place().url) as connection:
        channel = await connection.channel()
        for name in QUEUES:
            await channel.declare_queue(name, durable=True, arguments=dict(QUORUM))
        await channel.default_exchange.publish(_persistent(PAYLOAD.encode()), routing_key=QUEUES[0])


async def serve() -> None:
    stands = place()
    consuming, publishing = await aio_pika.connect(stands.url), await aio_pika.connect(stands.url)
    exchange = (await publishing.channel(publisher_confirms=True)).default_exchange
    channel = await consuming.channel()
    await channel.set_qos(prefetch_count=PREFETCH)

    async def hand_on(message: AbstractIncomingMessage) -> None:
        await exchange.publish(_persistent(message.body), routing_key=stands.writes)
        await message.ack()

    await (await channel.get_queue(stands.reads)).consume(hand_on)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(seed() if is_seeding() else serve())
