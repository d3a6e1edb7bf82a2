"""The diary: each paper that comes in gets a number, without gaps within a committee and a year."""

from datetime import datetime

from sqlalchemy import Column, Integer, String, Table, update

from archive.committees import Committee
from archive.reports import metadata
from chassis.clock import day_in_stockholm
from chassis.store import Transaction

diaries = Table(
    "diaries",
    metadata,
    Column("committee", String, primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
)
"""The last number given out: who wants the next waits for who has it, and a rollback gives it back."""


async def next_diarienummer(tx: Transaction, committee: Committee, now: datetime) -> str:
    """The committee's next number of the Swedish year, given out for good when the transaction commits."""
    year = day_in_stockholm(now).year
    await tx.insert_new(diaries, [{"committee": committee.id, "year": year, "last": 0}], [diaries.c.last])
    given = (
        update(diaries)
        .where(diaries.c.committee == committee.id, diaries.c.year == year)
        .values(last=diaries.c.last + 1)
        .returning(diaries.c.last)
    )
    return committee.diary.number((await tx.execute(given)).scalar_one(), year)
