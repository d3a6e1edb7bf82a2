"""taskiq over aio-pika: a task that kicks the next hop's; acknowledged when it has run."""

import uvloop
from taskiq import TaskiqEvents, TaskiqState
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue, QueueType

from bench.peers import PAYLOAD, PREFETCH, QUEUES, place

STANDS = place()


def _broker(*names: str) -> AioPikaBroker:
    queues = [Queue(name=name, type=QueueType.QUORUM) for name in names]
    return AioPikaBroker(STANDS.url, qos=PREFETCH, exchange=Exchange("hops")).with_queues(*queues)


broker, following = _broker(STANDS.reads), _broker(STANDS.writes)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def connect_onward(_state: TaskiqState) -> None:
    await following.startup()


async def hand_on(body: str) -> None:
    await NEXT.kiq(body)


broker.task("hop")(hand_on)
NEXT = following.task("hop")(hand_on)


async def seed() -> None:
    """Whoever has several queues is told by a label which one is meant, so each is opened by itself."""
    for name in reversed(QUEUES):
        one = _broker(name)
        first = one.task("hop")(hand_on)
        await one.startup()
        if name == QUEUES[0]:
            await first.kiq(PAYLOAD)
        await one.shutdown()


if __name__ == "__main__":
    uvloop.run(seed())
