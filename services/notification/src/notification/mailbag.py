"""The letters that were written: their bytes, and what became of each."""

from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, Text, func, select, update
from sqlalchemy.engine import Row

from chassis.store import Store, Transaction
from chassis.store.tables import Moment

metadata = MetaData()

letters = Table(
    "letters",
    metadata,
    Column("id", String, primary_key=True),
    Column("submission_id", String, nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("form", String, nullable=False),
    Column("committee", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("recipient", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("uncertain", Integer, nullable=False),
    Column("answer", Text),
    Column("written_at", Moment, nullable=False),
    Column("settled_at", Moment),
)
"""`state` is written, sent or failed; `uncertain` counts the times when nobody knows whether it was taken.

The bytes are made once, so that a letter that has to be sent again is the same letter.
"""


async def put_in(tx: Transaction, row: dict[str, Any]) -> bool:
    """Keep a new letter; tells whether it was new."""
    unsent = {"state": "written", "uncertain": 0}
    return bool(await tx.insert_new(letters, [row | unsent], [letters.c.id]))


async def take_out(store: Store, letter_id: str) -> Row[Any]:
    async with store.read() as connection:
        return (await connection.execute(select(letters).where(letters.c.id == letter_id))).one()


async def settle(tx: Transaction, letter_id: str, state: str, answer: str) -> None:
    await tx.execute(
        update(letters)
        .where(letters.c.id == letter_id)
        .values(state=state, answer=answer, settled_at=tx.clock())
    )


async def count_uncertain(tx: Transaction, letter_id: str) -> None:
    await tx.execute(
        update(letters).where(letters.c.id == letter_id).values(uncertain=letters.c.uncertain + 1)
    )


async def tally(store: Store) -> dict[str, dict[str, int]]:
    """How many letters there are, by form and state."""
    query = select(letters.c.form, letters.c.state, func.count()).group_by(letters.c.form, letters.c.state)
    counts: dict[str, dict[str, int]] = {}
    async with store.read() as connection:
        for form, state, count in await connection.execute(query):
            counts.setdefault(form, {})[state] = count
    return counts
