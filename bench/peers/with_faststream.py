"""FastStream: a subscriber that is also a publisher; bytes as they are, without its type injection."""

import uvloop
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue

from bench.peers import PAYLOAD, PREFETCH, QUEUES, is_seeding, place

BROKER = RabbitBroker(
    place().url,
    default_channel=Channel(prefetch_count=PREFETCH, publisher_confirms=True),
    apply_types=False,
    logger=None,
)


def _queue(name: str) -> RabbitQueue:
    return RabbitQueue(name, queue_type=QueueType.QUORUM, durable=True)


async def seed() -> None:
    async with BROKER:
        for name in QUEUES:
            await BROKER.declare_queue(_queue(name))
        await BROKER.publish(PAYLOAD.encode(), QUEUES[0], persist=True)


async def hand_on(body: bytes) -> bytes:
    return body


async def serve() -> None:
    stands = place()
    publishing = BROKER.publisher(_queue(stands.writes), persist=True)
    BROKER.subscriber(_queue(stands.reads), ack_policy=AckPolicy.NACK_ON_ERROR)(publishing(hand_on))
    await FastStream(BROKER, logger=None).run()


if __name__ == "__main__":
    uvloop.run(seed() if is_seeding() else serve())
