"""The bus carries messages; every guarantee lives in the databases at its two ends.

BusTrouble
├── Unroutable      the listener's queue is not there
├── Unconfirmed     not known to be safe: it may or may not arrive, so it is said again
└── Oversized       never: the message is larger than any bus takes
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from chassis.events import MAX_MESSAGE_BYTES, STRUCTURED


class BusTrouble(Exception):
    """A message was not brought to its queue."""

    reason = "trouble"


class Unroutable(BusTrouble):
    """The listener's queue is not there."""

    reason = "unroutable"


class Unconfirmed(BusTrouble):
    """The message may or may not have arrived; only saying it again makes sure."""

    reason = "unconfirmed"


class Oversized(BusTrouble):
    """The message is larger than any bus takes."""

    reason = "oversized"


@dataclass(frozen=True, slots=True)
class Message:
    """One or several events on their way to one queue.

    `maybe_begun` warns that a process may have died while it handled this message.
    """

    body: bytes
    content_type: str = STRUCTURED
    headers: Mapping[str, Any] = field(default_factory=dict)
    maybe_begun: bool = False


Receive = Callable[[Sequence[Message]], Awaitable[None]]
"""Takes messages; returns when what they say is durable at the listener's."""


class Bus(Protocol):
    """What carries messages from an outbox to an inbox."""

    async def open(self, reads: Mapping[str, Receive], says: Sequence[str]) -> None:
        """Begin to deliver to the queues in `reads`, and to take messages for those in `says`.

        Returns at once also when the broker is away: it is looked for until it answers.
        """

    async def publish(self, queue: str, message: Message) -> None:
        """Bring the message to the queue; returns only when it is durable there.

        Raises:
            Unroutable, Unconfirmed, Oversized: and the message counts as not said.
        """

    async def close(self) -> None:
        """Finish what is being handled, leave the rest to whoever comes next."""

    @property
    def trouble(self) -> str | None:
        """Why nothing moves just now, or None when all is well."""


def refuse_oversized(queue: str, message: Message) -> None:
    if len(message.body) > MAX_MESSAGE_BYTES:
        raise Oversized(f"{len(message.body)} bytes for {queue}")
