"""The holidays of Sweden that can fall on a weekday."""

from datetime import date, timedelta

_OF_EVERY_YEAR = {(1, 1), (1, 6), (5, 1), (6, 6), (12, 24), (12, 25), (12, 26), (12, 31)}
"""Month and day, since 2005 (lag 1989:253 om allmänna helgdagar)."""

_FROM_EASTER = {-2, 1, 39}
"""Days to långfredagen, annandag påsk and Kristi himmelsfärdsdag."""

_FRIDAY = 4


def is_holiday(day: date) -> bool:
    """Whether it is one, or an eve that counts as such (semesterlagen 1977:480 § 7).

    Those that are always on a Saturday or a Sunday are left out.
    """
    return (
        (day.month, day.day) in _OF_EVERY_YEAR
        or (day - _easter_sunday(day.year)).days in _FROM_EASTER
        or _is_midsummer_eve(day)
    )


def _is_midsummer_eve(day: date) -> bool:
    """The Friday between the 19th and the 25th of June."""
    return day.weekday() == _FRIDAY and day.month == 6 and 19 <= day.day <= 25


def _easter_sunday(year: int) -> date:
    """By J. Oudin's reckoning (Explanatory Supplement to the Astronomical Almanac, 1992, p. 582)."""
    century, golden = year // 100, year % 19
    moon = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    moon -= moon // 28 * (1 - moon // 28 * (29 // (moon + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    return date(year, 3, 28) + timedelta(days=moon - weekday)
