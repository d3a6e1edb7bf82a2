"""`kansli import calendar`: the committee's meetings, brought into its file from `.ics` or CSV.

The file is a person's own: its comments, its order and its form stay, and only what differs is written.
No meeting is removed, since reports may have gone to it: one that has left the calendar is cancelled.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.timestamp import TimeStamp

from archive.calendar import Meeting
from archive.calendars import uid_ending
from archive.committees import load_committee
from archive.foreign_calendars import BadCalendar, DeadlineRule, PlannedMeeting, read_calendar
from chassis.clock import in_stockholm
from chassis.yaml_files import read_yaml
from kansli.committee_files import check_loads, edited, file_of_committee, flow, write_whole
from kansli.spreadsheets import BadCell, BadTable, Row, read_rows
from validation.texts import folded

_HEADS = {
    "date": ("datum", "date"),
    "time": ("tid", "klockslag", "time"),
    "place": ("plats", "lokal", "place"),
    "deadline": ("manusstopp", "deadline"),
    "cancelled": ("inställt", "cancelled"),
    "id": ("id",),
}
_COLUMN_OF = {head: column for column, heads in _HEADS.items() for head in heads}
_REQUIRED = ("date", "time")
_YES = {"ja", "inställt", "yes", "true", "x"}
_NO = {"", "nej", "no", "false"}

Fields = dict[str, Any]
"""A meeting with the keys of the committee's file; `deadline` on a Swedish clock."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the calendar does to one meeting: `sign` is `+`, `~`, `-`, `=` or `?`; `was` is its day before."""

    sign: str
    day: date
    was: date
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = {
            "+": "new",
            "~": f"changed: {', '.join(self.fields)}",
            "-": "not in the calendar: cancelled",
            "=": "same",
            "?": "not in the calendar: left as it is",
        }
        moved = f"moved from {self.was}, " if self.was != self.day else ""
        return f"{self.sign} {self.day}  {moved}{what[self.sign]}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to a committee's file, and the text that it would then have."""

    path: Path
    changes: Sequence[Change]
    text: str


def plan_calendar(
    calendar: Path, config: Path, committee_id: str, rule: DeadlineRule | None, today: date
) -> Plan:
    """Match the calendar with the committee's file; nothing is written.

    Raises:
        BadTable: a line of the calendar is wrong, or the file would not load with it.
        BrokenFolder: the committee's file cannot be used as it is.
    """
    path = file_of_committee(config, committee_id, today)
    load_committee(path, today)
    meetings = _Meetings(committee_id, _in_file(path, today), today)
    meetings.take(_read(calendar, rule))
    text = edited(path, meetings.edit)
    check_loads(config, path, text, today)
    return Plan(path, meetings.changes(), text)


def write_calendar(plan: Plan) -> None:
    if any(change.sign in "+~-" for change in plan.changes):
        write_whole(plan.path, plan.text)


def _in_file(path: Path, today: date) -> Sequence[Meeting]:
    """The meetings in the order in which they are written."""
    return [Meeting.model_validate(one) for one in read_yaml(path, today).get("meetings") or ()]


def _read(calendar: Path, rule: DeadlineRule | None) -> Sequence[PlannedMeeting]:
    if calendar.suffix.lower() == ".csv":
        return _read_table(calendar, rule)
    try:
        return read_calendar(calendar.read_bytes(), rule)
    except BadCalendar as bad:
        raise BadTable([f"{calendar}:{line}: {words}" for line, words in bad.faults]) from None


def _read_table(table: Path, rule: DeadlineRule | None) -> Sequence[PlannedMeeting]:
    rows = read_rows(table, _COLUMN_OF.get)
    faults = [*_missing_columns(table, rows)]
    meetings: list[PlannedMeeting] = []
    for row in rows if not faults else ():
        try:
            meetings.append(_planned(row, rule, {meeting.date for meeting in meetings}))
        except BadCell as bad:
            faults.append(f"{table}:{row.line}: {bad}")
    if faults:
        raise BadTable(faults)
    return meetings


