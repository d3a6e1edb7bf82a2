"""The committee's meetings as calendars have them: what is written for others, and what is read of theirs."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from archive.calendar import Meeting
from archive.calendars import calendar_of, uid_of
from archive.committees import Committee
from archive.foreign_calendars import (
    MOST_BYTES,
    MOST_MEETINGS,
    BadCalendar,
    PlannedMeeting,
    deadline_rule,
    read_calendar,
)
from chassis.clock import STOCKHOLM, in_stockholm
from support.lone_service import LoneService

RULE = deadline_rule("-12 days 12:00")
at = datetime.fromisoformat
"""A moment on a Swedish clock."""


def meeting(day: str = "2026-12-09", **changed: object) -> Meeting:
    fields = {"date": day, "time": "13:00", "place": "Lilla salen", "deadline": f"{day[:8]}01T12:00:00"}
    return Meeting.model_validate({**fields, **changed})


def committee(*meetings: Meeting, name: str = "Nämnden") -> Committee:
    fields = {"id": "namnd", "name": name, "agenda_item": "Rapporter", "proposal": "Läggs till handlingarna."}
    made = Committee.model_validate({**fields, "secretary": {"name": "Nora Sekreterarsson"}})
    return made.model_copy(update={"meetings": meetings})


def events(*meetings: Meeting) -> Sequence[Any]:
    return components("VEVENT", *meetings)


def components(kind: str, *meetings: Meeting) -> Sequence[Any]:
    return Calendar.from_ical(calendar_of(committee(*meetings))).walk(kind)


def calendar(*lines: str) -> bytes:
    """A calendar with one event of those lines; line 4 is the first of them."""
    around = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(around).encode()


def read(*lines: str) -> PlannedMeeting:
    (found,) = read_calendar(calendar(*lines), RULE)
    return found


def fault(content: bytes) -> tuple[int, str]:
    with pytest.raises(BadCalendar) as bad:
        read_calendar(content, RULE)
    (told,) = bad.value.faults
    return told


@pytest.mark.parametrize(
    ("day", "hour_in_utc"), [("2026-12-09", 12), ("2026-06-10", 11), ("2026-03-29", 11), ("2026-10-25", 12)]
)
def test_a_meeting_is_followed_by_its_deadline(day: str, hour_in_utc: int) -> None:
    """Each at its moment, in summer, in winter and on the days when the clocks change."""
    held, due = events(meeting(day))
    assert held["DTSTART"].params["TZID"] == "Europe/Stockholm"
    assert held["DTSTART"].dt.astimezone(UTC).hour == hour_in_utc
    assert due["DTSTART"].dt == meeting(day).deadline
    assert str(due["RELATED-TO"]) == str(held["UID"])


def test_the_calendar_is_called_by_the_committee_and_says_where() -> None:
    """In words that a person finds among their own."""
    content = Calendar.from_ical(calendar_of(committee(meeting())))
    held, due = content.walk("VEVENT")
    assert str(content["X-WR-CALNAME"]) == "Sammanträden: Nämnden"
    assert (str(held["SUMMARY"]), str(held["LOCATION"])) == ("Sammanträde: Nämnden", "Lilla salen")
    assert str(due["SUMMARY"]) == "Manusstopp: Nämnden 9 december 2026"


@given(st.datetimes(at("1997-01-01 00:00"), at("2060-01-01 00:00")))
def test_the_time_zone_that_goes_along_is_swedens(moment: datetime) -> None:
    """Whoever computes by the calendar's own rules gets the same moment as by the machine's."""
    assume(_exists(moment))
    (zone,) = components("VTIMEZONE", meeting())
    offset = zone.to_tz(lookup_tzid=False).utcoffset(moment)
    assert offset in {moment.replace(tzinfo=STOCKHOLM, fold=fold).utcoffset() for fold in (0, 1)}


def _exists(moment: datetime) -> bool:
    """Whether a clock in Sweden shows it; summer time begins by passing over an hour."""
    there = moment.replace(tzinfo=STOCKHOLM)
    return there.astimezone(UTC).astimezone(STOCKHOLM).replace(tzinfo=None) == moment


def test_the_same_meetings_give_the_same_bytes() -> None:
    """A calendar that looks once an hour sees a change only when there is one."""
    assert calendar_of(committee(meeting())) == calendar_of(committee(meeting()))


def test_a_moved_meeting_keeps_its_name_and_has_a_higher_sequence() -> None:
    """By the date that it had first."""
    before, after = events(meeting())[0], events(meeting("2026-12-16", id="2026-12-09"))[0]
    assert before["UID"] == after["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert before["DTSTAMP"].dt < after["DTSTAMP"].dt


def test_a_cancelled_meeting_says_so_and_so_does_its_deadline() -> None:
    """It stays in the calendar: one that vanishes looks like a mistake."""
    for event in events(meeting(cancelled=True)):
        assert (str(event["STATUS"]), event["SEQUENCE"]) == ("CANCELLED", 1)


def test_a_counted_change_is_the_sequence() -> None:
    """Whoever imports a calendar counts; the event says the number."""
    assert events(meeting(sequence=7, cancelled=True))[0]["SEQUENCE"] == 7


PLACES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200)
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@st.composite
def meetings(draw: st.DrawFn) -> Meeting:
    day = draw(DAYS)
    deadline = datetime.combine(day, time(12)) - timedelta(minutes=draw(st.integers(720, 90_000)))
    return Meeting(
        date=day,
        time=draw(st.times()).replace(second=0, microsecond=0),
        place=draw(PLACES),
        deadline=deadline,
        cancelled=draw(st.booleans()),
        id=draw(st.sampled_from(["", "ett,eget; namn", "040000008200E00074C5B7101A82E008"])),
    )


@settings(max_examples=60)
@given(
    st.lists(meetings(), min_size=1, max_size=4, unique_by=(lambda one: one.date, lambda one: one.known_as))
)
def test_what_is_written_can_be_read_again(former: list[Meeting]) -> None:
    """Day, hour, place, deadline and whether it is cancelled, whatever the place is called."""
    again = read_calendar(calendar_of(committee(*former)))
    for before, after in zip(former, again, strict=True):
        assert (after.date, after.time, after.cancelled) == (before.date, before.time, before.cancelled)
        assert after.place == " ".join("".join(c if c.isprintable() else " " for c in before.place).split())
        assert after.deadline == in_stockholm(before.deadline).replace(tzinfo=None, fold=0)
        assert after.uid == uid_of("namnd", before)


@pytest.mark.parametrize(
    "starts",
    [
        "DTSTART;TZID=Europe/Stockholm:20261209T130000",
        'DTSTART;TZID="W. Europe Standard Time":20261209T130000',
        "DTSTART;TZID=Europe/Helsinki:20261209T140000",
        "DTSTART:20261209T120000Z",
        "DTSTART:20261209T130000",
        "dtstart;value=date-time:20261209T130000",
        "DTSTART;TZID=Europe/Stock\r\n holm:20261209T130000",
    ],
)
def test_a_moment_is_read_however_it_is_written(starts: str) -> None:
    """With a zone, in UTC, or on the clock that everybody in the municipality has."""
    found = read(starts, "UID:ett", "LOCATION:Stora salen\\, plan 2")
    assert (found.date, found.time) == (date(2026, 12, 9), time(13))
    assert (found.uid, found.place, found.line) == ("ett", "Stora salen, plan 2", 3)


@pytest.mark.parametrize(
    ("lines", "deadline"),
    [
        (["X-KANSLI-DEADLINE:20261201T110000Z"], at("2026-12-01 12:00")),
        (["X-KANSLI-DEADLINE:20261201T110000"], at("2026-12-01 11:00")),
        (["BEGIN:VALARM", "TRIGGER:-P7D", "DESCRIPTION:Manusstopp", "END:VALARM"], at("2026-12-02 13:00")),
        (
            ["BEGIN:VALARM", "TRIGGER;VALUE=DATE-TIME:20261130T110000Z", "SUMMARY:MANUSSTOPP", "END:VALARM"],
            at("2026-11-30 12:00"),
        ),
        (["BEGIN:VALARM", "TRIGGER:-PT15M", "DESCRIPTION:Påminnelse", "END:VALARM"], None),
        ([], None),
    ],
)
def test_a_deadline_is_the_calendars_own_or_by_the_rule(lines: list[str], deadline: datetime | None) -> None:
    """An alarm a quarter of an hour before the meeting is no manusstopp."""
    found = read("DTSTART:20261209T130000", *lines)
    assert found.deadline == (deadline or at("2026-11-27 12:00"))


def test_a_meeting_without_a_deadline_is_refused() -> None:
    """And what to say is told."""
    with pytest.raises(BadCalendar, match=r"line 3: no deadline; .* --deadline"):
        read_calendar(calendar("DTSTART:20261209T130000"))


@pytest.mark.parametrize(
    "text", ["12 days", "-12 days", "-12 days 25:00", "-1000 days 12:00", "", "-12 12:00"]
)
def test_a_rule_that_is_none_is_refused(text: str) -> None:
    """It would move every deadline of a year."""
    with pytest.raises(ValueError, match=r"write the deadline|must be in"):
        deadline_rule(text)


STARTS = "DTSTART:20261209T130000"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["DTSTART;VALUE=DATE:20261209"], (4, "a day without an hour")),
        (["DTSTART:20261209"], (4, "a day without an hour")),
        (["DTSTART:i morgon"], (4, "no time")),
        (["DTSTART:20261309T130000"], (4, "no time")),
        (["DTSTART:99991231T235959Z"], (3, "no day that a calendar has")),
        (["DTSTART;TZID=Mars/Olympus:20261209T130000"], (4, "the time zone is not known")),
        (["DTSTART;TZID=../../etc/passwd:20261209T130000"], (4, "the time zone is not known")),
        ([f"DTSTART;TZID={'a/' * 40_000}:20261209T130000"], (4, "the time zone is not known")),
        (["SUMMARY:Nämnden"], (3, "no DTSTART")),
        ([STARTS, "RRULE:FREQ=SECONDLY"], (5, "RRULE")),
        ([STARTS, "RDATE:20261210T130000"], (5, "RDATE")),
        ([STARTS, STARTS], (5, "DTSTART stands twice")),
        ([STARTS, "X-KANSLI-DEADLINE:20261210T110000Z"], (3, "the deadline comes after")),
        ([STARTS, "X-KANSLI-DEADLINE:snart"], (5, "no time")),
        ([STARTS, "en rad utan något"], (5, "no property")),
        ([STARTS, "SUMMARY:a\x00b"], (5, "a control character")),
        ([STARTS, "BEGIN:VALARM"], (6, "ends what has not begun")),
        ([STARTS, "END:VEVENT"], (6, "ends what has not begun")),
        ([STARTS, *["BEGIN:X"] * 10], (7, "more than 4 components")),
        ([STARTS, "BEGIN:VCALENDAR"], (5, "no calendar")),
        ([STARTS, "BEGIN:VALARM", "DESCRIPTION:manusstopp", "END:VALARM"], (5, "an alarm without TRIGGER")),
        (
            [STARTS, "BEGIN:VALARM", "DESCRIPTION:manusstopp", "TRIGGER:-P99999999999D", "END:VALARM"],
            (7, "no time"),
        ),
        ([STARTS, "CATEGORIES:Manusstopp"], (1, "no event")),
        ([STARTS, "END:VEVENT", "BEGIN:VEVENT", STARTS], (6, "an earlier event has the same day")),
        (
            [STARTS, "UID:a", "END:VEVENT", "BEGIN:VEVENT", "DTSTART:20261210T130000", "UID:a"],
            (7, "an earlier event has the same UID"),
        ),
    ],
)
def test_what_cannot_be_taken_is_told_with_its_line(lines: list[str], told: tuple[int, str]) -> None:
    """And with what to do, but never with what stands there."""
    line, words = fault(calendar(*lines))
    assert (line, words[: len(told[1])]) == told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", (1, "no event")),
        (b"namn;datum\r\n", (1, "no calendar")),
        (b"SUMMARY:x\r\n", (1, "no calendar")),
        (b" BEGIN:VCALENDAR", (1, "no property")),
        (b"BEGIN:VEVENT\r\n", (1, "no calendar")),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261209T130000\r\n", (2, "VEVENT has no end")),
        (b"BEGIN:VCALENDAR\r\nSUMMARY:\xe5\r\n", (2, "no text in UTF-8")),
        (b"\x89PNG\r\n\x1a\n", (1, "no text in UTF-8")),
        (b"A" * (MOST_BYTES + 1), (1, "the file is larger")),
    ],
)
def test_what_is_no_calendar_is_told_so(content: bytes, told: tuple[int, str]) -> None:
    """Whatever a person happened to choose."""
    line, words = fault(content)
    assert (line, words[: len(told[1])]) == told


def test_more_meetings_than_a_committee_can_have_are_refused() -> None:
    """Hundreds are someone's whole calendar."""
    one = ["END:VEVENT", "BEGIN:VEVENT", STARTS]
    assert fault(calendar(STARTS, *one * MOST_MEETINGS))[1].startswith(f"more than {MOST_MEETINGS}")


