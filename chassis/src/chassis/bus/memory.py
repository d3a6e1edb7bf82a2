"""The bus for tests: it keeps what was said, delivers when told to, and fails on demand."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from chassis.bus import BusTrouble, Message, Receive, Unroutable, refuse_oversized
from chassis.events import Envelope, unpack


class MemoryBus:
    """Messages per queue, in the order in which they were said."""

    def __init__(self) -> None:
        self.queues: dict[str, list[Message]] = defaultdict(list)
        self.failing_with: BusTrouble | None = None
        self._reads: Mapping[str, Receive] = {}
        self._known: set[str] = set()

    @property
    def trouble(self) -> str | None:
        return None if self.failing_with is None else self.failing_with.reason

    async def open(self, reads: Mapping[str, Receive], says: Sequence[str]) -> None:
        self._reads = reads
        self._known = {*reads, *says}

    async def publish(self, queue: str, message: Message) -> None:
        refuse_oversized(queue, message)
        if self.failing_with is not None:
            raise self.failing_with
        if queue not in self._known:
            raise Unroutable(queue)
        self.queues[queue].append(message)

    async def deliver(self) -> None:
        """Hand over everything that waits for the queues that are read here."""
        for queue, receive in self._reads.items():
            while self.queues[queue]:
                waiting, self.queues[queue] = self.queues[queue], []
                await receive(waiting)

    async def close(self) -> None:
        """Nothing to let go of."""

    def said(self, queue: str) -> list[Envelope]:
        """The events that wait in a queue."""
        received = (
            one for message in self.queues[queue] for one in unpack(message.body, message.content_type)
        )
        return [one.envelope for one in received if one.envelope is not None]
