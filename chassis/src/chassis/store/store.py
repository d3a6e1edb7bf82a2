"""The store: reads that see only what is committed, and writes that share commits.

On SQLite one task owns the only writing connection; on PostgreSQL a few tasks own one each.
Whatever waits to be written goes into the next transaction together (group commit):
it costs nothing when the house is calm, and is the fastest durable way when it is busy.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import copy_context
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.clock import Clock, system_clock
from chassis.store import engines
from chassis.store.transaction import Transaction
from chassis.store.trouble import StoreUnavailable, told_as_unavailable
from chassis.store.writer import Alone, Among, Unit, WorkForMany, Writer

log = structlog.get_logger()
Item = TypeVar("Item")
T = TypeVar("T")

CLOSING_TIMEOUT_S = 20.0
"""A last group of writes takes well under a second; a disk that hangs must not hang the stop for ever."""

LETTING_GO_TIMEOUT_S = 10.0
"""What was given up may still be on its way to the disk; after that the process ends without letting go."""

POSTGRESQL_WRITERS = 4
"""More than one, so that a lock for one person does not make all wait; few, so that groups form."""


class Store:
    """A service's database: `write` work in a transaction, `read` beside it."""

    def __init__(
        self,
        url: URL,
        service: str,
        reading: AsyncEngine,
        writing: AsyncEngine,
        writers: int,
        clock: Clock,
    ) -> None:
        self.url = url
        self.service = service
        self.source = f"/kansli/{service}"
        self.clock = clock
        self._reading = reading
        self._writing = writing
        self._waiting: asyncio.Queue[Unit[Any]] = asyncio.Queue()
        self._writers = [
            Writer(writing, self._waiting, self._transaction, self._committed) for _ in range(writers)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._listeners: list[Callable[[set[str], set[str]], None]] = []
        self._stack = contextlib.ExitStack()
        self._closed = False

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    async def open(self) -> None:
        """Take the database into use; it must have been migrated.

        Raises:
            StoreLocked: another process has the SQLite file open.
        """
        if self.is_sqlite:
            self._stack.enter_context(engines.process_lock(Path(str(self.url.database))))
        self._tasks = [
            asyncio.create_task(writer.run(), name=f"{self.service} writer") for writer in self._writers
        ]

    async def close(self) -> None:
        """Finish what waits to be written, then let go; what comes later is told that it came too late."""
        self._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_TIMEOUT_S):
                await self._waiting.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while not self._waiting.empty():
            self._waiting.get_nowait().fail(StoreUnavailable("the store is closed"))
        for letting_go in (engines.let_go(self._reading), self._writing.dispose()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(letting_go, LETTING_GO_TIMEOUT_S)
        self._stack.close()

    async def write(
        self,
        work: Callable[[Transaction], Awaitable[T]],
        locks: Iterable[str] = (),
        *,
        sees_only_locked: bool = False,
    ) -> T:
        """Do the work in a transaction that may be shared with others; returns when it is on disk.

        Work that holds the same lock is done one after the other, whichever process does it. Work that reads
        only what its locks cover says so: then what others have left for later can wait for the whole group.
        What the work raises undoes its own changes only. The work may be run more than once.

        Raises:
            StoreUnavailable: nothing was stored, or it cannot be known that it was.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        return await self._written(Alone(frozenset(locks), done, work, sees_only_locked, copy_context()))

    async def write_among(self, work: WorkForMany[Item, T], item: Item, locks: Iterable[str] = ()) -> T:
        """The same for work that costs less for many: it is given the items of all who wait for it now.

        It reads only what the locks of its items cover, and sees to it itself that an item sees what it left
        for later for another with the same lock. It knows no one's context, so an item tells what it needs.

        Raises:
            StoreUnavailable: nothing was stored, or it cannot be known that it was.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        return await self._written(Among(frozenset(locks), done, work, item))

    async def _written(self, unit: Unit[T]) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        self._waiting.put_nowait(unit)
        return await unit.done

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that only reads, and sees only what is committed.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        with told_as_unavailable():
            async with self._reading.connect() as connection:
                yield connection

    async def ping(self) -> None:
        """Raises `StoreUnavailable` when the database does not answer."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    def on_commit(self, listener: Callable[[set[str], set[str]], None]) -> None:
        """Be told after each commit which queues were spoken to and which kinds of errand were given."""
        self._listeners.append(listener)

    async def migrate(self, *histories: Path) -> None:
        """Bring the tables of the chassis and of the service up to date; does nothing when they are.

        Alembic is loaded here and where it is asked whether they are: who runs has no use for it.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        with told_as_unavailable():
            await self._upgrade(histories)

    async def _upgrade(self, histories: Iterable[Path]) -> None:
        from chassis.store.migrations import upgrade  # noqa: PLC0415

        async with self._writing.begin() as connection:
            if not self.is_sqlite:
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(hashtextextended('kansli migrate', 0))")
                )
            await connection.run_sync(upgrade, histories)

    async def is_migrated(self, *histories: Path) -> bool:
        """Look at the tables by a connection that only reads, also while another process has the file open.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        from chassis.store.migrations import needs_upgrade  # noqa: PLC0415

        if self.is_sqlite and not await asyncio.to_thread(Path(str(self.url.database)).exists):
            return False
        async with self.read() as connection:
            return not await connection.run_sync(needs_upgrade, histories)

    @asynccontextmanager
    async def leadership(self, duty: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Wait until this process alone has the duty; yields a check that raises when it was lost.

        A SQLite file has one process anyway. On PostgreSQL a session's advisory lock decides,
        so that another replica takes over at once when this one dies. The session ends with the duty:
        back in the pool it would go on holding the lock.
        """
        if self.is_sqlite:
            yield _undisputed
            return
        async with self._writing.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            try:
                await _acquire(connection, f"{self.service} {duty}")
                yield lambda: _still_connected(connection)
            finally:
                await connection.invalidate()

    def _transaction(self, connection: AsyncConnection) -> Transaction:
        return Transaction(connection, self.source, self.clock)

    def _committed(self, transaction: Transaction) -> None:
        for listener in self._listeners:
            listener(transaction.spoken_to, transaction.errand_kinds)


async def _undisputed() -> None:
    """On SQLite nobody can take a duty away."""


async def _acquire(connection: AsyncConnection, name: str) -> None:
    while not await connection.scalar(
        text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), {"name": name}
    ):
        await asyncio.sleep(LEADERSHIP_POLL_S)


async def _still_connected(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT 1"))


LEADERSHIP_POLL_S = 1.0
"""How long a duty lies idle at most after its holder died."""


def open_store(url: str, service: str, clock: Clock = system_clock) -> Store:
    """The store at `sqlite:///path` or `postgresql://…`; nothing is opened yet."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        writing, reading = engines.sqlite_engines(Path(str(address.database)))
        return Store(address, service, reading, writing, 1, clock)
    engine = engines.postgresql_engine(address)
    return Store(address, service, engine, engine, POSTGRESQL_WRITERS, clock)
