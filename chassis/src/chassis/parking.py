"""The parked desk: what could not be handled, kept whole until a person decides."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from pydantic_core import to_json
from sqlalchemy import func, or_, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.events import Envelope, new_id
from chassis.store import Transaction
from chassis.store.tables import errands, inbox, parked

log = structlog.get_logger()

REPLAY_SOURCE = "parked"


class NotParked(Exception):
    """No such item is parked, or somebody has already decided about it."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is parked, where it came from and why."""

    origin: str
    body: bytes
    content_type: str
    reason: str
    attempts: int
    headers: Mapping[str, Any]
    envelope: Envelope | None = None


async def park(transaction: Transaction, trouble: Trouble) -> None:
    """Keep it; the same bytes from the same queue are kept once while undecided."""
    envelope = trouble.envelope
    row = {
        "id": new_id(),
        "origin": trouble.origin,
        "source": envelope.source if envelope else None,
        "event_id": envelope.id if envelope else None,
        "submission_id": envelope.subject if envelope else None,
        "form": _form_of(envelope) if envelope else None,
        "digest": hashlib.sha256(trouble.body).hexdigest(),
        "content_type": trouble.content_type,
        "headers": dict(trouble.headers),
        "body": trouble.body,
        "reason": trouble.reason.replace("\0", ""),
        "attempts": trouble.attempts,
        "parked_at": transaction.clock(),
        "state": "parked",
    }
    if await transaction.insert_new(parked, [row], [parked.c.id]):
        log.error("event.parked", queue=trouble.origin, parked_id=row["id"], reason=trouble.reason)


@dataclass(frozen=True, slots=True)
class ParkedErrand:
    """An errand that must wait for a person, or for what it needs; its payload names no person.

    The payload's `submission_id`, `form` and `caller` are what the desk shows of it.
    """

    kind: str
    key: str
    payload: Mapping[str, Any]
    reason: str


async def park_errand(transaction: Transaction, errand: ParkedErrand) -> str:
    """Put an errand on the desk that was never begun; returns its parked id.

    One that lies there already, or is being done once more just now, keeps the id that it has.
    """
    before = await _undecided(transaction, errand.key)
    if before is not None:
        return str(before.id)
    await _write_parked_errand(transaction, errand)
    row = errand_row(errand, digest=errand.key, attempts=0, now=transaction.clock())
    await transaction.execute(parked.insert().values(row))
    log.warning("errand.parked", kind=errand.kind, key=errand.key, reason=errand.reason)
    return str(row["id"])


def errand_row(errand: ParkedErrand, digest: str, attempts: int, now: datetime) -> dict[str, Any]:
    """What the desk keeps of an errand."""
    return {
        "id": new_id(),
        "origin": errand.kind,
        "source": ERRAND_SOURCE,
        "event_id": errand.key,
        "submission_id": errand.payload.get("submission_id"),
        "form": errand.payload.get("form"),
        "digest": digest,
        "content_type": "application/json",
        "headers": {name: errand.payload[name] for name in ("caller",) if name in errand.payload},
        "body": to_json(errand.payload),
        "reason": errand.reason,
        "attempts": attempts,
        "parked_at": now,
        "state": "parked",
    }


async def _undecided(transaction: Transaction, key: str) -> Row[Any] | None:
    same = (parked.c.source == ERRAND_SOURCE, parked.c.event_id == key)
    undecided = or_(parked.c.state == "parked", errands.c.state.in_(["due", "running"]))
    return await transaction.one(
        select(parked.c.id)
        .join(errands, errands.c.key == parked.c.event_id)
        .where(*same, undecided)
        .order_by(parked.c.parked_at.desc())
        .limit(1)
    )


