"""A committee's meetings and deadlines as iCalendar (RFC 5545), for calendars that subscribe to them.

The same file of a committee gives the same bytes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event, Timezone

from archive.calendar import Meeting, day_in_words
from archive.committees import Committee
from chassis.clock import STOCKHOLM

DEADLINE = "X-KANSLI-DEADLINE"
"""The property of a meeting that holds its manusstopp, in UTC."""

DEADLINE_CATEGORY = "Manusstopp"
"""The category of an event that is no meeting, and only shows when reports are due."""

_RULES_OF_SWEDEN = """\
BEGIN:VTIMEZONE
TZID:Europe/Stockholm
BEGIN:DAYLIGHT
DTSTART:19960331T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
"""
"""Summer time since 1996 (directive 2000/84/EG): the last Sundays of March and October."""

_FIRST_STAMP = datetime(2000, 1, 1, tzinfo=UTC)


def uid_of(committee_id: str, meeting: Meeting) -> str:
    """What the meeting is called in every calendar, also when it has been moved."""
    return _on_a_line(f"{meeting.known_as}{uid_ending(committee_id)}")


def uid_ending(committee_id: str) -> str:
    """What tells a committee's meetings from those of the others, and of the calendar they came from."""
    return f".{committee_id}@kansli"


def calendar_of(committee: Committee) -> bytes:
    """All the committee's meetings, cancelled ones too, each followed by its deadline."""
    calendar = Calendar()
    calendar.add("PRODID", "-//Kansli//Kansli//SV")
    calendar.add("VERSION", "2.0")
    calendar.add("X-WR-CALNAME", _on_a_line(f"Sammanträden: {committee.name}"))
    calendar.add_component(Timezone.from_ical(_RULES_OF_SWEDEN))
    for meeting in committee.meetings:
        for event in _events(committee, meeting):
            calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written


def _events(committee: Committee, meeting: Meeting) -> Iterator[Event]:
    uid = uid_of(committee.id, meeting)
    held = _event(meeting, uid, f"Sammanträde: {committee.name}")
    held.add("DTSTART", datetime.combine(meeting.date, meeting.time, STOCKHOLM))
    held.add(DEADLINE, f"{meeting.deadline:%Y%m%dT%H%M%SZ}")
    if meeting.place:
        held.add("LOCATION", _on_a_line(meeting.place))
    yield held
    due = _event(meeting, f"{uid}-manusstopp", f"Manusstopp: {committee.name} {day_in_words(meeting.date)}")
    due.add("DTSTART", meeting.deadline)
    due.add("CATEGORIES", [DEADLINE_CATEGORY])
    due.add("RELATED-TO", uid)
    due.add("TRANSP", "TRANSPARENT")
    yield due


def _event(meeting: Meeting, uid: str, summary: str) -> Event:
    """What a meeting and its deadline have in common.

    The file does not say when it was changed, so that the stamp only rises with the sequence
    (RFC 5546 § 2.1.5: of two with the same sequence, the later stamp is the newer).
    """
    event, sequence = Event(), _sequence(meeting)
    event.add("UID", uid)
    event.add("DTSTAMP", _FIRST_STAMP + timedelta(seconds=sequence))
    event.add("SEQUENCE", sequence)
    event.add("SUMMARY", _on_a_line(summary))
    event.add("STATUS", "CANCELLED" if meeting.cancelled else "CONFIRMED")
    return event


def _sequence(meeting: Meeting) -> int:
    """At least 1 for what was cancelled or moved by hand, where nobody counts."""
    changed = meeting.cancelled or meeting.known_as != meeting.date.isoformat()
    return max(meeting.sequence, int(changed))


def _on_a_line(text: str) -> str:
    """Controls and strange separators are no part of a name, and would break the calendar's lines."""
    return "".join(character if character.isprintable() else " " for character in text)
