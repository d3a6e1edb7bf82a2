"""What waits in a service's tables, counted for Prometheus beside the work and never within it.

Each count is answered by one of the partial indexes that hold only what waits, so that what was done
before costs nothing. Ages grow between two looks, also while the database is away.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import bindparam, func, select
from sqlalchemy.engine import Row

from chassis.store import Store, StoreUnavailable
from chassis.store.tables import UNDONE, as_written, errands, inbox, outbox, parked

log = structlog.get_logger()

LOOK_EVERY_S = 15.0
"""As often as Prometheus mostly asks."""

LOOK_TIMEOUT_S = 10.0
"""A million rows that wait are counted in a fifth of a second; a database that takes longer is away."""


_FIRST_PENDING = (
    select(outbox.c.queue, func.count().label("count"), func.min(outbox.c.id).label("first"))
    .where(outbox.c.published_at.is_(None), outbox.c.queue.in_(bindparam("queues", expanding=True)))
    .group_by(outbox.c.queue)
    .subquery()
)
_PENDING = select(_FIRST_PENDING.c.queue, _FIRST_PENDING.c.count, outbox.c.created_at).join(
    outbox, outbox.c.id == _FIRST_PENDING.c.first
)
"""The oldest is the one that was said first: its moment alone is read from the table.

The queues are named, or SQLite would take the index of what was published and read every row that waits.
"""

_ERRANDS = (
    select(errands.c.kind, func.count(), func.min(errands.c.due_at)).where(UNDONE).group_by(errands.c.kind)
)
_DUE = select(inbox.c.queue, func.count()).where(inbox.c.state == as_written("due")).group_by(inbox.c.queue)
_DESK = (
    select(parked.c.origin, func.count())
    .where(parked.c.state == as_written("parked"))
    .group_by(parked.c.origin)
)


@dataclass(frozen=True, slots=True)
class Names:
    """The queues and kinds of errand that a service has: each is shown also when nothing waits there."""

    read: Sequence[str]
    said_to: Sequence[str]
    errands: Sequence[str]


class Waiting:
    """The duty of counting what waits, and of noticing whether the database answers at all."""

    def __init__(self, store: Store, names: Names, registry: CollectorRegistry) -> None:
        self._store = store
        self._names = names
        self._registry = registry
        self._store_up = Gauge(
            "kansli_store_up", "1 when the database answered at the last look", registry=registry
        )
        self._pending = self._gauge("kansli_outbox_pending", "Events that their listener does not have yet")
        self._oldest = self._gauge(
            "kansli_outbox_oldest_age_seconds", "Age of the event that waits longest for its listener"
        )
        self._due = self._gauge("kansli_inbox_due", "Events that wait to be tried again")
        self._errands = self._gauge("kansli_errands_waiting", "Errands that are not done yet")
        self._overdue = self._gauge(
            "kansli_errands_overdue_seconds", "How long ago the errand that waits longest was to be done"
        )
        self._desk = self._gauge("kansli_desk_items", "What is parked and waits for a person's decision")

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(name, about, ["queue"], registry=self._registry)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Count; while the database is away the last counts stand, and their ages grow."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                await self._count()
        except (StoreUnavailable, TimeoutError) as away:
            self._store_up.set(0)
            log.warning("store.unavailable", duty="waiting", reason=str(away) or type(away).__name__)
        else:
            self._store_up.set(1)

    async def _count(self) -> None:
        names = self._names
        async with self._store.read() as connection:
            pending = (await connection.execute(_PENDING, {"queues": names.said_to})).all()
            due, at_errands, desk = [
                (await connection.execute(query)).all() for query in (_DUE, _ERRANDS, _DESK)
            ]
        _show(self._pending, names.said_to, pending)
        self._show_ages(self._oldest, names.said_to, pending)
        _show(self._due, names.read, due)
        _show(self._errands, names.errands, at_errands)
        self._show_ages(self._overdue, names.errands, at_errands)
        _show(self._desk, [*names.read, *names.errands], desk)

    def _show_ages(self, gauge: Gauge, names: Iterable[str], rows: Sequence[Row[Any]]) -> None:
        _show(gauge, names, ())
        for name, _count, since in rows:
            gauge.labels(name).set_function(partial(self._seconds_since, since))

    def _seconds_since(self, moment: datetime) -> float:
        return max(0.0, (self._store.clock() - moment).total_seconds())


def _show(gauge: Gauge, names: Iterable[str], rows: Sequence[Row[Any]]) -> None:
    """Show nought where nothing waits, as an alert on a figure that is not there would never go off."""
    gauge.clear()
    for name in names:
        gauge.labels(name).set(0)
    for row in rows:
        gauge.labels(row[0]).set(row[1])
