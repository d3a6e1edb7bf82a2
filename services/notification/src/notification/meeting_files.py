"""A meeting that was moved or cancelled, as a file for the secretary's own calendar (RFC 5545)."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar, Event

from chassis.clock import STOCKHOLM
from notification.recipients import Committee, PlannedMeeting

_FIRST_STAMP = datetime(2000, 1, 1, tzinfo=UTC)
"""The file does not say when it was changed, so that the stamp only rises with the sequence."""


def calendar_file(events: Iterable[Event]) -> bytes:
    """To be taken in as it is, without an answer (METHOD:PUBLISH)."""
    calendar = Calendar()
    calendar.add("PRODID", "-//Kansli//Kansli//SV")
    calendar.add("VERSION", "2.0")
    calendar.add("METHOD", "PUBLISH")
    for event in events:
        calendar.add_component(event)
    calendar.add_missing_timezones()
    written: bytes = calendar.to_ical()
    return written


def meeting_event(committee: Committee, meeting: PlannedMeeting, sequence: int) -> Event:
    """Under the UID that the committee's calendar gives it; `sequence` is higher than before."""
    event = _event(committee, meeting.known_as, sequence, cancelled=meeting.cancelled)
    event.add("DTSTART", datetime.combine(meeting.date, meeting.time, STOCKHOLM))
    if meeting.place:
        event.add("LOCATION", _on_a_line(meeting.place))
    return event


def vanished_event(committee: Committee, day: date, known_as: str, sequence: int) -> Event:
    """A meeting that is no longer in the calendar, under the UID that it had there."""
    event = _event(committee, known_as, sequence, cancelled=True)
    event.add("DTSTART", day)
    return event


def _event(committee: Committee, known_as: str, sequence: int, *, cancelled: bool) -> Event:
    event = Event()
    event.add("UID", _on_a_line(f"{known_as}.{committee.id}@kansli"))
    event.add("DTSTAMP", _FIRST_STAMP + timedelta(seconds=sequence))
    event.add("SEQUENCE", sequence)
    event.add("SUMMARY", _on_a_line(f"Sammanträde: {committee.name}"))
    event.add("STATUS", "CANCELLED" if cancelled else "CONFIRMED")
    return event


def _on_a_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
