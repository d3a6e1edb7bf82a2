"""A clock that a test moves."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class StillClock:
    """Stands still until a test moves it."""

    now: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)
