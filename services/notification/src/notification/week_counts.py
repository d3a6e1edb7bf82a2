"""What intake counted of each week, kept for the committees' tally."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Column, Date, Integer, Select, String, Table, select
from sqlalchemy.engine import Row

from chassis.consumer import Subscription
from chassis.store import Store, Transaction
from notification.events import SubmissionsCounted
from notification.mailbag import metadata

week_counts = Table(
    "week_counts",
    metadata,
    Column("form", String, primary_key=True),
    Column("until", Date, primary_key=True),
    Column("received", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("returned", Integer, nullable=False),
    Column("filed", Integer, nullable=False),
    Column("frozen", Integer, nullable=False),
    Column("parked", Integer, nullable=False),
)
"""One row per form and week; `until` is the Monday after it."""

_COUNTS = ("received", "rejected", "held", "returned", "filed", "frozen", "parked")


def reads() -> list[Subscription[Any]]:
    return [Subscription(SubmissionsCounted, note_counts)]


async def note_counts(event: SubmissionsCounted, tx: Transaction) -> None:
    counts = {name: getattr(event, name) for name in _COUNTS}
    row = {"form": event.form, "until": event.until, **counts}
    await tx.insert_once(week_counts, row)


async def are_counted(store: Store, forms: Collection[str], until: date) -> bool:
    async with store.read() as connection:
        return len((await connection.execute(_of_week(forms, until))).all()) == len(forms)


async def counts_of(tx: Transaction, forms: Collection[str], until: date) -> Sequence[Row[Any]]:
    """The counts of these forms in the week before that Monday."""
    return await tx.all(_of_week(forms, until))


def _of_week(forms: Collection[str], until: date) -> Select[Any]:
    of_week = week_counts.c.form.in_(forms), week_counts.c.until == until
    return select(week_counts).where(*of_week).order_by(week_counts.c.form)
