"""The days on which a municipality works, and the moments that are counted in them."""

from datetime import date, datetime, time, timedelta

from chassis.clock import STOCKHOLM, in_stockholm
from notification.holidays import is_holiday

_SATURDAY = 5
_DAY = timedelta(days=1)


_WORK_BEGINS, _WORK_ENDS = time(8), time(16)
"""When somebody is sure to be at work."""


def is_workday(day: date) -> bool:
    return day.weekday() < _SATURDAY and not is_holiday(day)


def workday_from(day: date) -> date:
    """The day itself or the first workday after it."""
    while not is_workday(day):
        day += _DAY
    return day


def workdays_before(day: date, count: int) -> date:
    """The workday that has `count` workdays from it up to the day; `day` itself need not be one."""
    while count:
        day -= _DAY
        count -= is_workday(day)
    return day


def moment_on(day: date, at: time) -> datetime:
    """The hour as Swedish clocks show it that day."""
    return datetime.combine(day, at, STOCKHOLM)


def in_working_hours(moment: datetime) -> datetime:
    """The moment itself, or the first after it when people are at work."""
    local = in_stockholm(moment)
    day = local.date() + _DAY if local.time() > _WORK_ENDS else local.date()
    return max(moment, moment_on(workday_from(day), _WORK_BEGINS))


def next_round(now: datetime, at: time) -> datetime:
    """The first time after now that it is a workday at that hour."""
    day = in_stockholm(now).date()
    if moment_on(day, at) <= now:
        day += _DAY
    return moment_on(workday_from(day), at)


def monday_of(moment: datetime) -> datetime:
    """The midnight with which the week began."""
    day = in_stockholm(moment).date()
    return moment_on(day - day.weekday() * _DAY, time())


def round_of_week(now: datetime, at: time) -> datetime:
    """The hour on the first workday of the week that it is now; a week of holidays passes on to the next."""
    day = in_stockholm(now).date()
    return moment_on(workday_from(day - day.weekday() * _DAY), at)
