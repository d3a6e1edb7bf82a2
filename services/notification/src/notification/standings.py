"""Where each report stands by the newest that was heard of it, so that a reminder knows what waits.

What was seen is kept by its revision and apart, so that it may be heard in any order.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import Column, Date, Index, Integer, String, Table, bindparam, exists, func, select, update
from sqlalchemy.engine import Row
from sqlalchemy.sql.elements import ColumnElement

from chassis.store import Store, Transaction
from chassis.store.tables import Moment, padded
from notification.events import FrozenReport, MeetingOfCommittee, ReportSeen, ReportTold
from notification.mailbag import metadata

Status: TypeAlias = Literal["filed", "held", "returned"]

_WAITING: Collection[Status] = ("filed", "held")

standings = Table(
    "standings",
    metadata,
    Column("submission_id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("committee", String, nullable=False),
    Column("status", String, nullable=False),
    Column("meeting_date", Date),
    Column("since", Moment, nullable=False),
    Column("revision", Integer),
)
"""`status` is filed, held, returned or frozen; `since` is when that version was heard of.

`revision` is not known of what was heard before it was kept: nobody is asked to open such a report.
"""
Index("standings_of_meeting", standings.c.committee, standings.c.status, standings.c.meeting_date)

seen = Table(
    "seen",
    metadata,
    Column("submission_id", String, primary_key=True),
    Column("revision", Integer, primary_key=True),
)
"""The revisions that a secretary has seen, also those that nothing else was heard of yet."""


_HEARD_OF = select(standings.c.submission_id).where(
    standings.c.submission_id.in_(bindparam("ids", expanding=True))
)


async def foresee_standings(tx: Transaction, submission_ids: Sequence[str]) -> None:
    """Ask at once of which reports nothing was heard yet; who notes the first of them need not ask."""
    rows = await tx.all(_HEARD_OF, {"ids": padded(submission_ids)}) if submission_ids else ()
    unheard = set(submission_ids) - {row.submission_id for row in rows}
    tx.remembered.update({(standings, one): None for one in unheard})


Heard: TypeAlias = Literal["first", "newer", "overtaken"]
"""What an event about a report is, beside what was heard of the report before."""


async def note_standing(tx: Transaction, event: ReportTold, status: Status) -> Heard:
    """Keep where the report stands now, unless something newer has told it."""
    row: dict[str, Any] = {
        "submission_id": event.submission_id,
        "version": event.version,
        "revision": event.revision,
        "committee": event.committee,
        "status": status,
        "meeting_date": event.meeting.date if event.meeting else None,
        "since": tx.clock(),
    }
    if (standings, event.submission_id) in tx.remembered:
        tx.remembered.pop((standings, event.submission_id))
        tx.insert_later(standings, row)
        return "first"
    if await tx.insert_once(standings, row):
        return "first"
    older = standings.c.submission_id == event.submission_id, standings.c.version < event.version
    noted = await tx.execute(update(standings).where(*older).values(**row))
    return "newer" if noted.rowcount else "overtaken"


async def standing_of(tx: Transaction, submission_id: str) -> Row[Any] | None:
    return await tx.one(select(standings).where(standings.c.submission_id == submission_id))


async def note_frozen(tx: Transaction, meeting: MeetingOfCommittee, report: FrozenReport) -> bool:
    """Wait no longer for what lies in a packet; tells whether this was news, and not overtaken by newer.

    What is heard of the report later, and was so before, is then no news.
    """
    frozen = {"status": "frozen", "version": report.version, "since": tx.clock()}
    place = {"committee": meeting.committee, "meeting_date": meeting.date, "revision": None}
    if await tx.insert_once(standings, {"submission_id": report.submission_id, **frozen, **place}):
        return True
    older = standings.c.submission_id == report.submission_id, standings.c.version < report.version
    return bool((await tx.execute(update(standings).where(*older).values(**frozen))).rowcount)


async def note_seen(tx: Transaction, event: ReportSeen) -> None:
    row = {"submission_id": event.submission_id, "revision": event.revision}
    await tx.insert_once(seen, row)


async def held_on(tx: Transaction, committee: str, day: date) -> int:
    """How many reports are held beside the meeting of that day."""
    query = select(func.count()).where(*_held(committee, day))
    return int((await tx.execute(query)).scalar_one())


async def is_held_since(store: Store, committee: str, day: date, moment: datetime) -> bool:
    """Whether a report that is held beside the meeting of that day was so at the moment."""
    query = select(standings.c.submission_id).where(*_held(committee, day), standings.c.since <= moment)
    async with store.read() as connection:
        return (await connection.scalar(query.limit(1))) is not None


async def unseen_on(
    tx: Transaction, committee: str, day: date, moment: datetime, among: Collection[Status] = _WAITING
) -> int:
    """How many reports go to the meeting of that day as they did at the moment, and nobody has seen them."""
    query = select(func.count()).where(*_unseen(committee, day, moment), standings.c.status.in_(among))
    return int((await tx.execute(query)).scalar_one())


async def is_unseen_since(store: Store, committee: str, day: date, moment: datetime) -> bool:
    """Whether there is such a report."""
    query = select(standings.c.submission_id).where(*_unseen(committee, day, moment))
    async with store.read() as connection:
        return (await connection.scalar(query.limit(1))) is not None


def _unseen(committee: str, day: date, moment: datetime) -> tuple[ColumnElement[bool], ...]:
    revision = seen.c.submission_id == standings.c.submission_id, seen.c.revision == standings.c.revision
    return (
        standings.c.committee == committee,
        standings.c.status.in_(_WAITING),
        standings.c.meeting_date == day,
        standings.c.since <= moment,
        standings.c.revision.is_not(None),
        ~exists().where(*revision),
    )


def _held(committee: str, day: date) -> tuple[ColumnElement[bool], ...]:
    return (
        standings.c.committee == committee,
        standings.c.status == "held",
        standings.c.meeting_date == day,
    )
