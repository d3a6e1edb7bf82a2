"""The four tables that every service has beside its own: inbox, outbox, parked, errands."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    bindparam,
)
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.types import TypeEngine

T = TypeVar("T")

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC on every database; SQLite itself knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_SQLITE if dialect.name == "sqlite" else self.impl_instance)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else _in_utc(value)


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _SqliteMoment(DATETIME):
    """The same text as SQLAlchemy's own type writes, in a third of the time: an event has eight of them."""

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:
        del dialect
        return _as_text


def _as_text(value: datetime | None) -> str | None:
    return None if value is None else value.replace(tzinfo=None).isoformat(" ", "microseconds")


_SQLITE: TypeEngine[Any] = _SqliteMoment()  # type: ignore[no-untyped-call]

RowNumber = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column of type INTEGER."""

inbox = Table(
    "inbox",
    metadata,
    Column("queue", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("event_id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Moment),
    Column("body", LargeBinary),
    Column("last_error", Text),
    Column("received_at", Moment, nullable=False),
)
"""One row per event taken, kept for good: the key is what makes a second delivery harmless.

`state` is done, due (to be tried at `next_attempt_at`) or parked; only a due row keeps its body.
"""
Index(
    "inbox_due",
    inbox.c.queue,
    inbox.c.next_attempt_at,
    sqlite_where=inbox.c.state == "due",
    postgresql_where=inbox.c.state == "due",
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("queue", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("form", String),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("published_at", Moment),
    sqlite_autoincrement=True,
)
"""One row per event and listener: marked published only when that listener's queue has confirmed it."""
Index(
    "outbox_pending",
    outbox.c.queue,
    outbox.c.id,
    sqlite_where=outbox.c.published_at.is_(None),
    postgresql_where=outbox.c.published_at.is_(None),
)
Index(
    "outbox_published",
    outbox.c.published_at,
    sqlite_where=outbox.c.published_at.is_not(None),
    postgresql_where=outbox.c.published_at.is_not(None),
)

parked = Table(
    "parked",
    metadata,
    Column("id", String, primary_key=True),
    Column("origin", String, nullable=False),
    Column("source", String),
    Column("event_id", String),
    Column("submission_id", String),
    Column("form", String),
    Column("digest", String, nullable=False),
    Column("content_type", String, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("parked_at", Moment, nullable=False),
    Column("state", String, nullable=False),
    Column("resolved_at", Moment),
    Column("resolved_by", String),
    Column("note", Text),
)
"""What could not be handled, whole and for ever; `state` is parked, replayed or dropped."""
Index(
    "parked_once",
    parked.c.origin,
    parked.c.digest,
    unique=True,
    sqlite_where=parked.c.state == "parked",
    postgresql_where=parked.c.state == "parked",
)

errands = Table(
    "errands",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Column("payload", JSON, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("token", Integer, nullable=False),
    Column("last_error", Text),
    Column("traceparent", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    sqlite_autoincrement=True,
)
"""What a rollback cannot undo: a row first, the deed afterwards.

`state` is due, running, done or parked. A running errand whose `due_at` has passed was let go by a
worker that died; `token` rises with every lease, so that a late worker's result is refused.
"""
Index(
    "errands_due",
    errands.c.kind,
    errands.c.due_at,
    sqlite_where=errands.c.state.in_(["due", "running"]),
    postgresql_where=errands.c.state.in_(["due", "running"]),
)


def as_written(states: str | Sequence[str]) -> BindParameter[Any]:
    """States that stand in the statement: SQLite must see them to know that a partial index answers."""
    several = not isinstance(states, str)
    return bindparam("states", states, expanding=several, literal_execute=True)


def padded(values: Iterable[T]) -> list[T]:
    """For a parameter that expands: as many as a power of two, the last one repeated.

    Each number of them is a statement of its own, which the database prepares and the driver keeps.
    """
    several = list(values)
    return several + several[-1:] * ((1 << (len(several) - 1).bit_length()) - len(several))


UNDONE = errands.c.state.in_(as_written(("due", "running")))
"""What the index `errands_due` holds."""
