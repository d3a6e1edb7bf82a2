"""How long a submission takes from its POST until it is filed and the broker has been told so.

The end is seen from outside: a queue of the bench's own gets a copy of what the archive says to
notification, so that the last commit and the last publish are in the figure.
"""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from bench.pipelines import bare_aio_pika, paced
from bench.road import Tried, warmed
from bench.run import Run
from bench.servers import Way
from chassis.bus.topology import EXCHANGE
from support.houses import House
from support.rabbitmq import as_administrator

PER_SECOND = 5.0
HALF = 0.5
LEAST_SENT = 20
OVERHEARD = ("notification.report.filed", "notification.report.held")
HEARD_WITHIN_S = 60.0
WAYS: tuple[Way, ...] = ("sqlite", "postgresql")


async def measure(run: Run) -> None:
    """Bare aio-pika at a steady pace, and ours at the same and at half of what it can carry."""
    bare = await paced(run.servers, bare_aio_pika(), run.sizes.latency_s, PER_SECOND)
    _note(run, "latency.aio-pika", bare.told["took"])
    for way in WAYS:
        async with warmed(run.servers, way) as tried:
            _note(run, f"latency.{way}", await _took(run, tried, PER_SECOND))
            half = HALF * (_best(run, way) or tried.pace)
            _note(run, f"latency.{way}.half", await _took(run, tried, half))
            await tried.until_all_done()
            await tried.audit()


def _best(run: Run, way: Way) -> float | None:
    """What it carried in this run, where that was measured before."""
    return run.figures.median(f"road.{way}.{max(run.sizes.ours_in_flight)}.per_second")


def _note(run: Run, name: str, took: Sequence[float]) -> None:
    """In milliseconds."""
    run.figures.note(f"{name}.p50_ms", 1000 * statistics.median(took))
    run.figures.note(f"{name}.p99_ms", 1000 * statistics.quantiles(took, n=100, method="inclusive")[98])


async def _took(run: Run, tried: Tried, per_second: float) -> list[float]:
    """Seconds of each report that goes to a meeting, held or not."""
    load = tried.next_load(max(LEAST_SENT, round(per_second * run.sizes.latency_s)))
    async with overhearing(tried.house) as filed:
        sent = await tried.post(load, pace=per_second)
        judged = [report.reference for report in load if report.fate != "rejected"]
        ids = {reference: next(iter(sent.ids[reference])) for reference in judged}
        await filed.hear_of(set(ids.values()))
        return [filed.moments[ids[reference]] - sent.times[reference][0] for reference in judged]


@dataclass
class Overheard:
    """When it was first heard that a submission is filed, by its id."""

    moments: dict[str, float] = field(default_factory=dict)

    async def note(self, message: AbstractIncomingMessage) -> None:
        now, events = time.time(), json.loads(message.body)
        for event in events if isinstance(events, list) else [events]:
            self.moments.setdefault(event["subject"], now)

    async def hear_of(self, ids: set[str]) -> None:
        async with asyncio.timeout(HEARD_WITHIN_S):
            while not ids <= self.moments.keys():
                await asyncio.sleep(0.05)


@asynccontextmanager
async def overhearing(house: House) -> AsyncIterator[Overheard]:
    url = as_administrator(house.process("archive").environment["ARCHIVE_AMQP_URL"], "archive")
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        for key in OVERHEARD:
            await queue.bind(EXCHANGE, routing_key=key)
        overheard = Overheard()
        await queue.consume(overheard.note, no_ack=True)
        yield overheard
