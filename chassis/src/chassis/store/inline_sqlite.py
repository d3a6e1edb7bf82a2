"""SQLite on the event loop's own thread: statements at once, what waits for the disk on a thread beside it.

A statement that an index answers takes SQLite some ten microseconds, and handing it to a thread and back
takes ten times that. Only beginning, which may wait for a lock held from outside, and committing, which
waits for the disk, are worth a thread. For the connection that writes; reads can be long, and stay on
threads of their own (docs/decisions/0018).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import await_only


class InlineSqlite(SQLiteDialect_pysqlite):
    """Python's own driver as an asynchronous dialect; its one connection belongs to one task."""

    driver = "inline"
    is_async = True
    supports_statement_cache = True

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._beside = ThreadPoolExecutor(1, "sqlite")

    def do_commit(self, dbapi_connection: Any) -> None:
        self.wait_for(dbapi_connection.commit)

    def do_close(self, dbapi_connection: Any) -> None:
        """After what the thread still does with it: SQLite dies of a connection that is closed meanwhile."""
        self.wait_for(dbapi_connection.close)

    def wait_for(self, work: Callable[[], Any]) -> None:
        """Let the event loop go on until the work has been done."""
        await_only(asyncio.get_running_loop().run_in_executor(self._beside, work))


def begin_immediate(connection: Connection) -> None:
    """Begin as the one that writes: what starts by reading cannot fail when it goes on to write."""
    driver: Any = connection.connection.dbapi_connection
    dialect: Any = connection.dialect
    dialect.wait_for(lambda: driver.execute("BEGIN IMMEDIATE").close())


registry.register("sqlite.inline", __name__, InlineSqlite.__name__)
