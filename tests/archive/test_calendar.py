"""To which meeting a report goes."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.calendar import (
    Meeting,
    day_in_words,
    is_late,
    is_over,
    meeting_for,
    moment_in_words,
    time_left,
    weekday_in_words,
)

DEADLINE = datetime(2026, 11, 27, 11, tzinfo=UTC)


def meeting(day: date, deadline: datetime, *, cancelled: bool = False) -> Meeting:
    return Meeting(date=day, time=time(13), deadline=deadline, cancelled=cancelled)


DECEMBER = meeting(date(2026, 12, 9), DEADLINE)
JANUARY = meeting(date(2027, 1, 20), datetime(2027, 1, 8, 11, tzinfo=UTC))

moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def calendars(draw: st.DrawFn) -> list[Meeting]:
    days = draw(st.lists(st.dates(date(2026, 1, 1), date(2027, 12, 31)), unique=True, max_size=8))
    return [
        meeting(
            day,
            datetime(day.year, day.month, day.day, 11, tzinfo=UTC) - timedelta(draw(st.integers(0, 40))),
            cancelled=draw(st.booleans()),
        )
        for day in days
    ]


def test_a_report_goes_to_the_first_meeting_whose_deadline_it_made() -> None:
    """To the second before the deadline it is the coming meeting, after it the next."""
    assert meeting_for([DECEMBER, JANUARY], DEADLINE, DEADLINE) == DECEMBER
    after = DEADLINE + timedelta(microseconds=1)
    assert meeting_for([DECEMBER, JANUARY], after, after) == JANUARY


def test_a_report_that_waited_in_a_queue_keeps_its_meeting() -> None:
    """When it arrived decides, not when the house got round to it."""
    assert meeting_for([DECEMBER, JANUARY], DEADLINE, DEADLINE + timedelta(5)) == DECEMBER


def test_a_meeting_that_is_over_gets_no_more_reports() -> None:
    """A report in time for a meeting that was held before it was filed goes to the next."""
    assert meeting_for([DECEMBER, JANUARY], DEADLINE, datetime(2026, 12, 10, tzinfo=UTC)) == JANUARY


def test_a_cancelled_meeting_gets_no_reports() -> None:
    """Nobody is left to read them."""
    cancelled = DECEMBER.model_copy(update={"cancelled": True})
    assert meeting_for([cancelled, JANUARY], DEADLINE, DEADLINE) == JANUARY
    assert not is_late([cancelled, JANUARY], DEADLINE + timedelta(1))


def test_a_day_is_over_at_midnight_in_sweden() -> None:
    """At eleven in the evening in Greenwich the Swedish day after has begun."""
    assert not is_over(DECEMBER, datetime(2026, 12, 9, 22, 59, tzinfo=UTC))
    assert is_over(DECEMBER, datetime(2026, 12, 9, 23, 0, tzinfo=UTC))


@given(calendars(), moments, st.timedeltas(timedelta(0), timedelta(60)))
def test_no_earlier_open_meeting_is_passed_over(
    meetings: list[Meeting], arrived_at: datetime, waited: timedelta
) -> None:
    """The meeting chosen was open at arrival, and every earlier one was closed, cancelled or over."""
    now = arrived_at + waited
    chosen = meeting_for(meetings, arrived_at, now)
    possible = [
        one for one in meetings if not one.cancelled and one.deadline >= arrived_at and not is_over(one, now)
    ]
    assert chosen in possible if possible else chosen is None
    assert all(chosen is not None and chosen.date <= one.date for one in possible)


@given(calendars(), moments)
def test_the_order_of_the_calendar_changes_nothing(meetings: list[Meeting], arrived_at: datetime) -> None:
    """Meetings are ordered by their dates, wherever they stand in the file."""
    expected = meeting_for(meetings, arrived_at, arrived_at)
    assert meeting_for(reversed(meetings), arrived_at, arrived_at) == expected


@given(calendars(), moments, st.timedeltas(timedelta(0), timedelta(60)))
def test_a_later_arrival_never_gets_an_earlier_meeting(
    meetings: list[Meeting], arrived_at: datetime, later: timedelta
) -> None:
    """Nobody gains by waiting, where deadlines follow in the order of their meetings."""
    in_order = sorted(meetings, key=lambda one: one.deadline)
    calendar = [
        one.model_copy(update={"date": day})
        for one, day in zip(in_order, sorted(one.date for one in meetings), strict=True)
    ]
    first = meeting_for(calendar, arrived_at, arrived_at)
    second = meeting_for(calendar, arrived_at + later, arrived_at + later)
    assert second is None or (first is not None and first.date <= second.date)


@given(calendars(), moments)
def test_a_report_is_late_only_when_it_missed_a_meeting_still_to_come(
    meetings: list[Meeting], arrived_at: datetime
) -> None:
    """Late is told of the past deadline of a meeting that is not over, never of an open one."""
    missed = [
        one
        for one in meetings
        if not one.cancelled and one.deadline < arrived_at and not is_over(one, arrived_at)
    ]
    assert is_late(meetings, arrived_at) == bool(missed)


def test_days_and_moments_are_written_in_swedish() -> None:
    """Month and weekday have no capital, and the clock has a full stop."""
    assert day_in_words(date(2026, 11, 12)) == "12 november 2026"
    assert weekday_in_words(date(2026, 12, 9)) == "onsdag 9 december 2026"
    assert moment_in_words(DEADLINE) == "27 november 2026 kl. 12.00"


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(4), "om 4 dagar"),
        (timedelta(1), "i morgon kl. 12.00"),
        (timedelta(hours=5, minutes=59), "om 5 timmar"),
        (timedelta(minutes=90), "om 90 minuter"),
        (timedelta(minutes=1), "om 1 minut"),
        (timedelta(0), "om mindre än en minut"),
        (timedelta(seconds=-1), "har passerat"),
    ],
)
def test_time_left_is_told_in_words_and_never_too_generously(left: timedelta, words: str) -> None:
    """A secretary sees at once how long she has."""
    assert time_left(DEADLINE, DEADLINE - left) == words
