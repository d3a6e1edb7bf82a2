"""What became of the letters about a report, as notification tells it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Integer, String, Table, func, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.events import LetterEvent, NotificationBounced, NotificationFailed, NotificationSent
from archive.reports import metadata
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
)
"""One row per letter that notification has told of; `state` is sent, failed or bounced."""

LETTER_EVENTS = (NotificationSent, NotificationFailed, NotificationBounced)

_RANK = {NotificationSent.kind: 0, NotificationFailed.kind: 1, NotificationBounced.kind: 2}
"""Whichever is heard last, a letter that has failed has failed, and one that bounced did not arrive."""


def reads() -> list[Subscription[Any]]:
    return [Subscription(event, note_letter) for event in LETTER_EVENTS]


async def note_letter(event: LetterEvent, tx: Transaction) -> None:
    """Keep what became of the letter; what is worse stands, in whatever order it is heard."""
    row = {
        "id": event.letter_id,
        "submission_id": event.submission_id,
        "revision": event.revision,
        "kind": event.letter,
        "state": _state(event.kind),
        "heard_at": tx.clock(),
    }
    if await tx.insert_once(letters, row):
        return
    better = [_state(kind) for kind, rank in _RANK.items() if rank < _RANK[event.kind]]
    await tx.execute(
        update(letters)
        .where(letters.c.id == event.letter_id, letters.c.state.in_(better))
        .values(state=row["state"], heard_at=row["heard_at"])
    )


def _state(kind: str) -> str:
    return kind.rpartition(".")[2]


async def letters_about(connection: AsyncConnection, submission_id: str) -> Sequence[Row[Any]]:
    """The letters about one submission, in the order in which they were heard of."""
    query = select(letters).where(letters.c.submission_id == submission_id)
    return (await connection.execute(query.order_by(letters.c.heard_at, letters.c.id))).all()


async def letters_by_state(connection: AsyncConnection) -> Mapping[str, int]:
    """How many letters are in each state."""
    query = (
        select(letters.c.state, func.count().label("letters"))
        .group_by(letters.c.state)
        .order_by(letters.c.state)
    )
    return {row.state: row.letters for row in await connection.execute(query)}
