"""The meetings as calendars were last told of them, so that a change is noticed also when no report moves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Date, Integer, String, Table, delete, select, update
from sqlalchemy.engine import Row

from chassis.clock import day_in_stockholm
from chassis.store import Store, Transaction
from notification.mailbag import metadata
from notification.notices import MOVES_COME_TOGETHER, note
from notification.recipients import Committee, PlannedMeeting

known_meetings = Table(
    "known_meetings",
    metadata,
    Column("committee", String, primary_key=True),
    Column("known_as", String, primary_key=True),
    Column("date", Date, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("sequence", Integer, nullable=False),
)
"""One row per meeting; `facts` are its hour, place and deadline, `sequence` rises with each change."""


@dataclass(frozen=True, slots=True)
class Change:
    """A meeting that is not as it was; without `meeting` it is no longer in the calendar."""

    known_as: str
    was_on: date
    was_cancelled: bool
    """Or had been left out of the calendar."""
    meeting: PlannedMeeting | None
    sequence: int


async def note_calendar(store: Store, committee: Committee) -> None:
    """Note what has changed since the last look; a meeting that is new or over is no news."""
    async with store.read() as connection:
        known = await connection.execute(_known_of(committee))
        if _is_as_known(committee, {row.known_as: row for row in known}):
            return
    await store.write(lambda tx: _follow(tx, committee), locks=[f"notices {committee.id}"])


def _known_of(committee: Committee) -> Any:
    return select(known_meetings).where(known_meetings.c.committee == committee.id)


def _is_as_known(committee: Committee, known: Mapping[str, Row[Any]]) -> bool:
    """A cancelled meeting is known also when it is no longer in the calendar."""
    planned = {meeting.known_as: meeting for meeting in committee.meetings}
    left_out = {name for name in known.keys() - planned.keys() if known[name].cancelled}
    return planned.keys() == known.keys() - left_out and not any(
        _differs(planned[name], known[name]) for name in planned
    )


def _differs(meeting: PlannedMeeting, known: Row[Any]) -> bool:
    return (meeting.date, meeting.cancelled, _facts(meeting)) != (known.date, known.cancelled, known.facts)


def _facts(meeting: PlannedMeeting) -> dict[str, Any]:
    return meeting.model_dump(mode="json", include={"time", "place", "deadline"})


async def _follow(tx: Transaction, committee: Committee) -> None:
    known = {row.known_as: row for row in await tx.all(_known_of(committee))}
    for change in _changes(committee, known):
        if change.was_on >= day_in_stockholm(tx.clock()):
            await _note(tx, committee, change)
    await _keep(tx, committee, known)


def _changes(committee: Committee, known: Mapping[str, Row[Any]]) -> Iterator[Change]:
    for name, row in known.items():
        meeting = committee.known_as(name)
        is_gone = meeting is None and not row.cancelled and committee.meeting_on(row.date) is None
        if is_gone or (meeting is not None and _differs(meeting, row)):
            yield Change(name, row.date, row.cancelled, meeting, _next(row, meeting))


def _next(known: Row[Any], meeting: PlannedMeeting | None) -> int:
    """Higher than any calendar has seen (RFC 5545 § 3.8.7.4); a meeting kept elsewhere brings its own."""
    return int(max(known.sequence + 1, meeting.sequence if meeting else 0))


async def _keep(tx: Transaction, committee: Committee, known: Mapping[str, Row[Any]]) -> None:
    planned = {meeting.known_as: meeting for meeting in committee.meetings}
    for name in known.keys() - planned.keys():
        await _leave_out(tx, committee, known[name])
    for name, meeting in planned.items():
        if name not in known:
            await tx.insert_once(known_meetings, _row(committee, meeting, meeting.sequence))
        elif _differs(meeting, known[name]):
            values = _row(committee, meeting, _next(known[name], meeting))
            await tx.execute(update(known_meetings).where(*_is(committee, name)).values(**values))


async def _leave_out(tx: Transaction, committee: Committee, known: Row[Any]) -> None:
    """Keep it as cancelled until its day: should it come back, its sequence goes on from there."""
    row = _is(committee, known.known_as)
    if known.date < day_in_stockholm(tx.clock()) or committee.meeting_on(known.date) is not None:
        await tx.execute(delete(known_meetings).where(*row))
    elif not known.cancelled:
        cancelled = {"cancelled": True, "sequence": _next(known, None)}
        await tx.execute(update(known_meetings).where(*row).values(**cancelled))


def _is(committee: Committee, known_as: str) -> tuple[Any, ...]:
    return known_meetings.c.committee == committee.id, known_meetings.c.known_as == known_as


def _row(committee: Committee, meeting: PlannedMeeting, sequence: int) -> dict[str, Any]:
    return {
        "committee": committee.id,
        "known_as": meeting.known_as,
        "date": meeting.date,
        "facts": _facts(meeting),
        "cancelled": meeting.cancelled,
        "sequence": sequence,
    }


async def _note(tx: Transaction, committee: Committee, change: Change) -> None:
    """Tell it together with the reports that follow, which the archive moves within seconds."""
    await note(
        tx,
        {
            "id": f"calendar {committee.id} {change.known_as} {change.was_on} {change.sequence}",
            "kind": "moved",
            "committee": committee.id,
            "submission_id": committee.id,
            "revision": 0,
            "form": "",
            "facts": {
                "moved_from": change.was_on.isoformat(),
                "meeting": None,
                "calendar": {
                    "known_as": change.known_as,
                    "date": change.meeting.date.isoformat() if change.meeting else None,
                    "sequence": change.sequence,
                    "was_cancelled": change.was_cancelled,
                },
            },
            "due_at": tx.clock() + MOVES_COME_TOGETHER,
        },
    )
