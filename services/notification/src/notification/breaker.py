"""A breaker between the letters and the relay: when it is down, that is no matter of any letter's.

Shut, letters go. The first one that does not reach the relay opens it: nothing is begun until a
pause has passed; then one letter tries the way, and its end decides for all.
"""

import asyncio
from dataclasses import dataclass, field

import structlog
from prometheus_client import CollectorRegistry, Gauge

from chassis.retry import Backoff
from chassis.stopping import until_set
from notification.post import NotDelivered, Post, Receipt, Unreached

log = structlog.get_logger()

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 120.0
"""A relay that is back is found within two minutes."""

PROBE_LOOK_S = 0.2
"""How often a worker looks whether another's try has failed."""


@dataclass
class Breaker:
    """A `Post` that knows whether its relay is there."""

    post: Post
    gauge: Gauge
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S))
    _lost: str | None = None
    """At which step the relay was lost."""
    _trying: bool = False
    _retry_at: float = 0.0
    """On the loop's clock."""
    _found: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gauge.set(1)

    async def ready(self) -> None:
        """Return when the relay is there, or when it is time that somebody tries."""
        while self._lost is not None:
            left = self._retry_at - asyncio.get_running_loop().time()
            if left <= 0 and not self._trying:
                return
            await until_set(self._found, max(left, PROBE_LOOK_S))

    async def deliver(self, letter: bytes, sender: str, recipient: str, letter_id: str) -> Receipt:
        """Deliver, unless another letter is just trying whether the relay is back; raises as `Post` does."""
        if self._lost is None:
            return await self._watched(letter, sender, recipient, letter_id)
        if self._trying:
            raise Unreached(self._lost, answer="another letter tries the way")
        self._trying = True
        try:
            return await self._watched(letter, sender, recipient, letter_id)
        finally:
            self._trying = False

    async def close(self) -> None:
        await self.post.close()

    async def _watched(self, letter: bytes, sender: str, recipient: str, letter_id: str) -> Receipt:
        try:
            receipt = await self.post.deliver(letter, sender, recipient, letter_id)
        except Unreached as away:
            self._open(away.step)
            raise
        except NotDelivered:
            self._shut()
            raise
        self._shut()
        return receipt

    def _open(self, step: str) -> None:
        """Begin a pause, longer each time; what failed beside the one who tries says nothing new."""
        if self._lost is not None and not self._trying:
            return
        if self._lost is None:
            log.warning("relay.lost", step=step)
            self._found.clear()
            self.gauge.set(0)
        self._lost = step
        self._retry_at = asyncio.get_running_loop().time() + self.backoff.pause()

    def _shut(self) -> None:
        if self._lost is not None:
            log.info("relay.found")
            self._lost = None
            self.gauge.set(1)
        self.backoff.reset()
        self._found.set()


def relay_gauge(registry: CollectorRegistry) -> Gauge:
    return Gauge(
        "kansli_mail_relay_up", "1 when the mail relay was there at the last letter", registry=registry
    )
