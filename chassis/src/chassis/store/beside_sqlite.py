"""SQLite read beside the event loop: one passage to a thread and back for each statement, rows and all.

A thread for each connection, since a read may take long (docs/decisions/0018). Beginning, ending and handing
out rows take SQLite a microsecond or none, and are done where they are asked for.
"""

import asyncio
import sqlite3
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import await_only


class Reading(sqlite3.Connection):
    """A connection and the thread in which its statements are done, one after the other."""

    def __init__(self, *told: Any, **settings: Any) -> None:
        super().__init__(*told, **settings)
        self.beside = ThreadPoolExecutor(1, "sqlite reading")

    def cursor(self, _factory: Any = None) -> Any:
        return super().cursor(Whole)


class Whole(sqlite3.Cursor):
    """A cursor that has all its rows as soon as its statement has been done."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.rows: deque[Any] = deque()

    async def _async_soft_close(self) -> None:
        """SQLAlchemy asks it of a driver that is asynchronous; there is nothing left to wait for."""

    def read(self, statement: str, parameters: Any) -> None:
        self.execute(statement, parameters)
        self.rows = deque(super().fetchall())

    def fetchone(self) -> Any:
        return self.rows.popleft() if self.rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return [self.rows.popleft() for _ in range(min(size or self.arraysize, len(self.rows)))]

    def fetchall(self) -> list[Any]:
        return self.fetchmany(len(self.rows))


class BesideSqlite(SQLiteDialect_pysqlite):
    """Python's own driver as an asynchronous dialect, for connections that only read."""

    driver = "beside"
    is_async = True
    supports_statement_cache = True

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        del context
        reading = asyncio.get_running_loop().run_in_executor(
            cursor.connection.beside, cursor.read, statement, parameters
        )
        await_only(reading)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._closing: set[Future[None]] = set()

    def do_close(self, dbapi_connection: Any) -> None:
        """After what the thread is still at: whoever was cancelled does not wait for it."""
        closing = dbapi_connection.beside.submit(dbapi_connection.close)
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        dbapi_connection.beside.shutdown(wait=False)

    async def until_closed(self) -> None:
        """The last connection to a file takes its log along; so the one that writes has to be the last."""
        await asyncio.gather(*map(asyncio.wrap_future, list(self._closing)), return_exceptions=True)

    def do_terminate(self, dbapi_connection: Any) -> None:
        self.do_close(dbapi_connection)


def begin(connection: Connection) -> None:
    """What the first statement sees, the next ones see too."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute("BEGIN").close()


registry.register("sqlite.beside", __name__, BesideSqlite.__name__)
