"""The five ends of a handler.

It answers (returns an event or several), has nothing to say (returns None),
raises `Reject` (never: park it now), raises `TryLater` (not yet), or fails
(any other exception: tried again on a schedule, then parked).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias

from chassis.events import Event

Answer: TypeAlias = Event | Sequence[Event] | None


class Reject(Exception):
    """This can never be handled as it is; a person must look at it."""


class Failed(Exception):
    """It did not work this time; the words are ours, so they may be shown, where other errors' may not."""


class TryLater(Exception):
    """This cannot be handled yet; asking for time is no failed attempt."""

    def __init__(self, reason: str, delay: timedelta) -> None:
        super().__init__(reason)
        self.delay = delay


def events_of(answer: Answer) -> Sequence[Event]:
    if answer is None:
        return ()
    return (answer,) if isinstance(answer, Event) else answer
