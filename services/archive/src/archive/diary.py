"""The diary: each paper that comes in gets a number, without gaps within a committee and a year."""

from datetime import datetime

from sqlalchemy import Column, Integer, String, Table, bindparam, select, update

from archive.committees import Committee
from archive.reports import metadata, reports
from chassis.clock import day_in_stockholm
from chassis.store import Transaction

diaries = Table(
    "diaries",
    metadata,
    Column("committee", String, primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
)
"""The last number of a year; who wants the next waits for who has it, and a rollback gives it back."""


ALL_YEARS = 0
"""Under which a diary counts whose numbers do not tell the year."""


async def next_diarienummer(tx: Transaction, committee: Committee, now: datetime) -> str:
    """The committee's next number of the Swedish year, given out for good when the transaction commits.

    What a person has typed before the house began to number, or by another template, is given to no other.
    """
    year = day_in_stockholm(now).year
    counted = year if committee.diary.is_yearly else ALL_YEARS
    while True:
        number = committee.diary.number(await _next(tx, committee.id, counted), year)
        if not await _is_taken(tx, committee.id, number):
            return number


_NEXT = (
    update(diaries)
    .where(diaries.c.committee == bindparam("its_committee"), diaries.c.year == bindparam("its_year"))
    .values(last=diaries.c.last + 1)
    .returning(diaries.c.last)
)
_TAKEN = (
    select(reports.c.diarienummer)
    .where(
        reports.c.committee == bindparam("its_committee"),
        reports.c.diarienummer == bindparam("its_number"),
    )
    .limit(1)
)


async def _next(tx: Transaction, committee: str, year: int) -> int:
    asked = {"its_committee": committee, "its_year": year}
    row = await tx.one(_NEXT, asked)
    if row is None:
        await tx.insert_once(diaries, {"committee": committee, "year": year, "last": 0})
        (row,) = await tx.all(_NEXT, asked)
    return int(row.last)


async def _is_taken(tx: Transaction, committee: str, number: str) -> bool:
    return await tx.one(_TAKEN, {"its_committee": committee, "its_number": number}) is not None
