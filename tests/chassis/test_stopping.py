import asyncio

import pytest

from chassis.stopping import Abandoned, end, finishing, until_set


async def test_work_gives_its_result() -> None:
    """Without a stop nothing is different."""

    async def work() -> int:
        return 7

    assert await finishing(work()) == 7


async def test_what_was_begun_is_finished_before_the_stop() -> None:
    """The cancellation is heeded after it."""
    begun, go_on, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        finished.set()

    task = asyncio.create_task(finishing(work()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert finished.is_set()


async def test_what_does_not_finish_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop takes its time and no more."""
    monkeypatch.setattr("chassis.stopping.FINISH_TIMEOUT_S", 0.01)
    task = asyncio.create_task(finishing(asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_a_cancellation_from_inside_is_no_stop() -> None:
    """A library's lost connection must not end who called it."""

    async def lose_a_connection() -> None:
        raise asyncio.CancelledError

    with pytest.raises(Abandoned):
        await finishing(lose_a_connection())


async def test_a_failure_is_told() -> None:
    """As if nothing were around it."""

    async def fail() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await finishing(fail())


async def test_nothing_to_end_ends_at_once() -> None:
    """Asyncio itself refuses to wait for nothing."""
    await end([])


@pytest.mark.parametrize("turns", range(6))
async def test_a_stop_that_comes_together_with_what_was_waited_for_is_heeded(turns: int) -> None:
    """Else a duty goes on for ever, and the process never ends."""
    event = asyncio.Event()

    async def duty() -> None:
        while True:
            await until_set(event, 60)
            event.clear()

    task = asyncio.create_task(duty())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    event.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1)
    assert done


async def test_waiting_ends_with_the_time_too() -> None:
    """And says nothing about which it was."""
    await asyncio.wait_for(until_set(asyncio.Event(), 0.001), 1)
