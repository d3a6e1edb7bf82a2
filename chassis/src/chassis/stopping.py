"""Waiting and stopping in good order: what was begun is finished, a cancellation is no accident."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from multiprocessing import parent_process
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

FINISH_TIMEOUT_S = 10.0
"""What was begun takes milliseconds, a letter mostly seconds; an orchestrator kills after thirty."""


class Abandoned(Exception):
    """What was waited for was cancelled, though nobody cancelled the one who waits."""


def being_cancelled() -> bool:
    """Whether a `CancelledError` is meant for this task; libraries raise it for a lost connection too."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def finishing(work: Coroutine[Any, Any, T]) -> T:
    """Do the work; if cancelled meanwhile, finish it first, so that no attempt is counted and left.

    Raises:
        Abandoned: the work was cancelled by something inside it.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not being_cancelled():
            raise Abandoned from None
        await end([task])
        raise


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Wait for tasks that end by themselves; cancel those that do not within the time."""
    ending = list(tasks)
    if ending:
        await asyncio.wait(ending, timeout=FINISH_TIMEOUT_S)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def until_set(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, or the time is over.

    `asyncio.wait_for` swallows a cancellation that comes together with the event (Python before 3.12).
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def until_due(
    woken: asyncio.Event, seconds_left: Callable[[], Awaitable[float]], poll_s: float
) -> None:
    """Until no seconds are left of what is waited for; asked anew when woken, and at every poll."""
    woken.clear()
    while (seconds := await seconds_left()) > 0:
        await until_set(woken, min(seconds, poll_s))
        woken.clear()


def end_with_the_parent() -> None:
    """In a child process: end when the one that made it does, however that came."""
    Thread(target=_leave_after_the_parent, daemon=True).start()


def _leave_after_the_parent() -> None:
    if parent := parent_process():
        parent.join()
    os._exit(0)
