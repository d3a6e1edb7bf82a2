"""What is told because its time has come, and not because something happened: reminders and the tally."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from chassis.store import Store, Transaction
from notification.guidelines import Ending, GuidedForms, endings
from notification.mailbag import letters
from notification.notices import is_noted, note
from notification.recipients import Committee, PlannedMeeting
from notification.standings import is_held_since
from notification.summaries import WeeklyTally
from notification.workdays import moment_on, round_of_week, workdays_before

_WEEK = timedelta(days=7)


async def note_what_is_due(store: Store, committee: Committee, forms: GuidedForms) -> None:
    """Note what has its hour, when that has struck; each is noted once, also over restarts."""
    for meeting in committee.meetings:
        await _note_reminder(store, committee, meeting)
    await _note_tally(store, committee)
    for ending in endings(committee, forms):
        await _note_ending(store, committee, ending)


def reminder_due(committee: Committee, meeting: PlannedMeeting, now: datetime) -> tuple[int, datetime] | None:
    """The reminder whose turn it is: how many workdays before the deadline, and since when.

    Of several that were missed only the last is of use.
    """
    if meeting.cancelled or now >= meeting.deadline:
        return None
    notify, day = committee.notify, meeting.deadline.date()
    turns = [
        (moment_on(workdays_before(day, count), notify.digest_at), count)
        for count in notify.reminders_workdays_before
    ]
    struck = [(count, moment) for moment, count in sorted(turns) if moment <= now]
    return struck[-1] if struck else None


async def _note_reminder(store: Store, committee: Committee, meeting: PlannedMeeting) -> None:
    """Only for what already waited then: what is held later has its own letter, at once."""
    due = reminder_due(committee, meeting, store.clock())
    if due is None:
        return
    count, moment = due
    name = f"reminder {committee.id} {meeting.known_as} {count}"
    if await is_noted(store, name) or not await is_held_since(store, committee.id, meeting.date, moment):
        return
    facts = {"date": meeting.date.isoformat()}
    await store.write(lambda tx: _note(tx, name, "reminder", committee, facts))


async def _note_tally(store: Store, committee: Committee) -> None:
    """From the second week on: nobody needs to hear of a week that the house had not begun."""
    until = round_of_week(store.clock(), committee.notify.digest_at)
    name = f"tally {committee.id} {until:%G-W%V}"
    if not committee.notify.weekly_tally or store.clock() < until or await is_noted(store, name):
        return
    if await _has_written(store, committee.id, until):
        facts = {"until": until.isoformat()}
        await store.write(lambda tx: _note(tx, name, "tally", committee, facts))


async def _note_ending(store: Store, committee: Committee, ending: Ending) -> None:
    notify = committee.notify
    turn = ending.struck(notify.guideline_days_before, notify.digest_at, store.clock())
    name = f"guideline {committee.id} {ending.guideline.title} {ending.last_day} {turn}"
    if turn is None or await is_noted(store, name):
        return
    facts = {
        "title": ending.guideline.title,
        "reference": ending.guideline.reference,
        "owner": ending.guideline.owner,
        "last_day": ending.last_day.isoformat(),
        "forms": ending.forms,
        "is_over": turn == "over",
    }
    await store.write(lambda tx: _note(tx, name, "guideline", committee, facts))


async def _note(
    tx: Transaction, name: str, kind: str, committee: Committee, facts: Mapping[str, Any]
) -> None:
    row = {
        "id": name,
        "kind": kind,
        "committee": committee.id,
        "submission_id": committee.id,
        "revision": 0,
        "form": "",
        "facts": facts,
        "due_at": tx.clock(),
    }
    await note(tx, row)


async def _has_written(store: Store, committee: str, before: datetime) -> bool:
    query = select(letters.c.id).where(letters.c.committee == committee, letters.c.written_at < before)
    async with store.read() as connection:
        return (await connection.scalar(query.limit(1))) is not None


async def tally_of_week(tx: Transaction, committee: str, until: datetime) -> WeeklyTally:
    """Count the letters of the week before the moment, by what has become of them since."""
    week = letters.c.written_at >= until - _WEEK, letters.c.written_at < until
    query = select(letters.c.state, func.count().label("letters"))
    query = query.where(letters.c.committee == committee, *week)
    counts = {row.state: row.letters for row in await tx.all(query.group_by(letters.c.state))}
    sent, on_the_way = counts.pop("sent", 0), counts.pop("written", 0)
    return WeeklyTally((until - _WEEK).date(), until.date(), sent, sum(counts.values()), on_the_way)
