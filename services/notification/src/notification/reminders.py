"""What is told because its time has come, and not because something happened: reminders and the tally."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from json import dumps
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Row

from chassis.store import Store, Transaction
from notification.guidelines import Ending, GuidedForms, endings, titles_of
from notification.mailbag import Arrival, arrival, letters, letters_written
from notification.notices import find_notice, is_noted, note
from notification.recipients import Committee, PlannedMeeting
from notification.standings import is_held_since, is_unseen_since
from notification.summaries import WeeklyTally, form_of_week
from notification.unseen import WORKDAYS_BEFORE, asked_from, facts_to_pass_on
from notification.week_counts import are_counted, counts_of
from notification.workdays import moment_on, monday_of, round_of_week, workdays_before

COUNTS_AWAITED = timedelta(hours=2)
"""Intake counts at night; if it was down, the letter says so before noon."""


async def note_what_is_due(store: Store, committee: Committee, forms: GuidedForms) -> None:
    """Note what has its hour, when that has struck; each is noted once, also over restarts."""
    for meeting in committee.meetings:
        await _note_reminder(store, committee, meeting)
        await _note_unseen(store, committee, meeting)
    await _note_tally(store, committee, forms)
    for ending in endings(committee, forms):
        await _note_ending(store, committee, ending)


def reminder_due(committee: Committee, meeting: PlannedMeeting, now: datetime) -> tuple[int, datetime] | None:
    """The reminder whose turn it is: how many workdays before the deadline, and since when.

    Of several that were missed only the last is of use.
    """
    if meeting.cancelled or now >= meeting.deadline:
        return None
    notify, day = committee.notify, meeting.deadline.date()
    counts = {*notify.reminders_workdays_before, *([WORKDAYS_BEFORE] if notify.unseen else [])}
    turns = [(moment_on(workdays_before(day, count), notify.digest_at), count) for count in counts]
    struck = [(count, moment) for moment, count in sorted(turns) if moment <= now]
    return struck[-1] if struck else None


async def _note_reminder(store: Store, committee: Committee, meeting: PlannedMeeting) -> None:
    """One letter for what is held and for what nobody has opened, if either is so."""
    due = reminder_due(committee, meeting, store.clock())
    if due is None:
        return
    count, moment = due
    name = _name("reminder", committee, meeting, moment)
    if await is_noted(store, name) or not await _waits(store, committee, meeting, count, moment):
        return
    asks_to_open = committee.notify.unseen and count == WORKDAYS_BEFORE
    facts = {
        "date": meeting.date.isoformat(),
        "asked_from": moment.isoformat() if asks_to_open else None,
    }
    await store.write(lambda tx: _note(tx, name, "reminder", committee, facts))


def _name(kind: str, committee: Committee, meeting: PlannedMeeting, moment: datetime) -> str:
    """By the day as well, so that another deadline is reminded of anew."""
    return f"{kind} {committee.id} {meeting.known_as} {moment:%Y-%m-%d}"


async def _waits(
    store: Store, committee: Committee, meeting: PlannedMeeting, count: int, moment: datetime
) -> bool:
    """Whether something waited already then: what is filed or held later has its own letter, at once."""
    notify, place = committee.notify, (committee.id, meeting.date, moment)
    if count in notify.reminders_workdays_before and await is_held_since(store, *place):
        return True
    return notify.unseen and count == WORKDAYS_BEFORE and await is_unseen_since(store, *place)


async def _note_unseen(store: Store, committee: Committee, meeting: PlannedMeeting) -> None:
    """Only once the secretary was asked, who had the reminder of the same day."""
    moment, now = asked_from(committee, meeting), store.clock()
    if meeting.cancelled or not committee.notify.unseen or not moment <= now < meeting.deadline:
        return
    name = _name("unseen", committee, meeting, moment)
    if await is_noted(store, name):
        return
    reminder = _name("reminder", committee, meeting, moment)
    facts = await facts_to_pass_on(store, committee, meeting, reminder)
    if facts is not None:
        await store.write(lambda tx: _note(tx, name, "unseen", committee, facts))


async def _note_tally(store: Store, committee: Committee, forms: GuidedForms) -> None:
    """From the second week on: nobody needs to hear of a week that the house had not begun.

    It waits a while for what intake has counted of each of the committee's forms.
    """
    hour, now = round_of_week(store.clock(), committee.notify.digest_at), store.clock()
    name = f"tally {committee.id} {hour:%G-W%V}"
    if not committee.notify.weekly_tally or now < hour or await is_noted(store, name):
        return
    of_committee, until = titles_of(committee, forms), monday_of(hour)
    if now < hour + COUNTS_AWAITED and not await are_counted(store, list(of_committee), until.date()):
        return
    if await _has_written(store, committee.id, until):
        facts = {"until": until.isoformat(), "forms": of_committee}
        await store.write(lambda tx: _note(tx, name, "tally", committee, facts))


async def _note_ending(store: Store, committee: Committee, ending: Ending) -> None:
    notify = committee.notify
    turn = ending.struck(notify.guideline_days_before, notify.digest_at, store.clock())
    if turn is None:
        return
    facts = _facts(ending, turn)
    shorter = f"guideline {committee.id} {ending.guideline.title} {ending.last_day} {turn}"
    name = f"{shorter} {dumps(_apart(facts), ensure_ascii=False)}"
    if not await is_noted(store, name) and not await _is_noted_as(store, shorter, facts):
        await store.write(lambda tx: _note(tx, name, "guideline", committee, facts))


def _facts(ending: Ending, turn: str) -> Mapping[str, Any]:
    return {
        "title": ending.guideline.title,
        "reference": ending.guideline.reference,
        "owner": ending.guideline.owner,
        "last_day": ending.last_day.isoformat(),
        "forms": ending.forms,
        "is_over": turn == "over",
    }


def _apart(facts: Mapping[str, Any]) -> list[str]:
    """What tells two guidelines of the same title and last day apart."""
    return [facts["reference"], facts["owner"]]


async def _is_noted_as(store: Store, shorter: str, facts: Mapping[str, Any]) -> bool:
    """Whether it was noted when two of the same title and last day still had one name."""
    notice = await find_notice(store, shorter)
    return notice is not None and _apart(notice.facts) == _apart(facts)


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


async def tally_of_week(
    tx: Transaction, committee: str, titles: Mapping[str, str], until: datetime
) -> WeeklyTally:
    """Count what came in and the letters of the week before that Monday, by what has become of them since.

    `titles` are those of the committee's forms, by their names.
    """
    since = monday_of(until - timedelta(days=1))
    rows = await tx.all(letters_written(committee, since, until))
    states, arrived = Counter(_state_by_now(row) for row in rows), Counter(arrival(row) for row in rows)
    sent, on_the_way = states.pop("sent", 0), states.pop("written", 0)
    counts = {row.form: row for row in await counts_of(tx, list(titles), until.date())}
    return WeeklyTally(
        since=since.date(),
        until=until.date() - timedelta(days=1),
        forms=[form_of_week(titles[form], row) for form, row in counts.items()],
        uncounted=[title for form, title in titles.items() if form not in counts],
        sent=sent,
        failed=states.total(),
        on_the_way=on_the_way,
        delivered=arrived[Arrival.DELIVERED],
        bounced=arrived[Arrival.BOUNCED],
    )


def _state_by_now(letter: Row[Any]) -> str:
    """What was given up here was sent all the same, if it has been reported as delivered or bounced since."""
    was_sent = arrival(letter) in (Arrival.DELIVERED, Arrival.BOUNCED)
    return "sent" if was_sent and letter.state != "written" else str(letter.state)
