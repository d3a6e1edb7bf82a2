"""What can go wrong between a service and its database.

StoreTrouble
├── StoreUnavailable   not yet: nothing was stored, the same work may be tried again
└── StoreLocked        never: another process owns the database
"""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class StoreTrouble(Exception):
    """The database did not do what was asked."""


class StoreUnavailable(StoreTrouble):
    """The database cannot be reached, is locked, or has no room; nothing was stored."""


class StoreLocked(StoreTrouble):
    """Another process has this SQLite file open; two writers could damage it."""


DEADLOCK_OR_CONFLICT = ("40001", "40P01", "55P03")
"""PostgreSQL's codes for a transaction that may succeed when it is tried again."""


def kills_transaction(error: BaseException) -> bool:
    """Whether an error ends the whole transaction and not just the statement that met it."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError | OSError | TimeoutError):
        return True
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or getattr(error.orig, "sqlstate", None) in DEADLOCK_OR_CONFLICT
    )
