"""Time is injected: whoever needs the time is given a `Clock`, so that a test can decide what time it is."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Answers the present moment as an aware datetime in UTC."""

STOCKHOLM = ZoneInfo("Europe/Stockholm")
"""The zone in which municipalities mean their dates, deadlines and years."""


def system_clock() -> datetime:
    return datetime.now(UTC)


def in_stockholm(moment: datetime) -> datetime:
    return moment.astimezone(STOCKHOLM)


def day_in_stockholm(moment: datetime) -> date:
    """The calendar day that people in Sweden had at the moment; 23:30 UTC is already tomorrow there."""
    return in_stockholm(moment).date()


def last_reading(moment: datetime) -> datetime:
    """The moment in UTC; without a zone it is Swedish, and of an hour that clocks show twice the later one.

    So a deadline takes nothing from whoever reads it the other way, and all services read it alike.
    """
    if moment.tzinfo:
        return moment.astimezone(UTC)
    return max(moment.replace(tzinfo=STOCKHOLM, fold=fold).astimezone(UTC) for fold in (0, 1))
