"""The diary: each paper that comes in gets a number, without gaps within a committee and a year."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    page = await _opened(tx, committee, year)
    while True:
        number = page.next()
        if not await page.is_taken(tx, number):
            return number


PAGE = 100
"""Numbers of which it is asked at once whether somebody has typed them."""


@dataclass
class Page:
    """A committee's diary as one piece of work has it open: nobody else gives out numbers meanwhile."""

    committee: Committee
    year: int
    counted: dict[str, Any]
    """What the diary's row will be told; its last number is counted up here."""
    _looked_through: int = 0
    _taken: Collection[str] = ()

    def next(self) -> str:
        self.counted["new_last"] += 1
        return self._number(self.counted["new_last"])

    async def is_taken(self, tx: Transaction, number: str) -> bool:
        last = self.counted["new_last"]
        if last > self._looked_through:
            self._looked_through = last + PAGE - 1
            numbers = [self._number(ahead) for ahead in range(last, last + PAGE)]
            rows = await tx.all(_TAKEN, {"its_committee": self.committee.id, "numbers": numbers})
            self._taken = {row.diarienummer for row in rows}
        return number in self._taken

    def _number(self, count: int) -> str:
        return self.committee.diary.number(count, self.year)


async def _opened(tx: Transaction, committee: Committee, year: int) -> Page:
    """The page that this work has open, or the diary's last number, kept from others until the commit."""
    asked = {"its_committee": committee.id, "its_year": year if committee.diary.is_yearly else ALL_YEARS}
    key = (diaries, *asked.values())
    if key not in tx.remembered:
        last = await _last(tx, asked)
        tx.remembered[key] = page = Page(committee, year, {**asked, "new_last": last})
        tx.change_later(_COUNTED, page.counted)
    opened: Page = tx.remembered[key]
    return opened


_OF_YEAR = diaries.c.committee == bindparam("its_committee"), diaries.c.year == bindparam("its_year")
_LAST = select(diaries.c.last).where(*_OF_YEAR).with_for_update()
_COUNTED = update(diaries).where(*_OF_YEAR).values(last=bindparam("new_last"))
_TAKEN = select(reports.c.diarienummer).where(
    reports.c.committee == bindparam("its_committee"),
    reports.c.diarienummer.in_(bindparam("numbers", expanding=True)),
)


async def _last(tx: Transaction, asked: Mapping[str, Any]) -> int:
    row = await tx.one(_LAST, asked)
    if row is None:
        await tx.insert_once(
            diaries, {"committee": asked["its_committee"], "year": asked["its_year"], "last": 0}
        )
        (row,) = await tx.all(_LAST, asked)
    return int(row.last)
