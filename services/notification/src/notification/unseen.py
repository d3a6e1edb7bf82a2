"""What nobody has opened shortly before a deadline: the secretary is asked to, and then somebody else is.

Without that a letter that nobody reads would be the last that anybody heard of a report. The secretary is
asked by the reminder, so that there is one letter for what waits for her; here is what comes after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.clock import in_stockholm
from chassis.store import Store, Transaction
from notification.notices import find_notice
from notification.recipients import Committee, PlannedMeeting
from notification.standings import is_unseen_since, unseen_on
from notification.workdays import in_working_hours, moment_on, workdays_before

WORKDAYS_BEFORE = 1
"""When the secretary is asked, before the deadline: late enough to have had the week, with a day left."""

_HER_TIME = timedelta(hours=4)
"""Half a working day: who is at work has then looked at her mail, and the other has the afternoon."""

_AT_LEAST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Unseen:
    meeting: PlannedMeeting
    count: int
    """How many reports nobody has opened."""
    asked_at: datetime
    """When the secretary was asked to; in Swedish time."""


def asked_from(committee: Committee, meeting: PlannedMeeting) -> datetime:
    """The moment from which the secretary is asked to open what nobody has."""
    day = workdays_before(meeting.deadline.date(), WORKDAYS_BEFORE)
    return moment_on(day, committee.notify.digest_at)


def passed_on_from(asked_at: datetime, deadline: datetime) -> datetime:
    """When another is told of what is still unseen: after her time, while people are at work.

    It counts from when she was really asked, since a house that was down asks late. Where the deadline comes
    before people are at work again, she has an hour.
    """
    moment = in_working_hours(asked_at + _HER_TIME)
    return moment if moment < deadline else asked_at + _AT_LEAST


async def facts_to_pass_on(
    store: Store, committee: Committee, meeting: PlannedMeeting, reminder: str
) -> Mapping[str, Any] | None:
    """What the notice for who is next is to hold, when its hour has struck; `reminder` asked first."""
    asked = await find_notice(store, reminder)
    if asked is None or asked.told_at is None or asked.facts["asked_from"] is None:
        return None
    if store.clock() < passed_on_from(asked.told_at, meeting.deadline):
        return None
    moment = datetime.fromisoformat(asked.facts["asked_from"])
    if not await is_unseen_since(store, committee.id, meeting.date, moment):
        return None
    return {**asked.facts, "asked_at": asked.told_at.isoformat()}


async def unseen_by_now(
    tx: Transaction, committee: Committee, meeting: PlannedMeeting, facts: Mapping[str, Any]
) -> Unseen | None:
    """What there is to tell when the letter is written; None when somebody has opened it meanwhile."""
    moment = datetime.fromisoformat(facts["asked_from"])
    count = await unseen_on(tx, committee.id, meeting.date, moment)
    asked_at = in_stockholm(datetime.fromisoformat(facts["asked_at"]))
    return Unseen(meeting, count, asked_at) if count else None
