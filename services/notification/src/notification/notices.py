"""What the secretary is to be told and is not told yet: a row in the transaction of its event."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import (
    JSON,
    Column,
    Index,
    Integer,
    String,
    Table,
    and_,
    bindparam,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Row

from chassis.store import Store, Transaction
from chassis.store.tables import Moment
from notification.mailbag import metadata
from notification.recipients import Notify
from notification.workdays import next_round

MOVES_COME_TOGETHER = timedelta(minutes=2)
"""A calendar that changes moves every report in one transaction; its events arrive within seconds."""

NoticeKind: TypeAlias = Literal[
    "filed", "rejected", "moved", "frozen", "reminder", "unseen", "unarrived", "tally", "guideline"
]

notices = Table(
    "notices",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("committee", String, nullable=False),
    Column("submission_id", String, nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("form", String, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("told_at", Moment),
)
"""One row per event that a summary tells of; `told_at` is when its letters were written."""
Index("notices_waiting", notices.c.told_at, notices.c.due_at)


def due_at(notify: Notify, now: datetime) -> datetime | None:
    """When news of now are told at the latest; None for at once, in a letter of their own."""
    if notify.when == "gathered":
        return now + timedelta(minutes=notify.window_minutes)
    if notify.when == "digest":
        return next_round(now, notify.digest_at)
    return None


async def note(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Keep the notice; the same event is noted once, also when its letter has gone."""
    tx.insert_once_later(notices, row)


async def is_noted(store: Store, notice_id: str) -> bool:
    return await find_notice(store, notice_id) is not None


async def find_notice(store: Store, notice_id: str) -> Row[Any] | None:
    async with store.read() as connection:
        return (await connection.execute(select(notices).where(notices.c.id == notice_id))).first()


async def noted(tx: Transaction, notice_id: str) -> Row[Any] | None:
    return await tx.one(select(notices).where(notices.c.id == notice_id))


_WITHDRAWN = delete(notices).where(
    notices.c.submission_id == bindparam("its_id"),
    or_(
        notices.c.kind == "filed",
        and_(notices.c.kind == "rejected", notices.c.revision < bindparam("its_revision")),
    ),
    notices.c.told_at.is_(None),
)


async def withdraw(tx: Transaction, submission_id: str, revision: int = 0) -> None:
    """Tell no more of a report what is no longer so, nor what this revision has mended."""
    await tx.execute(_WITHDRAWN, {"its_id": submission_id, "its_revision": revision})


async def amend(tx: Transaction, submission_id: str, facts: Mapping[str, Any]) -> None:
    """Let what waits to be told of the report say where it goes by now."""
    waiting = notices.c.submission_id == submission_id, notices.c.kind == "filed"
    for notice in await tx.all(select(notices).where(*waiting, notices.c.told_at.is_(None))):
        changed = update(notices).where(notices.c.id == notice.id)
        await tx.execute(changed.values(facts={**notice.facts, **facts}))


async def waiting(store: Store, committee: str, kind: NoticeKind) -> Sequence[Row[Any]]:
    """What the committee's secretary is still to be told of the kind, due or not."""
    of_kind = notices.c.committee == committee, notices.c.kind == kind
    async with store.read() as connection:
        return (await connection.execute(select(notices).where(*of_kind, notices.c.told_at.is_(None)))).all()


async def committees_with_due(store: Store) -> Sequence[str]:
    """The committees for whose secretary something has waited long enough."""
    due = notices.c.told_at.is_(None), notices.c.due_at <= store.clock()
    async with store.read() as connection:
        query = select(notices.c.committee).where(*due).distinct().order_by(notices.c.committee)
        return (await connection.scalars(query)).all()


async def take_due(
    tx: Transaction,
    committee: str,
    kinds: Collection[NoticeKind],
    among: Collection[str] | None = None,
    most: int | None = None,
) -> Sequence[Row[Any]]:
    """Take all that waits of these kinds, if some of it is due: what is told together is fewer letters.

    `among` are the only ones to take, where something had to be made ready for each of them; `most` is how
    many at a time, those that are due first.
    Whoever takes holds the committee's lock, so that another replica finds nothing left.
    """
    to_tell = [
        notices.c.committee == committee,
        notices.c.kind.in_(kinds),
        notices.c.told_at.is_(None),
        *([] if among is None else [notices.c.id.in_(among)]),
    ]
    query = select(notices).where(*to_tell).order_by(notices.c.due_at, notices.c.id).limit(most)
    found = await tx.all(query)
    if not found or found[0].due_at > tx.clock():
        return ()
    taken = [notice.id for notice in found]
    await tx.execute(update(notices).where(notices.c.id.in_(taken)).values(told_at=tx.clock()))
    return found
