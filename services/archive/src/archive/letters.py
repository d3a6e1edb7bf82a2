"""What became of the letters about a report, as notification tells it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Integer, String, Table, and_, func, literal, or_, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from archive.events import LetterEvent, NotificationBounced, NotificationFailed, NotificationSent
from archive.reports import metadata, reports
from chassis.consumer import Subscription
from chassis.store import Transaction
from chassis.store.tables import Moment

letters = Table(
    "letters",
    metadata,
    Column("id", String, primary_key=True),
    Column("submission_id", String, nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("heard_at", Moment, nullable=False),
    Column("happened_at", Moment),
)
"""One row per letter that notification has told of; `state` is sent, failed or bounced, and has been so since
`happened_at`. A letter about a meeting has the meeting's name, `<committee>-<date>`, for a submission.
"""

_TO_SUBMITTER = ("received", "rejected_submitter", "returned")
"""The kinds that are not for the committee, as notification names them."""

LETTER_EVENTS = (NotificationSent, NotificationFailed, NotificationBounced)

_BETTER = {"sent": (), "failed": ("sent",), "bounced": ("sent", "failed")}
"""Of two that happened at the same time the worse holds."""


def reads() -> list[Subscription[Any]]:
    return [Subscription(event, note_letter) for event in LETTER_EVENTS]


async def note_letter(event: LetterEvent, tx: Transaction) -> None:
    """Keep what happened to the letter last, in whatever order it is heard; what failed may be sent again."""
    row: dict[str, Any] = {
        "id": event.letter_id,
        "submission_id": event.submission_id,
        "revision": event.revision,
        "kind": event.letter,
        "state": _state(event.kind),
        "heard_at": tx.clock(),
        "happened_at": event.happened_at or tx.clock(),
    }
    if not await tx.insert_once(letters, row):
        overtaken = letters.c.id == event.letter_id, _is_before(row["happened_at"], row["state"])
        await tx.execute(update(letters).where(*overtaken).values(**row))


def _is_before(at: datetime, state: str) -> ColumnElement[bool]:
    """Whether what is known happened before this, or is better and of the same time."""
    same_time = and_(letters.c.happened_at == at, letters.c.state.in_(_BETTER[state]))
    return or_(letters.c.happened_at.is_(None), letters.c.happened_at < at, same_time)


def _state(kind: str) -> str:
    return kind.rpartition(".")[2]


async def letters_about(connection: AsyncConnection, submission_id: str) -> Sequence[Row[Any]]:
    """The letters about one submission, in the order in which they came to be as they are."""
    query = select(letters).where(letters.c.submission_id == submission_id)
    return (await connection.execute(query.order_by(letters.c.happened_at, letters.c.id))).all()


async def letters_astray(connection: AsyncConnection, committee: str, day: date) -> Sequence[Row[Any]]:
    """The letters to the committee about the meeting that did not arrive, the oldest first.

    Each has the subject and status of its report, which are None where it is about the meeting itself.
    """
    there = select(reports.c.submission_id).where(
        reports.c.committee == committee, reports.c.meeting_date == day
    )
    about = there.union_all(select(literal(f"{committee}-{day.isoformat()}")))
    query = (
        select(letters, reports.c.subject, reports.c.status)
        .outerjoin(reports, reports.c.submission_id == letters.c.submission_id)
        .where(letters.c.submission_id.in_(about), letters.c.state.in_(("failed", "bounced")))
        .where(letters.c.kind.not_in(_TO_SUBMITTER))
        .order_by(letters.c.happened_at, letters.c.id)
    )
    return (await connection.execute(query)).all()


async def letters_by_state(connection: AsyncConnection) -> Mapping[str, int]:
    """How many letters are in each state."""
    query = (
        select(letters.c.state, func.count().label("letters"))
        .group_by(letters.c.state)
        .order_by(letters.c.state)
    )
    return {row.state: row.letters for row in await connection.execute(query)}
