"""Which reports a secretary has seen: she has opened one, or done something with it.

It is noted beside the reports: what is open in another window is not made old by somebody's reading.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, Integer, String, Table, select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.events import ReportSeen
from archive.reports import metadata
from chassis.store import Transaction
from chassis.store.tables import Moment

seen = Table(
    "seen",
    metadata,
    Column("submission_id", String, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("by", String, nullable=False),
)
"""One row per revision: by whom, signed as in the acts, and when it was seen for the first time."""


async def note_seen(tx: Transaction, report: Row[Any], by: str) -> None:
    """Note that the report as it stands is seen, and say so; only the first time is news."""
    revision = {"submission_id": report.submission_id, "revision": report.revision}
    row = {**revision, "at": tx.clock(), "by": by}
    if await tx.insert_once(seen, row):
        await tx.say(ReportSeen(**revision))


async def first_seen(connection: AsyncConnection, report: Row[Any]) -> Row[Any] | None:
    """By whom and when the report as it stands was first seen, if it was."""
    query = select(seen).where(
        seen.c.submission_id == report.submission_id, seen.c.revision == report.revision
    )
    return (await connection.execute(query)).first()


async def seen_among(
    connection: AsyncConnection, submission_ids: Sequence[str]
) -> Collection[tuple[str, int]]:
    """The revisions of these reports that are seen, each as its submission and number."""
    query = select(seen.c.submission_id, seen.c.revision).where(seen.c.submission_id.in_(submission_ids))
    return {(row.submission_id, row.revision) for row in await connection.execute(query)}
