import asyncio
from collections.abc import Sequence

import pytest

from chassis.bus import Message, Oversized, Unconfirmed, Unroutable
from chassis.bus.embedded import EmbeddedBus, EmbeddedHub
from chassis.bus.memory import MemoryBus
from chassis.events import MAX_MESSAGE_BYTES

QUEUE = "listener.toy.asked"


class Listener:
    """Takes what comes when it may."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.begun, self.may = asyncio.Event(), asyncio.Event()

    async def receive(self, messages: Sequence[Message]) -> None:
        self.begun.set()
        await self.may.wait()
        self.taken.extend(messages)


async def two(listener: Listener) -> tuple[EmbeddedBus, EmbeddedBus]:
    hub = EmbeddedHub()
    speaking, listening = EmbeddedBus(hub), EmbeddedBus(hub)
    await listening.open({QUEUE: listener.receive}, [])
    await speaking.open({}, [QUEUE])
    return speaking, listening


async def test_publishing_returns_when_the_listener_has_it() -> None:
    """And not before."""
    listener = Listener()
    speaking, _ = await two(listener)
    publishing = asyncio.create_task(speaking.publish(QUEUE, Message(b"1")))
    await listener.begun.wait()
    assert not publishing.done()
    listener.may.set()
    await publishing
    assert listener.taken == [Message(b"1")]


async def test_a_stop_finishes_what_was_begun_and_takes_no_more() -> None:
    """What comes during the stop is not said; after it nobody is there."""
    listener = Listener()
    speaking, listening = await two(listener)
    hub = speaking._hub
    receive = hub.listeners[QUEUE]
    publishing = asyncio.create_task(speaking.publish(QUEUE, Message(b"1")))
    await listener.begun.wait()
    closing = asyncio.create_task(listening.close())
    await asyncio.sleep(0)
    with pytest.raises(Unconfirmed):
        await receive([Message(b"2")])
    with pytest.raises(Unroutable):
        await speaking.publish(QUEUE, Message(b"3"))
    listener.may.set()
    await asyncio.gather(publishing, closing)
    assert listener.taken == [Message(b"1")]


async def test_a_listener_whose_database_stays_away_does_not_stop_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it could not take in time counts as not said."""
    monkeypatch.setattr("chassis.stopping.FINISH_TIMEOUT_S", 0.01)
    listener = Listener()
    speaking, listening = await two(listener)
    publishing = asyncio.create_task(speaking.publish(QUEUE, Message(b"1")))
    await listener.begun.wait()
    await asyncio.wait_for(listening.close(), 1)
    with pytest.raises(Unconfirmed):
        await publishing


async def test_a_speaker_that_goes_does_not_interrupt_the_listener() -> None:
    """What was handed over is taken whole."""
    listener = Listener()
    speaking, listening = await two(listener)
    publishing = asyncio.create_task(speaking.publish(QUEUE, Message(b"1")))
    await listener.begun.wait()
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
    listener.may.set()
    await listening.close()
    assert listener.taken == [Message(b"1")]


@pytest.mark.parametrize("bus", [EmbeddedBus(EmbeddedHub()), MemoryBus()], ids=["embedded", "memory"])
async def test_both_refuse_alike(bus: EmbeddedBus | MemoryBus) -> None:
    """A test on the memory bus proves something about the others."""
    await bus.open({}, [])
    with pytest.raises(Unroutable):
        await bus.publish(QUEUE, Message(b"1"))
    with pytest.raises(Oversized):
        await bus.publish(QUEUE, Message(bytes(MAX_MESSAGE_BYTES + 1)))


async def test_the_memory_bus_delivers_when_it_is_told() -> None:
    """And fails when it is told."""
    bus, listener = MemoryBus(), Listener()
    listener.may.set()
    await bus.open({QUEUE: listener.receive}, [])
    await bus.publish(QUEUE, Message(b"1"))
    assert listener.taken == []
    await bus.deliver()
    assert listener.taken == [Message(b"1")]
    bus.failing_with = Unconfirmed("alarm")
    with pytest.raises(Unconfirmed):
        await bus.publish(QUEUE, Message(b"2"))
    assert bus.trouble == "unconfirmed"
    await bus.close()