async def _write_parked_errand(transaction: Transaction, errand: ParkedErrand) -> None:
    """The errand behind the item; one of that key that was done or dropped before is wanted again."""
    await transaction.send_on_errand(errand.kind, errand.key, errand.payload, state="parked")
    again = {"state": "parked", "payload": dict(errand.payload), "done_at": None}
    await transaction.execute(update(errands).where(errands.c.key == errand.key).values(**again))


async def replay(transaction: Transaction, parked_id: str, by: str) -> str:
    """Give it another chance, with the same event id; returns the queue it goes to.

    Raises:
        NotParked: it is not there, or somebody was first.
    """
    item = await _resolve(transaction, parked_id, "replayed", by, note=None)
    if item.source == ERRAND_SOURCE:
        await _errand_again(transaction, item)
    else:
        await _event_again(transaction, item)
    return str(item.origin)


async def drop(transaction: Transaction, parked_id: str, by: str, note: str) -> Row[Any]:
    """Settle it without handling; the row and its bytes stay. Returns what was dropped.

    Raises:
        NotParked: it is not there, or somebody was first.
    """
    return await _resolve(transaction, parked_id, "dropped", by, note)


async def listed(connection: AsyncConnection, state: str = "parked") -> Sequence[Row[Any]]:
    """What is on the desk, oldest first, without the bodies."""
    columns = [column for column in parked.c if column.name != "body"]
    query = select(*columns).where(parked.c.state == state).order_by(parked.c.parked_at)
    return (await connection.execute(query)).all()


async def shown(connection: AsyncConnection, parked_id: str) -> Row[Any]:
    """One item whole, with its bytes.

    Raises:
        NotParked: there is none.
    """
    row = (await connection.execute(select(parked).where(parked.c.id == parked_id))).first()
    if row is None:
        raise NotParked(parked_id)
    return row


async def counted(connection: AsyncConnection) -> list[dict[str, Any]]:
    """How many submissions wait on the desk, by queue and form; the form of the unreadable is empty."""
    form, thing = (
        func.coalesce(parked.c.form, ""),
        func.coalesce(parked.c.submission_id, parked.c.id),
    )
    query = (
        select(parked.c.origin, form.label("form"), func.count(func.distinct(thing)).label("count"))
        .where(parked.c.state == "parked")
        .group_by(parked.c.origin, form)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


ERRAND_SOURCE = "errand"


def _form_of(envelope: Envelope) -> str | None:
    """The form that is named, if what stands there can be a name at all."""
    form = envelope.data.get("form")
    return form.replace("\0", "") if isinstance(form, str) else None


async def _resolve(
    transaction: Transaction, parked_id: str, state: str, by: str, note: str | None
) -> Row[Any]:
    decision = (
        update(parked)
        .where(parked.c.id == parked_id, parked.c.state == "parked")
        .values(state=state, resolved_at=transaction.clock(), resolved_by=by, note=note)
        .returning(parked)
    )
    item = await transaction.one(decision)
    if item is None:
        raise NotParked(parked_id)
    log.info("parked.resolved", parked_id=parked_id, queue=item.origin, decision=state)
    return item


async def _event_again(transaction: Transaction, item: Row[Any]) -> None:
    key = {
        "queue": item.origin,
        "source": item.source or REPLAY_SOURCE,
        "event_id": item.event_id or item.id,
    }
    due = {"state": "due", "attempts": 0, "next_attempt_at": transaction.clock(), "body": item.body}
    fresh = await transaction.insert_new(
        inbox, [key | due | {"received_at": transaction.clock()}], [inbox.c.event_id]
    )
    if not fresh:
        await transaction.execute(
            update(inbox).where(*(inbox.c[name] == value for name, value in key.items())).values(**due)
        )
    transaction.spoken_to.add(item.origin)


async def _errand_again(transaction: Transaction, item: Row[Any]) -> None:
    again = {"state": "due", "attempts": 0, "due_at": transaction.clock()}
    await transaction.execute(update(errands).where(errands.c.key == item.event_id).values(**again))
    transaction.errand_kinds.add(item.origin)
