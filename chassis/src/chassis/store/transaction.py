"""One transaction: the service's own changes, and what it says because of them, or neither."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Executable, Table, bindparam, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from chassis.clock import Clock
from chassis.events import Event, encode, new_id, queue_name
from chassis.store.tables import errands, outbox
from chassis.store.trouble import StoreUnavailable, told_as_unavailable
from chassis.trace import current_traceparent

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))").bindparams(bindparam("key"))


class Transaction:
    """What a handler is given to read, to write and to speak with.

    The work done in it may be run a second time when the commit was lost on the way,
    so it may have no effect outside the database.
    """

    def __init__(self, connection: AsyncConnection, source: str, clock: Clock) -> None:
        self._connection = connection
        self._source = source
        self.clock = clock
        self.spoken_to: set[str] = set()
        self.errand_kinds: set[str] = set()

    async def execute(
        self,
        statement: Executable,
        rows: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Raises `StoreUnavailable`, which ends the whole transaction, for what time may heal."""
        with told_as_unavailable():
            return await self._connection.execute(statement, rows)

    async def one(self, statement: Executable) -> Row[Any] | None:
        return (await self.execute(statement)).first()

    async def all(self, statement: Executable) -> Sequence[Row[Any]]:
        return (await self.execute(statement)).all()

    async def lock(self, *keys: str) -> None:
        """Wait until no other transaction has one of the keys, and keep them until this one ends.

        For who learns only from the database what must not change meanwhile; what an event itself tells
        is locked before its transaction begins. SQLite has one writer anyway.
        """
        if self._connection.dialect.name != "sqlite":
            for key in sorted(keys):
                await self.execute(LOCK, {"key": key})

    async def insert_new(
        self,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        returning: Sequence[ColumnElement[Any]],
    ) -> Sequence[Row[Any]]:
        """Insert what is not there yet; returns a row for each that was new."""
        insert = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        statement = insert(table).on_conflict_do_nothing().returning(*returning)
        return (await self.execute(statement, rows)).all() if rows else ()

    async def say(self, *events: Event) -> None:
        """Put events in the outbox, a row for each of their listeners.

        Raises:
            OversizedEvent: an event is larger than a message may be.
        """
        await self.put_in_outbox([row for event in events for row in self.outbox_rows(event)])

    async def put_in_outbox(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            await self.execute(outbox.insert(), rows)
            self.spoken_to.update(row["queue"] for row in rows)

    def outbox_rows(self, event: Event) -> Iterable[dict[str, Any]]:
        """What saying the event puts in the outbox; it carries on the trace that is followed now.

        Raises:
            OversizedEvent: the event is larger than a message may be.
        """
        now, event_id = self.clock(), new_id()
        body = encode(event, event_id, self._source, now, current_traceparent())
        for listener in event.heard_by:
            yield {
                "queue": queue_name(listener, event.kind),
                "event_id": event_id,
                "form": getattr(event, "form", None),
                "body": body,
                "created_at": now,
            }

    async def send_on_errand(
        self, kind: str, key: str, payload: Mapping[str, Any], state: str = "due"
    ) -> None:
        """Have something done after the commit; the same key is done once, a parked one when replayed."""
        now = self.clock()
        row = {
            "kind": kind,
            "key": key,
            "payload": dict(payload),
            "state": state,
            "attempts": 0,
            "due_at": now,
            "token": 0,
            "traceparent": current_traceparent(),
            "created_at": now,
        }
        await self.insert_new(errands, [row], [errands.c.id])
        self.errand_kinds.add(kind)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what happens inside, and only that, when it raises.

        A transaction that the database has ended has no savepoint left to go back to.
        """
        with told_as_unavailable():
            savepoint = await self._connection.begin_nested()
        try:
            yield
        except StoreUnavailable:
            raise
        except BaseException:
            with told_as_unavailable():
                await savepoint.rollback()
            raise
        with told_as_unavailable():
            await savepoint.commit()