def _missing_columns(table: Path, rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        yield f"{table}:2: no line below the heads; write one for each meeting"
    for column in _REQUIRED:
        if rows and not rows[0].has(column):
            yield f"{table}:1: no column {column}; add one with the head {' or '.join(_HEADS[column])}"


def _planned(row: Row, rule: DeadlineRule | None, taken: set[date]) -> PlannedMeeting:
    day = _day(row)
    if day in taken:
        raise BadCell("an earlier line has the same date; a committee meets once a day")
    deadline = _deadline(row, day, rule)
    if deadline.date() > day:
        raise BadCell("deadline comes after the meeting")
    at, cancelled = _time(row), _cancelled(row)
    return PlannedMeeting(row.line, row["id"], day, at, row["place"], deadline, cancelled)


def _day(row: Row) -> date:
    try:
        return date.fromisoformat(row["date"])
    except ValueError:
        raise BadCell("date is no date; write ÅÅÅÅ-MM-DD") from None


def _time(row: Row) -> time:
    try:
        return time.fromisoformat(row["time"].replace(".", ":").zfill(5)).replace(tzinfo=None)
    except ValueError:
        raise BadCell("time is no time; write it as 13:00") from None


def _deadline(row: Row, day: date, rule: DeadlineRule | None) -> datetime:
    written = row["deadline"]
    if not written and rule:
        return rule.before(day)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise BadCell("deadline is no day and hour; write ÅÅÅÅ-MM-DD 12:00, or say --deadline") from None
    if ":" not in written:
        raise BadCell("deadline has a day and no hour; write ÅÅÅÅ-MM-DD 12:00")
    return (in_stockholm(moment) if moment.tzinfo else moment).replace(tzinfo=None, fold=0)


def _cancelled(row: Row) -> bool:
    answer = folded(row["cancelled"])
    if answer not in _YES | _NO:
        raise BadCell("cancelled is neither ja nor nej; write one")
    return answer in _YES


@dataclass(slots=True)
class _Entry:
    """A meeting as the file has it, `before` being empty for a new one, and as it is to be."""

    before: Fields
    after: Fields
    planned: bool = False

    @property
    def changed(self) -> tuple[str, ...]:
        return tuple(field for field, value in self.after.items() if self.before.get(field) != value)

    @property
    def change(self) -> Change:
        day: date = self.after["date"]
        was: date = self.before.get("date", day)
        return Change(self._sign(), day, was, self.changed)

    def tell(self, told: Fields) -> None:
        """Take over what differs, and count it as a change of the meeting."""
        if any(self.after.get(field) != value for field, value in told.items()):
            self.after |= told
            self.after["sequence"] = self.after.get("sequence", 0) + 1

    def _sign(self) -> str:
        if not self.before:
            return "+"
        if not self.planned:
            return "-" if self.changed else "?"
        return "~" if self.changed else "="


class _Meetings:
    """The meetings in the file, and what the calendar makes of them."""

    def __init__(self, committee_id: str, former: Sequence[Meeting], today: date) -> None:
        self._own_ending = uid_ending(committee_id)
        self._today = today
        self._in_file = [_Entry(fields, dict(fields)) for fields in map(_fields, former)]
        self._new: list[_Entry] = []

    def take(self, planned: Sequence[PlannedMeeting]) -> None:
        """Change, add and cancel, until the file says what the calendar does.

        A meeting is found by its name, else by its day: only a name tells that it was moved.
        """
        named = {one.line: entry for one in planned if (entry := self._by_name(one))}
        for entry in named.values():
            entry.planned = True
        for one in planned:
            entry = named.get(one.line) or self._on_the_day(one.date)
            self._put(one, entry)
        self._cancel_the_gone(min(one.date for one in planned))

    def changes(self) -> Sequence[Change]:
        return sorted((entry.change for entry in [*self._in_file, *self._new]), key=lambda one: one.day)

    def edit(self, content: CommentedMap) -> None:
        """Write what differs; new meetings where their day belongs."""
        entries = content["meetings"] = content.get("meetings") or CommentedSeq()
        for written, entry in zip(entries, self._in_file, strict=True):
            for field in entry.changed:
                _set(written, field, entry.after[field])
        days = [entry.after["date"] for entry in self._in_file]
        for fields in sorted((entry.after for entry in self._new), key=lambda one: one["date"]):
            place = next((n for n, day in enumerate(days) if day > fields["date"]), len(days))
            days.insert(place, fields["date"])
            entries.insert(place, _written_anew(fields))

    def _by_name(self, planned: PlannedMeeting) -> _Entry | None:
        name = planned.uid.removesuffix(self._own_ending)
        return next((entry for entry in self._in_file if name == _known_as(entry.before)), None)

    def _on_the_day(self, day: date) -> _Entry | None:
        free = (entry for entry in self._in_file if not entry.planned)
        return next((entry for entry in free if entry.before["date"] == day), None)

    def _put(self, planned: PlannedMeeting, entry: _Entry | None) -> None:
        told = {name: getattr(planned, name) for name in _TOLD}
        if not planned.place and entry:
            del told["place"]
        if entry is None:
            entry = _Entry({}, told)
            self._new.append(entry)
        name = planned.uid.removesuffix(self._own_ending) or _known_as(entry.before or told)
        entry.planned = True
        entry.tell(told)
        entry.after |= {"id": name} if name != _known_as({**entry.after, "id": ""}) else {}

    def _cancel_the_gone(self, first: date) -> None:
        """A calendar that begins later says nothing of the meetings before it, nor of those that were."""
        for entry in self._in_file:
            if not entry.planned and entry.before["date"] >= max(first, self._today):
                entry.tell({"cancelled": True})


_TOLD = ("date", "time", "place", "deadline", "cancelled")


def _known_as(fields: Fields) -> str:
    name: str = fields.get("id") or fields["date"].isoformat()
    return name


def _fields(meeting: Meeting) -> Fields:
    optional = {"id": meeting.id, "sequence": meeting.sequence}
    return {
        "date": meeting.date,
        "time": meeting.time,
        "place": meeting.place,
        "deadline": in_stockholm(meeting.deadline).replace(tzinfo=None, fold=0),
        "cancelled": meeting.cancelled,
        **{name: value for name, value in optional.items() if value},
    }


def _set(entry: CommentedMap, field: str, value: Any) -> None:
    """A new key comes before the last one, behind which the file may have a comment."""
    if field in entry:
        entry[field] = _written(value)
    else:
        entry.insert(len(entry) - 1, field, _written(value))


def _written_anew(fields: Fields) -> CommentedMap:
    written: CommentedMap = flow(
        CommentedMap({field: _written(value) for field, value in fields.items() if value})
    )
    return written


def _written(value: Any) -> Any:
    """In the form in which the files are written by hand."""
    match value:
        case datetime():
            stamp = TimeStamp(value.year, value.month, value.day, value.hour, value.minute, value.second)
            stamp._yaml["t"] = True
            return stamp
        case time():
            return DoubleQuotedScalarString(f"{value:%H:%M}")
        case str():
            return DoubleQuotedScalarString(value)
        case _:
            return value
