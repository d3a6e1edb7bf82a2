"""Dramatiq: an actor in eight threads; its queues are made quorum queues, which it has no setting for."""

from typing import Any

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from bench.peers import PAYLOAD, QUEUES, QUORUM, place

STANDS = place()


class QuorumBroker(RabbitmqBroker):
    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
        return {**super()._build_queue_arguments(queue_name), **QUORUM}


broker = QuorumBroker(url=STANDS.url, confirm_delivery=True)
dramatiq.set_broker(broker)


def say(queue: str, body: str) -> None:
    broker.enqueue(dramatiq.Message(queue_name=queue, actor_name="hop", args=(body,), kwargs={}, options={}))


def hand_on(body: str) -> None:
    say(STANDS.writes, body)


dramatiq.actor(hand_on, actor_name="hop", queue_name=STANDS.reads)


def seed() -> None:
    for name in QUEUES:
        broker.declare_queue(name, ensure=True)
    say(QUEUES[0], PAYLOAD)
    broker.close()


if __name__ == "__main__":
    seed()
