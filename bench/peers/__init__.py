"""Pipelines whose handlers do nothing, each as its library is best used: consume, publish on, acknowledge.

A module is one hop of four: it reads the queue `hop-<BENCH_HOP>` and hands on to the next, in a process of
its own. `python -m bench.peers.<name> seed` instead declares all the queues and publishes one message to the
first, so that the driver learns how the library writes a message. Queues are quorum queues, messages are
persistent, each is confirmed before it is acknowledged, and at most a hundred are held by a hop.
"""

import os
import sys
from dataclasses import dataclass

PREFETCH = 100
QUORUM = {"x-queue-type": "quorum"}
HOPS = 4
PAYLOAD_BYTES = 2000
"""About a report's event."""

PAYLOAD = ("Personalen berättade om schemat. " * 100).encode()[:PAYLOAD_BYTES].decode(errors="ignore")
QUEUES = [f"hop-{number}" for number in range(HOPS + 1)]
"""The last one is the driver's."""


@dataclass(frozen=True)
class Place:
    """Where a process stands in the pipeline."""

    url: str
    reads: str
    writes: str


def place() -> Place:
    hop = int(os.environ.get("BENCH_HOP", "0"))
    return Place(os.environ["BENCH_AMQP_URL"], QUEUES[hop], QUEUES[hop + 1])


def is_seeding() -> bool:
    return sys.argv[1:] == ["seed"]
