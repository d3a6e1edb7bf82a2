"""Reading meetings from a calendar that somebody else wrote (RFC 5545).

Only the events are read, and of them only what a meeting needs, each line by itself: nothing of the file
can make the reader repeat, nest or look up without end. Time zones are those that the machine knows by
name; how the file itself describes them is passed over.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from icalendar.parser import Contentline
from icalendar.prop import vCategory, vDDDTypes, vText
from icalendar.timezone import tzp

from archive.calendars import DEADLINE, DEADLINE_CATEGORY
from chassis.clock import in_stockholm

MOST_BYTES = 1_000_000
MOST_MEETINGS = 500
DEEPEST = 4
"""Components inside each other: a calendar, its event and the event's alarm are three."""
LONGEST_ZONE = 100

_READ = frozenset(
    {
        *("UID", "DTSTART", "LOCATION", "STATUS", "CATEGORIES", "RRULE", "RDATE", "RECURRENCE-ID"),
        *("TRIGGER", "DESCRIPTION", "SUMMARY", DEADLINE),
    }
)
_REPEATING = ("RRULE", "RDATE", "RECURRENCE-ID")
_NAME = re.compile(r"([A-Za-z0-9-]+)[;:]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_RULE = re.compile(r"-(?P<days>\d{1,3}) (?:days?|dag|dagar) (?P<time>\d{2}:\d{2})")


class BadCalendar(Exception):
    """What cannot be taken, each with its line; nothing that stands in the file is repeated."""

    def __init__(self, faults: Sequence[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"line {line}: {words}" for line, words in faults))
        self.faults = tuple(faults)


class _Fault(Exception):
    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line, self.words = line, words


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """When reports are due, for meetings that do not say it: so many days before, at an hour in Sweden."""

    days: int
    at: time

    def before(self, day: date) -> datetime:
        return datetime.combine(day - timedelta(days=self.days), self.at)


def deadline_rule(text: str) -> DeadlineRule:
    """Read `-12 days 12:00`; raises `ValueError`."""
    found = _RULE.fullmatch(" ".join(text.split()))
    if found is None:
        raise ValueError("write the deadline as -12 days 12:00")
    return DeadlineRule(int(found["days"]), time.fromisoformat(found["time"]))


@dataclass(frozen=True, slots=True)
class PlannedMeeting:
    """A meeting as the calendar has it, on a Swedish clock; `uid` is the calendar's own name for it."""

    line: int
    uid: str
    date: date
    time: time
    place: str
    deadline: datetime
    cancelled: bool


@dataclass(frozen=True, slots=True)
class _Property:
    line: int
    value: str
    parameters: Mapping[str, Any]


@dataclass(slots=True)
class _Component:
    """A component of the file with the properties that are read, by their names."""

    kind: str
    line: int
    properties: dict[str, _Property] = field(default_factory=dict)
    inside: list["_Component"] = field(default_factory=list)

    def text(self, name: str) -> str:
        found = self.properties.get(name)
        return " ".join(vText.from_ical(found.value).split()) if found else ""


def read_calendar(content: bytes, rule: DeadlineRule | None = None) -> list[PlannedMeeting]:
    """The meetings in the order of the file.

    A deadline is what the meeting says in `X-KANSLI-DEADLINE` or by an alarm that speaks of manusstopp,
    else by `rule`. A time without a zone is Swedish.

    Raises:
        BadCalendar: not a calendar, or a meeting that cannot be taken as it stands.
    """
    try:
        events = _events(_text(content))
    except _Fault as fault:
        raise BadCalendar([(fault.line, fault.words)]) from None
    meetings, faults = [], []
    for event in events:
        try:
            meetings.append(_meeting(event, rule))
        except _Fault as fault:
            faults.append((fault.line, fault.words))
        except OverflowError:
            faults.append((event.line, "no day that a calendar has"))
    if faults := faults or [*_held_twice(meetings)]:
        raise BadCalendar(faults)
    return meetings


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise _Fault(1, f"the file is larger than {MOST_BYTES} bytes; export the committee's meetings only")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Fault(line, "no text in UTF-8; save the calendar as UTF-8") from None


def _events(text: str) -> Sequence[_Component]:
    """Every event but those that only show a deadline."""
    found = [event for calendar in _calendars(text) for event in calendar.inside if event.kind == "VEVENT"]
    meetings = [event for event in found if not _shows_a_deadline(event)]
    if not meetings:
        raise _Fault(1, "no event in the calendar; export it with its meetings")
    if len(meetings) > MOST_MEETINGS:
        raise _Fault(meetings[MOST_MEETINGS].line, f"more than {MOST_MEETINGS} meetings; export fewer years")
    return meetings


def _shows_a_deadline(event: _Component) -> bool:
    found = event.properties.get("CATEGORIES")
    return found is not None and DEADLINE_CATEGORY in map(str, vCategory.from_ical(found.value))


def _calendars(text: str) -> Sequence[_Component]:
    """The file's components, the outermost being calendars; properties only where they are read."""
    top = _Component("", 1)
    around = [top]
    for line, words in _unfolded(text):
        name = _name(line, words)
        if name == "BEGIN":
            around.append(_begun(line, words, around))
        elif name == "END":
            _ended(line, words, around)
        elif len(around) == 1:
            raise _Fault(line, "no calendar; it begins with BEGIN:VCALENDAR")
        elif name in _READ and around[-1].kind in {"VEVENT", "VALARM"}:
            _keep(around[-1], name, line, words)
    if len(around) > 1:
        raise _Fault(around[-1].line, f"{around[-1].kind} has no end; the file is cut off")
    return top.inside


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Each line with its number, continued by those that begin with a blank (RFC 5545 § 3.1)."""
    parts: list[str] = []
    begins = 1
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if _CONTROL.search(line):
            raise _Fault(number, "a control character; export the calendar again")
        if line.startswith((" ", "\t")) and parts:
            parts.append(line[1:])
            continue
        if parts:
            yield begins, "".join(parts)
        parts, begins = ([line] if line.strip() else []), number
    if parts:
        yield begins, "".join(parts)


def _name(line: int, words: str) -> str:
    found = _NAME.match(words)
    if found is None:
        raise _Fault(line, "no property; the line before it is broken, or the file is no calendar")
    return found[1].upper()


def _begun(line: int, words: str, around: Sequence[_Component]) -> _Component:
    component = _Component(_kind(words), line)
    if len(around) > DEEPEST:
        raise _Fault(line, f"more than {DEEPEST} components inside each other")
    if (component.kind == "VCALENDAR") != (len(around) == 1):
        raise _Fault(line, "no calendar; it begins with BEGIN:VCALENDAR")
    around[-1].inside.append(component)
    return component


def _ended(line: int, words: str, around: list[_Component]) -> None:
    if len(around) == 1 or around[-1].kind != _kind(words):
        raise _Fault(line, "ends what has not begun")
    around.pop()


def _kind(words: str) -> str:
    return words.partition(":")[2].strip().upper()


def _keep(component: _Component, name: str, line: int, words: str) -> None:
    if name in component.properties and name in {"UID", "DTSTART", DEADLINE}:
        raise _Fault(line, f"{name} stands twice in the same event")
    try:
        _, parameters, value = Contentline(words).parts()  # type: ignore[no-untyped-call]
    except ValueError:
        raise _Fault(line, f"{name} cannot be read") from None
    component.properties.setdefault(name, _Property(line, str(value), parameters))


def _meeting(event: _Component, rule: DeadlineRule | None) -> PlannedMeeting:
    _refuse_repetition(event)
    if "DTSTART" not in event.properties:
        raise _Fault(event.line, "no DTSTART; give the meeting a day and an hour")
    starts = _moment(event.properties["DTSTART"])
    deadline = _deadline(event, starts, rule)
    if deadline.date() > starts.date():
        raise _Fault(event.line, "the deadline comes after the meeting")
    return PlannedMeeting(
        line=event.line,
        uid=event.text("UID"),
        date=starts.date(),
        time=starts.time().replace(second=0, microsecond=0),
        place=event.text("LOCATION"),
        deadline=deadline,
        cancelled=event.text("STATUS").upper() == "CANCELLED",
    )


def _refuse_repetition(event: _Component) -> None:
    for name in _REPEATING:
        if name in event.properties:
            raise _Fault(event.properties[name].line, f"{name}: write each meeting as an event of its own")


def _moment(found: _Property) -> datetime:
    """Day and hour in Sweden, without a zone."""
    moment = _decoded(found)
    if not isinstance(moment, datetime):
        raise _Fault(found.line, "a day without an hour; write when the meeting begins")
    return (in_stockholm(moment) if moment.tzinfo else moment).replace(tzinfo=None, fold=0)


def _decoded(found: _Property) -> Any:
    zone = found.parameters.get("TZID")
    if zone is not None and not _is_known(zone):
        raise _Fault(found.line, "the time zone is not known; write Europe/Stockholm")
    try:
        return vDDDTypes.from_ical(found.value.strip(), timezone=zone)  # type: ignore[no-untyped-call]
    except (ValueError, OverflowError):
        raise _Fault(found.line, "no time; write it as 20261209T130000") from None


def _is_known(zone: object) -> bool:
    """Whether the machine has it; a long name is none, and is looked for in as many folders as it names."""
    return isinstance(zone, str) and len(zone) <= LONGEST_ZONE and tzp.timezone(zone) is not None


def _deadline(event: _Component, starts: datetime, rule: DeadlineRule | None) -> datetime:
    if said := event.properties.get(DEADLINE):
        return _moment(said)
    for alarm in event.inside:
        if "manusstopp" in f"{alarm.text('DESCRIPTION')} {alarm.text('SUMMARY')}".casefold():
            return _rings(alarm, starts)
    if rule is None:
        raise _Fault(event.line, f'no deadline; add {DEADLINE}, or say --deadline "-12 days 12:00"')
    return rule.before(starts.date())


def _rings(alarm: _Component, starts: datetime) -> datetime:
    """When the alarm goes off: at a time of its own, or so long before the meeting."""
    if "TRIGGER" not in alarm.properties:
        raise _Fault(alarm.line, "an alarm without TRIGGER; say when reports are due")
    trigger = alarm.properties["TRIGGER"]
    decoded = _decoded(trigger)
    if isinstance(decoded, timedelta):
        return starts + decoded
    return _moment(trigger)


def _held_twice(meetings: Sequence[PlannedMeeting]) -> Iterator[tuple[int, str]]:
    for place, meeting in enumerate(meetings):
        earlier = meetings[:place]
        if any(other.date == meeting.date for other in earlier):
            yield meeting.line, "an earlier event has the same day; a committee meets once a day"
        elif meeting.uid and any(other.uid == meeting.uid for other in earlier):
            yield meeting.line, "an earlier event has the same UID; leave one out"
