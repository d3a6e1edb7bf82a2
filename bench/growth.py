"""Whether the house stays as fast when much is stored: the whole road again, over many that went before.

Some hundred submissions go the road, the house is stopped, and what it stored of them is copied in its own
tables, under ids, references, people, units and committees of the copies' own.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Insert,
    String,
    Table,
    cast,
    insert,
    literal,
    select,
    text,
    true,
)
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from archive import letters as heard_letters
from archive import reports as filed
from bench.audit import COPIED, gather_now
from bench.road import Tried, holds_back
from bench.run import Run
from bench.servers import Way, start
from chassis.store.tables import errands, inbox, outbox
from intake import submissions as taken
from notification import mailbag, notices, standings
from support.houses import SERVICES, House
from validation.judgements import judgements

BASE = 200
WARM_UP = 400
WAYS: tuple[Way, ...] = ("sqlite", "postgresql")
OTHERS = {"person_id": 2000, "unit": 400, "committee": 200}
"""How many other people, units and committees the copies are spread over."""


@dataclass(frozen=True)
class Copied:
    """A table, and which of its columns name something that each copy has of its own."""

    table: Table
    own: Sequence[str]
    but_for: str = ""
    """Rows that are not copied, in SQL."""


CHASSIS = (Copied(inbox, ["event_id"]), Copied(outbox, ["event_id"]))
TABLES: Mapping[str, Sequence[Copied]] = {
    "intake": [
        Copied(taken.submissions, ["id", "reference"]),
        Copied(taken.revisions, ["submission_id"]),
        Copied(taken.idempotency_keys, ["key", "submission_id"]),
        Copied(taken.history, ["submission_id"]),
        *CHASSIS,
    ],
    "validation": [
        Copied(judgements, ["submission_id", "reference", "person_id", "unit", "committee"]),
        *CHASSIS,
    ],
    "archive": [
        Copied(filed.reports, ["submission_id", "reference", "diarienummer", "committee"]),
        Copied(filed.acts, ["submission_id"]),
        Copied(heard_letters.letters, ["id", "submission_id"]),
        *CHASSIS,
    ],
    "notification": [
        Copied(mailbag.letters, ["id", "submission_id"], "kind = 'gathered'"),
        Copied(mailbag.letter_reports, ["submission_id"]),
        Copied(notices.notices, ["id", "submission_id", "committee"]),
        Copied(standings.standings, ["submission_id", "committee"]),
        Copied(errands, ["key"]),
        *CHASSIS,
    ],
}


async def measure(run: Run) -> None:
    """The road over nothing, and over so many as are asked for."""
    for way in WAYS:
        for stored in (0, *run.sizes.grown):
            with run.servers.house(way) as house:
                tried = Tried(house, run.servers)
                await tried.passage(BASE)
                await _grown(tried, stored // BASE)
                await tried.passage(WARM_UP)
                count, in_flight = tried.enough_for(run.sizes.road_s), max(run.sizes.ours_in_flight)
                passage = await tried.passage(count, in_flight)
                await tried.audit()
                run.figures.note(f"growth.{way}.{stored}.per_second", passage.per_second)


async def _grown(tried: Tried, copies: int) -> None:
    """Copy while nobody works."""
    await gather_now(tried.house)
    await _until_all_is_said(tried.house)
    await asyncio.to_thread(tried.house.stop)
    if copies:
        for service in SERVICES:
            await copy_all(tried.house.databases[service], TABLES[service], copies)
    await asyncio.to_thread(start, tried.house, SERVICES)
    tried.note_restart()


async def _until_all_is_said(house: House) -> None:
    async with asyncio.timeout(60):
        for service in SERVICES:
            while await asyncio.to_thread(holds_back, house, service):
                await asyncio.sleep(0.2)


async def copy_all(url: str, tables: Sequence[Copied], copies: int) -> None:
    """In one transaction; PostgreSQL then looks at its tables as it would by itself after a while."""
    address = make_url(url)
    is_sqlite = address.get_backend_name() == "sqlite"
    driver = "sqlite+aiosqlite" if is_sqlite else "postgresql+asyncpg"
    engine = create_async_engine(address.set(drivername=driver))
    async with engine.begin() as connection:
        for copied in tables:
            await connection.execute(_copy(copied, copies))
        if not is_sqlite:
            await connection.execute(text("analyze"))
    await engine.dispose()


def _copy(copied: Copied, copies: int) -> Insert:
    numbers = _numbers(copies)
    columns = [column for column in copied.table.columns if column.autoincrement is not True]
    values = [_value(column, column.name in copied.own, numbers) for column in columns]
    rows = select(*values).select_from(copied.table.join(numbers, true()))
    if copied.but_for:
        rows = rows.where(text(f"not ({copied.but_for})"))
    names = [column.name for column in columns]
    return insert(copied.table).from_select(names, rows, include_defaults=False)


def _numbers(count: int) -> CTE:
    first = select(literal(1).label("number")).cte("numbers", recursive=True)
    return first.union_all(select(first.c.number + 1).where(first.c.number < count))


def _value(column: Column[Any], is_own: bool, numbers: CTE) -> ColumnElement[Any]:
    """The column's value as it is, or with the copy's number after it."""
    if not is_own:
        return column
    among = OTHERS.get(column.name)
    number = numbers.c.number % among if among else numbers.c.number
    return column.concat(COPIED).concat(cast(number, String))
