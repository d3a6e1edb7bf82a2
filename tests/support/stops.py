"""Stopping a service in the middle of its work."""

import asyncio

from support.houses import House
from support.visitor import awaited

BUSY_WITH = {
    "intake": "intake.report.filed",
    "validation": "validation.submission.received",
    "archive": "archive.submission.accepted",
    "notification": "notification.report.filed",
}
"""A queue of each service that every load fills."""


async def until_busy(house: House, queue: str, before: int) -> int:
    """Until the service has handled more than before; returns how many more."""

    async def done() -> int:
        return await asyncio.to_thread(house.handled, queue) - before

    return int(await awaited(done, f"{queue} is being handled"))
