"""Workdays as a Swedish municipality counts them, and the hours that letters keep to."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from holidays import DE_FACTO, PUBLIC, country_holidays
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import in_stockholm
from notification.workdays import is_workday, next_round, round_of_week, workday_from, workdays_before

SEVEN = time(7)
SATURDAY = 5
FREE = country_holidays("SE", categories=(PUBLIC, DE_FACTO))
FROM_2024 = datetime(2024, 1, 1, tzinfo=UTC)
moments = st.integers(0, 6 * 365 * 24 * 60).map(lambda minutes: FROM_2024 + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 20), True),
        (date(2026, 11, 21), False),
        (date(2026, 11, 22), False),
        (date(2026, 1, 6), False),
        (date(2026, 4, 3), False),
        (date(2026, 6, 19), False),
        (date(2026, 12, 24), False),
        (date(2026, 12, 31), False),
        (date(2026, 12, 30), True),
    ],
    ids=[
        "Friday",
        "Saturday",
        "Sunday",
        "trettondagen",
        "långfredagen",
        "midsommarafton",
        "julafton",
        "nyårsafton",
        "mellandag",
    ],
)
def test_nobody_works_on_weekends_holidays_and_their_eves(day: date, works: bool) -> None:
    """The three eves are as free as holidays."""
    assert works == is_workday(day)


def test_every_day_is_free_when_the_law_says_so() -> None:
    """As a library of the whole world's holidays has it, from the first national day that was one."""
    days = (date(2005, 1, 1) + timedelta(count) for count in range(95 * 365))
    assert [day for day in days if is_workday(day) != (day.weekday() < SATURDAY and day not in FREE)] == []


@pytest.mark.parametrize(
    ("count", "day"), [(1, date(2027, 1, 4)), (2, date(2026, 12, 30)), (5, date(2026, 12, 23))]
)
def test_workdays_are_counted_backwards_over_holidays(count: int, day: date) -> None:
    """From Tuesday the 5th of January, over New Year and Christmas."""
    assert workdays_before(date(2027, 1, 5), count) == day


@given(moments)
def test_the_next_round_is_a_coming_workday_at_seven(now: datetime) -> None:
    """By Swedish clocks, summer and winter, and no workday is passed over."""
    coming = next_round(now, SEVEN)
    assert coming > now
    assert (in_stockholm(coming).time(), is_workday(coming.date())) == (SEVEN, True)
    today = in_stockholm(now)
    if is_workday(today.date()) and today.time() < SEVEN:
        assert coming.date() == today.date()


@given(moments)
def test_a_week_begins_with_its_first_workday(now: datetime) -> None:
    """Mostly Monday."""
    begins = round_of_week(now, SEVEN)
    monday = date.fromisocalendar(*in_stockholm(now).isocalendar()[:2], 1)
    assert begins.date() == workday_from(monday)
