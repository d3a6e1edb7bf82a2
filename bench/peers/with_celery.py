"""Celery: a task in eight threads, late acknowledgement, confirmed publishing, no talk among workers."""

from celery import Celery
from kombu import Exchange, Queue

from bench.peers import PAYLOAD, PREFETCH, QUEUES, QUORUM, place

STANDS = place()
THREADS = 8
HOPS = Exchange("hops", type="direct", durable=True)


def _queue(name: str) -> Queue:
    return Queue(name, HOPS, routing_key=name, queue_arguments=dict(QUORUM), durable=True)


app = Celery("hops", broker=STANDS.url)
app.conf.update(
    task_queues=[_queue(STANDS.reads)],
    task_default_queue=STANDS.reads,
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=PREFETCH // THREADS,
    worker_concurrency=THREADS,
    worker_enable_remote_control=False,
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)
NEXT = _queue(STANDS.writes)


def hand_on(body: str) -> None:
    app.send_task("hop", (body,), queue=NEXT)


app.task(hand_on, name="hop")


def seed() -> None:
    with app.connection_for_write() as connection:
        for name in QUEUES:
            _queue(name)(connection.default_channel).declare()
    app.send_task("hop", (PAYLOAD,), queue=_queue(QUEUES[0]))


if __name__ == "__main__":
    seed()
