"""The Swedish names of days and months, as people read them on pages and in letters."""

from datetime import date

_WEEKDAYS = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")
_MONTHS = (
    *("januari", "februari", "mars", "april", "maj", "juni"),
    *("juli", "augusti", "september", "oktober", "november", "december"),
)


def weekday(day: date) -> str:
    """`torsdag`."""
    return _WEEKDAYS[day.weekday()]


def day_and_month(day: date) -> str:
    """`12 november`."""
    return f"{day.day} {_MONTHS[day.month - 1]}"
