"""Meetings and their deadlines: which one a report goes to, and how days and hours are written."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from chassis.clock import day_in_stockholm, in_stockholm, last_reading
from chassis.swedish_dates import day_and_month, weekday


def _as_written(value: object) -> object:
    """YAML reads `13:00` without quotation marks as the number 780, which would become a time of its own."""
    if isinstance(value, int):
        raise ValueError('skriv tiden inom citattecken, till exempel "13:00"')
    return value


def _with_an_hour(value: object) -> object:
    """A day alone would quietly mean midnight, twelve hours before what its writer meant."""
    if not isinstance(value, datetime) and ":" not in str(value):
        raise ValueError("skriv manusstopp med dag och klockslag, till exempel 2026-11-27T12:00:00")
    return value


Day = Annotated[date, Field(strict=False)]
ClockTime = Annotated[time, Field(strict=False), BeforeValidator(_as_written)]
Deadline = Annotated[
    datetime, Field(strict=False), BeforeValidator(_with_an_hour), AfterValidator(last_reading)
]


class Meeting(BaseModel):
    """A meeting of a committee; `deadline` is the last moment a report can reach it, in UTC.

    `id` is what a meeting keeps when it is moved, by default the date it has; `sequence` counts its changes.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    date: Day
    time: ClockTime
    place: str = ""
    deadline: Deadline
    cancelled: bool = False
    id: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=255)] = ""
    sequence: Annotated[int, Field(ge=0)] = 0

    @property
    def known_as(self) -> str:
        return self.id or self.date.isoformat()

    @model_validator(mode="after")
    def _deadline_first(self) -> "Meeting":
        if day_in_stockholm(self.deadline) > self.date:
            raise ValueError(
                f"manusstopp {day_in_stockholm(self.deadline)} ligger efter sammanträdet {self.date}"
            )
        return self


def meeting_for(meetings: Iterable[Meeting], arrived_at: datetime, now: datetime) -> Meeting | None:
    """The first meeting whose deadline had not passed when the report arrived.

    The moment of arrival decides, not the moment of filing: a report that waited in a queue over the deadline
    has lost nothing.
    Only a meeting that is over by `now` cannot be had back. None when the calendar holds no coming meeting.
    """
    return min(
        (
            meeting
            for meeting in meetings
            if not meeting.cancelled and arrived_at <= meeting.deadline and not is_over(meeting, now)
        ),
        key=lambda meeting: meeting.date,
        default=None,
    )


def is_late(meetings: Iterable[Meeting], arrived_at: datetime) -> bool:
    """Whether the report missed a meeting that was still to be held, so that its sender is told."""
    return any(
        meeting.deadline < arrived_at and not is_over(meeting, arrived_at)
        for meeting in meetings
        if not meeting.cancelled
    )


def is_over(meeting: Meeting, moment: datetime) -> bool:
    """A meeting lasts as long as it lasts; over is when its day in Sweden is."""
    return day_in_stockholm(moment) > meeting.date


def day_in_words(day: date) -> str:
    """`12 november 2026`."""
    return f"{day_and_month(day)} {day.year}"


def weekday_in_words(day: date) -> str:
    """`torsdag 12 november 2026`."""
    return f"{weekday(day)} {day_in_words(day)}"


def moment_in_words(moment: datetime) -> str:
    """`12 november 2026 kl. 14.03`, on a Swedish clock."""
    local = in_stockholm(moment)
    return f"{day_in_words(local)} kl. {local:%H.%M}"


def time_left(deadline: datetime, now: datetime) -> str:
    """How long a secretary has: `om 4 dagar`, `i morgon kl. 12.00`, `om 35 minuter`, `har passerat`."""
    days = (day_in_stockholm(deadline) - day_in_stockholm(now)).days
    if now > deadline:
        return "har passerat"
    if days > 1:
        return f"om {days} dagar"
    if days == 1:
        return f"i morgon kl. {in_stockholm(deadline):%H.%M}"
    return _within_the_day(deadline - now)


def _within_the_day(left: timedelta) -> str:
    """Rounded down: nobody shall think there is more time than there is."""
    minutes = int(left / timedelta(minutes=1))
    if minutes < 1:
        return "om mindre än en minut"
    if minutes < 120:
        return f"om {minutes} {'minut' if minutes == 1 else 'minuter'}"
    return f"om {minutes // 60} timmar"
