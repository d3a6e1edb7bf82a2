"""The embedded bus: with all services in one process, the sender's outbox is the queue.

The relay hands a message straight to the listener's inbox transaction; when that is committed, the
relay marks it in the sender's outbox. No broker, and the same code above and below.
"""

import asyncio
from collections.abc import Mapping, Sequence

from chassis.bus import Message, Receive, Unconfirmed, Unroutable, refuse_oversized
from chassis.stopping import being_cancelled, end


class EmbeddedHub:
    """The listeners of the house, known to all its buses."""

    def __init__(self) -> None:
        self.listeners: dict[str, Receive] = {}


class EmbeddedBus:
    """One service's place at the hub."""

    def __init__(self, hub: EmbeddedHub) -> None:
        self._hub = hub
        self._reads: Mapping[str, Receive] = {}
        self._closing = False
        self._handing_over: set[asyncio.Task[None]] = set()

    @property
    def trouble(self) -> str | None:
        return None

    async def open(self, reads: Mapping[str, Receive], says: Sequence[str]) -> None:
        del says
        self._reads = {queue: self._guarded(receive) for queue, receive in reads.items()}
        self._hub.listeners.update(self._reads)

    async def publish(self, queue: str, message: Message) -> None:
        refuse_oversized(queue, message)
        receive = self._hub.listeners.get(queue)
        if receive is None:
            raise Unroutable(queue)
        await receive([message])

    async def close(self) -> None:
        """Take nothing more, and finish what has been begun."""
        self._closing = True
        for queue in self._reads:
            self._hub.listeners.pop(queue, None)
        await end(self._handing_over)

    def _guarded(self, receive: Receive) -> Receive:
        async def guarded(messages: Sequence[Message]) -> None:
            if self._closing:
                raise Unconfirmed("the listener is stopping")
            task = asyncio.create_task(_received(receive, messages))
            self._handing_over.add(task)
            task.add_done_callback(self._handing_over.discard)
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                if being_cancelled():
                    raise
                raise Unconfirmed("the listener has stopped") from None

        return guarded


async def _received(receive: Receive, messages: Sequence[Message]) -> None:
    await receive(messages)
