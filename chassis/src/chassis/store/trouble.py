"""What can go wrong between a service and its database.

StoreTrouble
├── StoreUnavailable   not yet: nothing was stored, the same work may be tried again
│   └── Unreachable    not even begun: the work itself cannot be the reason
└── StoreLocked        never: another process owns the database
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class StoreTrouble(Exception):
    """The database did not do what was asked."""


class StoreUnavailable(StoreTrouble):
    """The database cannot be reached, is locked, or has no room; nothing was stored."""


class Unreachable(StoreUnavailable):
    """No transaction could be begun."""


class StoreLocked(StoreTrouble):
    """Another process has this SQLite file open; two writers could damage it."""


PASSING_STATES = ("08", "25006", "40", "53", "55P03", "57", "58")
"""How PostgreSQL's codes begin for what time may heal: connection lost, standby, deadlock or conflict,
no room, lock not to be had, shut down or cancelled, system error."""

PASSING_CODES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}
"""SQLite's for the same; a plain SQLITE_ERROR is wrong SQL, which time does not heal."""

PRIMARY_CODE = 0xFF
"""SQLite's extended codes carry the primary one in the lowest byte."""


@contextmanager
def told_as_unavailable() -> Iterator[None]:
    """Let the database's passing troubles inside be `StoreUnavailable`; wrong SQL stays what it is."""
    try:
        yield
    except Exception as error:
        if is_passing(error):
            raise StoreUnavailable(type(error).__name__) from error
        raise


def is_passing(error: Exception) -> bool:
    """Whether the same statement may succeed later, after an error of the database or on the way to it."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _has_passing_code(error.orig)
    return isinstance(error, PoolTimeoutError | OSError | TimeoutError) or _has_passing_code(error)


def _has_passing_code(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & PRIMARY_CODE in PASSING_CODES
    return str(getattr(error, "sqlstate", None)).startswith(PASSING_STATES)
