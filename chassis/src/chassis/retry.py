"""When to try again: soon at first, seldom later, never all at once, and not for ever."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

DELAYS = tuple(timedelta(seconds=s) for s in (1, 5, 30, 120, 600, 3600, 4 * 3600))
"""A short hiccup heals within seconds; an outage that outlasts a working day needs a person."""

JITTER = 0.2
"""A retry comes up to a fifth later than asked, never earlier, so that what failed together parts."""


@dataclass(frozen=True)
class RetrySchedule:
    delays: Sequence[timedelta] = DELAYS
    chance: random.Random = field(default_factory=random.Random)

    def after(self, attempts: int) -> timedelta | None:
        """How long to wait after this many failed attempts, or None when it is time to give up."""
        if attempts > len(self.delays):
            return None
        return self.spread(self.delays[attempts - 1])

    def spread(self, delay: timedelta) -> timedelta:
        return delay * (1 + JITTER * self.chance.random())


@dataclass
class Backoff:
    """Growing pauses for something that is down, back to the start when it answers."""

    first: float = 0.1
    most: float = 10.0
    chance: random.Random = field(default_factory=random.Random)
    _next: float = 0.0

    def pause(self) -> float:
        """Seconds to wait before the next try."""
        current = self._next or self.first
        self._next = min(self.most, current * 2)
        return current * (1 + JITTER * self.chance.random())

    def reset(self) -> None:
        self._next = 0.0
