"""What the page for operators shows: what is parked, what waits to be said, and how the letters fare."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ParkedLine:
    """Something that could not be handled; `reason` is ours and holds nothing of the content."""

    id: str
    origin: str
    reason: str
    parked_at: datetime


@dataclass(frozen=True)
class OperationsView:
    """`waiting` tells how many events each queue has not got yet, `letters` how many are in each state.

    `silent` are the services whose desks did not answer.
    """

    now: datetime
    parked: tuple[ParkedLine, ...] = ()
    waiting: tuple[tuple[str, int], ...] = ()
    letters: tuple[tuple[str, int], ...] = ()
    silent: tuple[str, ...] = ()
