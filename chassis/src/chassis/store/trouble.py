"""What can go wrong between a service and its database.

StoreTrouble
├── StoreUnavailable   not yet: nothing was stored, the same work may be tried again
│   ├── Unreachable    not even begun: the work itself cannot be the reason
│   └── Conflict       two waited for each other: the same work may be tried at once
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


class Conflict(StoreUnavailable):
    """PostgreSQL ended the transaction so that another, which waited for it, could go on."""


class StoreLocked(StoreTrouble):
    """Another process has this SQLite file open; two writers could damage it."""


PASSING_STATES = ("08", "25006", "40", "53", "55P03", "57", "58")
"""How PostgreSQL's codes begin for what time may heal: connection lost, standby, deadlock or conflict,
no room, lock not to be had, shut down or cancelled, system error."""

CONFLICTS = ("40001", "40P01")
"""Serialization failure and deadlock: nothing was stored, for certain."""

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
        if _state(error).startswith(CONFLICTS):
            raise Conflict(type(error).__name__) from error
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
    return _state(error).startswith(PASSING_STATES)


def _state(error: BaseException | None) -> str:
    """PostgreSQL's code for it, also inside what SQLAlchemy makes of it; empty when it has none."""
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")
