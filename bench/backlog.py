"""A backlog: many submissions wait at the broker while only intake runs, then the others come."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

from bench.load import reports
from bench.road import Tried, holds_back, memory_of, patience
from bench.run import Run
from bench.servers import start
from support.houses import House

OTHERS = ("validation", "archive", "notification")
SAMPLE_EVERY_S = 1.0
SETTLED = 0.1
"""Of the drain: by then each service holds what it needs, and from there on should need no more."""


async def measure(run: Run) -> None:
    """How fast it drains, and by how much memory rises meanwhile."""
    with run.servers.house("sqlite", only=["intake"]) as house:
        tried = Tried(house, run.servers)
        await tried.post(reports(run.sizes.backlog, "hog"))
        await _until_at_the_broker(house, run.sizes.backlog)
        await asyncio.to_thread(start, house, OTHERS)
        begun = time.monotonic()
        samples = await _sampled(house, asyncio.create_task(tried.until_all_done()))
        run.figures.note("backlog.per_second", run.sizes.backlog / (time.monotonic() - begun))
        for process, megabytes in samples.items():
            settled = megabytes[round(SETTLED * len(megabytes))]
            run.figures.note(f"backlog.{process}.mb", max(megabytes))
            run.figures.note(f"backlog.{process}.rise", max(megabytes) / settled - 1)
        await tried.audit()


async def _until_at_the_broker(house: House, count: int) -> None:
    async with asyncio.timeout(patience(count)):
        while await asyncio.to_thread(holds_back, house, "intake"):
            await asyncio.sleep(SAMPLE_EVERY_S)


async def _sampled(house: House, draining: "asyncio.Task[None]") -> dict[str, Sequence[float]]:
    """Megabytes of each process, once a second until the drain is over."""
    samples: dict[str, list[float]] = defaultdict(list)
    while not draining.done():
        for process, megabytes in memory_of(house).items():
            samples[process].append(megabytes)
        await asyncio.wait([draining], timeout=SAMPLE_EVERY_S)
    await draining
    return dict(samples)
