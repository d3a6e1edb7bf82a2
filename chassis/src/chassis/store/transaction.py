"""One transaction: the service's own changes, and what it says because of them, or neither."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, FromClause, Insert, Table, Update, text
from sqlalchemy.engine import CursorResult, Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.sql.elements import ColumnElement

from chassis.clock import Clock
from chassis.events import Event, encode, new_id, queue_name
from chassis.store.rows import Loading, loading
from chassis.store.tables import errands, outbox
from chassis.store.trouble import StoreUnavailable, told_as_unavailable
from chassis.trace import current_traceparent

_LOCKS = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest(CAST(:keys AS text[])) AS key"
)
"""One after the other as they are given: `unnest` keeps their order."""


class Transaction:
    """What a handler is given to read, to write and to speak with.

    The work done in it may be run a second time when the commit was lost on the way,
    so it may have no effect outside the database.
    """

    def __init__(self, connection: AsyncConnection, source: str, clock: Clock) -> None:
        self._connection = connection
        self._inline = connection.sync_connection if connection.dialect.driver == "inline" else None
        self._source = source
        self.clock = clock
        self.spoken_to: set[str] = set()
        self.errand_kinds: set[str] = set()
        self.remembered: dict[object, Any] = {}
        """What this piece of work has asked, and nobody changes before it ends or inserts what it left."""
        self._later: list[tuple[Insert, Mapping[str, Any]]] = []
        self._changes: dict[Update, list[Mapping[str, Any]]] = {}
        self._left_by: set[str] = set()
        self._held: frozenset[str] = frozenset()

    async def execute(
        self,
        statement: Executable,
        rows: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Raises `StoreUnavailable`, which ends the whole transaction, for what time may heal."""
        with told_as_unavailable():
            if self._inline is not None:
                return self._inline.execute(statement, rows)
            return await self._connection.run_sync(Connection.execute, statement, rows)

    async def one(self, statement: Executable, told: Mapping[str, Any] | None = None) -> Row[Any] | None:
        """The first row that answers; `told` are the parameters of a statement that was made once."""
        return (await self.execute(statement, told)).first()

    async def all(self, statement: Executable, told: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        return (await self.execute(statement, told)).all()

    async def lock(self, *keys: str) -> None:
        """Wait until no other transaction has one of the keys, and keep them until this one ends.

        For who learns only from the database what must not change meanwhile; what an event itself tells
        is locked before its transaction begins. In sorted order, so that two with the same people never
        wait for each other. SQLite has one writer anyway.
        """
        await self.flush()
        if keys and self._connection.dialect.name != "sqlite":
            await self.execute(_LOCKS, {"keys": sorted(keys)})

    async def insert(self, table: Table, row: Mapping[str, Any]) -> None:
        await self.execute(_insert(table), row)

    async def insert_once(self, table: Table, row: Mapping[str, Any]) -> bool:
        """Insert the row unless it is there; tells whether it was new."""
        return bool((await self.execute(_insert_new(table), row)).rowcount)

    async def insert_new(
        self,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        returning: Sequence[ColumnElement[Any]],
    ) -> Sequence[Row[Any]]:
        """Insert what is not there yet; returns a row for each that was new."""
        statement = _returning(_insert_new(table), tuple(returning))
        return (await self.execute(statement, rows)).all() if rows else ()

    def insert_later(self, table: Table, *rows: Mapping[str, Any]) -> None:
        """Insert rows together with the whole group's; who holds none of their locks does not see them yet.

        What would fail there fails the group, so it is for rows that cannot.
        """
        self._later += ((_insert(table), row) for row in rows)

    def insert_once_later(self, table: Table, row: Mapping[str, Any]) -> None:
        """The same, unless the row is there."""
        self._later.append((_insert_new(table), row))

    async def forget(self) -> None:
        """What the next piece of work asks is asked anew, and shows what this one has changed."""
        if self._changes:
            await self.flush()
        self.remembered.clear()

    def change_later(self, statement: Update, told: Mapping[str, Any]) -> None:
        """Change rows together, after all that is inserted later; the next piece of work sees it."""
        self._changes.setdefault(statement, []).append(told)

    async def flush(self) -> None:
        """Do what was left for later: inserts, what others refer to first, in their order; then changes."""
        later, self._later = self._later, []
        changes, self._changes = self._changes, {}
        self._left_by.clear()
        self.remembered.clear()
        together: dict[tuple[Insert, tuple[str, ...]], list[Mapping[str, Any]]] = {}
        for statement, row in later:
            together.setdefault((statement, tuple(row)), []).append(row)
        for statement, columns in sorted(together, key=lambda kind: _generation(kind[0].table)):
            await self._load(
                loading(statement, columns, self._connection.dialect), together[statement, columns]
            )
        for change, told in changes.items():
            await self.execute(change, told)

    async def _load(self, load: Loading, rows: Iterable[Mapping[str, Any]]) -> None:
        told = load.told(rows)
        with told_as_unavailable():
            if self._inline is not None:
                self._inline.exec_driver_sql(load.sql, told)
            else:
                await self._connection.run_sync(Connection.exec_driver_sql, load.sql, told)

    @asynccontextmanager
    async def within(self, locks: frozenset[str]) -> AsyncIterator[None]:
        """For work with these locks, which sees what work with any of the same has left for later."""
        if not self._left_by.isdisjoint(locks):
            await self.flush()
        around, self._held = self._held, locks
        try:
            yield
        finally:
            self._held = around
        self._left_by |= locks

    def holds(self, locks: Iterable[str]) -> bool:
        """Whether what is done now began with these locks; what is read from a file may ask for others."""
        return self._held.issuperset(locks)

    async def say(self, *events: Event) -> None:
        """Put events in the outbox, a row for each of their listeners.

        Raises:
            OversizedEvent: an event is larger than a message may be.
        """
        self.put_in_outbox([row for event in events for row in self.outbox_rows(event)])

    def put_in_outbox(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.insert_later(outbox, *rows)
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
        self.insert_once_later(errands, row)
        self.errand_kinds.add(kind)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what happens inside, and only that, when it raises.

        What is left for later inside is inserted before the end: if that fails, it is the inside that failed.
        A transaction that the database has ended has no savepoint left to go back to.
        """
        await self.flush()
        with told_as_unavailable():
            savepoint = await self._connection.begin_nested()
        try:
            yield
            await self.flush()
        except StoreUnavailable:
            raise
        except BaseException:
            self._later.clear()
            self._changes.clear()
            self.remembered.clear()
            with told_as_unavailable():
                await savepoint.rollback()
            raise
        with told_as_unavailable():
            await savepoint.commit()


@cache
def _generation(table: FromClause) -> int:
    """How long a chain of references it stands at the end of."""
    parents = {key.column.table for key in table.foreign_keys} - {table}
    return 1 + max(map(_generation, parents), default=0)


@cache
def _insert(table: Table) -> Insert:
    """Made once, since making a statement costs more than running it; nothing is asked back."""
    return table.insert().inline()


class _InsertNew(Insert):
    """Both databases say it in the same words; a dialect's own statement is compiled for each use."""

    inherit_cache = True
    _post_values_clause = text("ON CONFLICT DO NOTHING")


@cache
def _insert_new(table: Table) -> Insert:
    return _InsertNew(table).inline()


@cache
def _returning(statement: Insert, columns: tuple[ColumnElement[Any], ...]) -> ReturningInsert[Any]:
    return statement.returning(*columns)
