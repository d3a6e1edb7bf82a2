"""How the two databases are opened so that a commit is durable and nobody reads the uncommitted."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic_core import from_json, to_json
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool

from chassis.store.beside_sqlite import BesideSqlite, Reading, begin
from chassis.store.inline_sqlite import begin_immediate
from chassis.store.trouble import StoreLocked

BUSY_TIMEOUT_S = 5
"""How long SQLite waits for a lock held from outside, such as a backup, before the caller is told."""

READERS = 4
POSTGRESQL_CONNECTIONS = 12
"""Four writers, the relay's and the errands' duties, and some to read with."""


def sqlite_engines(path: Path) -> tuple[AsyncEngine, AsyncEngine]:
    """An engine with the one connection that writes, and one whose connections can only read.

    WAL with `synchronous=FULL`: a commit that was answered survives loss of power.
    """
    writing = create_async_engine(
        URL.create("sqlite+inline", database=str(path)),
        poolclass=StaticPool,
        connect_args={"timeout": BUSY_TIMEOUT_S},
        **_ALWAYS,
    )
    reading = create_async_engine(
        URL.create("sqlite+beside", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"}),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=READERS,
        max_overflow=0,
        connect_args={"timeout": BUSY_TIMEOUT_S, "factory": Reading, "check_same_thread": False},
        **_ALWAYS,
    )
    event.listen(writing.sync_engine, "connect", _make_durable)
    event.listen(writing.sync_engine, "begin", begin_immediate)
    event.listen(reading.sync_engine, "connect", _leave_transactions_to_us)
    event.listen(reading.sync_engine, "begin", begin)
    return writing, reading


def postgresql_engine(url: URL) -> AsyncEngine:
    """`pool_pre_ping` is off: a lost connection fails one group of writes, which is tried again."""
    return create_async_engine(
        _named_as_asyncpg_does(url).set(drivername="postgresql+asyncpg"),
        pool_size=POSTGRESQL_CONNECTIONS,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT_S,
        connect_args={"timeout": BUSY_TIMEOUT_S, "command_timeout": 60},
        **_ALWAYS,
    )


def _named_as_asyncpg_does(url: URL) -> URL:
    """`sslmode`, as whoever speaks with PostgreSQL writes it, is asyncpg's `ssl`, with the same values."""
    asked = dict(url.query)
    if "sslmode" in asked:
        asked["ssl"] = asked.pop("sslmode")
    return url.set(query=asked)


def _dump(content: Any) -> str:
    return to_json(content).decode()


_ALWAYS: dict[str, Any] = {
    "json_serializer": _dump,
    "json_deserializer": from_json,
    "hide_parameters": True,
}
"""Parameters hold what people wrote, and an error's text would show them."""


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    """Python's driver begins transactions as it likes; `begin` below says how."""
    connection.isolation_level = None


def _make_durable(connection: Any, record: Any) -> None:
    _leave_transactions_to_us(connection, record)
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def let_go(reading: AsyncEngine) -> None:
    """Close the connections that read, and wait until they are."""
    await reading.dispose()
    if isinstance(reading.dialect, BesideSqlite):
        await reading.dialect.until_closed()


@contextmanager
def process_lock(database: Path) -> Iterator[None]:
    """Keep every other process away from a SQLite file while this one has it open.

    SQLite 3.7.0 to 3.51.2 can damage a WAL database that two connections write or checkpoint
    at once (docs/decisions/0006); the system lets go of the lock however this process ends.

    Raises:
        StoreLocked: another process has it.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(database.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreLocked(f"{database} is open in another process; only one may have it open") from None
        yield