def test_every_fault_is_told_at_once() -> None:
    """A person mends a year's plan in one go."""
    content = calendar("DTSTART:20261209", "END:VEVENT", "BEGIN:VEVENT", "DTSTART:20261210")
    with pytest.raises(BadCalendar) as bad:
        read_calendar(content, RULE)
    assert [line for line, _ in bad.value.faults] == [4, 7]


def test_a_time_zone_that_repeats_every_second_costs_nothing() -> None:
    """What the file says of its time zones is not computed."""
    zone = b"BEGIN:VTIMEZONE\r\nTZID:Europe/Stockholm\r\nBEGIN:STANDARD\r\nDTSTART:00010101T000000\r\n"
    zone += (
        b"RRULE:FREQ=SECONDLY\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0900\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    content = calendar("DTSTART;TZID=Europe/Stockholm:20261209T130000")
    (found,) = read_calendar(content.replace(b"BEGIN:VEVENT", zone + b"BEGIN:VEVENT"), RULE)
    assert found.time == time(13)


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_calendar_is_read_or_refused(data: st.DataObject) -> None:
    """Bytes changed, lost or repeated anywhere never become another kind of error."""
    content = bytearray(calendar_of(committee(meeting(), meeting("2027-01-20"))))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 40))
        content[place : place + length] = data.draw(st.binary(max_size=40))
    with suppress(BadCalendar):
        assert read_calendar(bytes(content), RULE)


async def test_a_calendar_can_subscribe(archive: LoneService) -> None:
    """The committee's meetings at an address; an unknown committee has none."""
    async with archive.http.get("/v1/committees/valfard/meetings.ics") as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
        found = read_calendar(await answer.read())
    assert [str(one.date) for one in found] == ["2026-10-14", "2026-12-09", "2027-01-20"]
    async with archive.http.get("/v1/committees/fel/meetings.ics") as answer:
        assert answer.status == 404
