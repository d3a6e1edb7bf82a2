"""Errands: what a rollback cannot undo, such as a letter sent.

A row is written in the transaction that wants it; a worker does it afterwards with a lease and a
fencing token; what came of it is concluded in a second transaction, which a late worker is refused.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Boolean, Update, bindparam, func, select, update
from sqlalchemy.engine import Row

from chassis.crash_points import crash_point
from chassis.metrics import Metrics
from chassis.outcomes import Answer, Failed, Reject, TryLater, events_of
from chassis.parking import ParkedErrand, errand_row
from chassis.retry import Backoff, RetrySchedule
from chassis.stopping import Abandoned, being_cancelled, finishing, until_due
from chassis.store import Store, StoreUnavailable, Transaction
from chassis.store.tables import UNDONE, errands, parked
from chassis.trace import following

log = structlog.get_logger()

IDLE_POLL_S = 2.0
AFTER_STORE_TROUBLE = timedelta(seconds=IDLE_POLL_S)


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done; `begun_before` says that an earlier worker may have done it and died."""

    kind: str
    key: str
    payload: Mapping[str, Any]
    attempts: int
    begun_before: bool


Conclude = Callable[[Transaction], Awaitable[Answer]]
"""Stores what came of an errand, and answers with the events to say."""

Show = Callable[[str], Awaitable[str]]
"""What a person at the desk may see of what the errand with that key is about."""

LetFall = Callable[[Transaction, str], Awaitable[None]]
"""Stores that the errand with that key will not be done."""

GivenUp = Callable[[Transaction, Errand], Awaitable[None]]
"""Stores that an errand was parked, in the transaction that parks it."""


Ready = Callable[[], Awaitable[None]]
"""Returns when errands of the kind can be done at all: none is begun before, and none loses an attempt."""


async def _always_ready() -> None: ...


async def _nothing_to_store(_tx: Transaction, _errand: Errand) -> None: ...


@dataclass(frozen=True)
class ErrandKind:
    """A kind of errand and who does it.

    `perform` may raise `TryLater` (put off), `Reject` (park) or anything else (tried again, then parked).
    `lease` must outlast the longest performance: after it, another worker may begin the same errand.
    `show` is for a kind whose payload only names what it is about; `let_fall` for one whose end is told
    to others, and is done in the transaction in which a person drops it.
    """

    name: str
    perform: Callable[[Errand], Awaitable[Conclude]]
    lease: timedelta
    at_once: int = 1
    given_up: GivenUp = _nothing_to_store
    show: Show | None = None
    let_fall: LetFall | None = None
    ready: Ready = _always_ready


class LostLease(Exception):
    """Another worker has taken over the errand; this result came too late."""


_OLDEST_DUE = (
    select(errands.c.id, errands.c.state)
    .where(
        errands.c.kind == bindparam("its_kind"),
        UNDONE,
        errands.c.due_at <= bindparam("now"),
    )
    .order_by(errands.c.due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_LEASE = (
    update(errands)
    .where(errands.c.id == bindparam("its_id"))
    .values(
        state="running",
        attempts=errands.c.attempts + 1,
        token=errands.c.token + 1,
        due_at=bindparam("until"),
    )
    .returning(errands, bindparam("begun_before", type_=Boolean).label("begun_before"))
)
_MINE = update(errands).where(
    errands.c.id == bindparam("its_id"),
    errands.c.token == bindparam("its_token"),
    errands.c.state == "running",
)
_DONE = _MINE.values(state="done", done_at=bindparam("now"))


class ErrandWorker:
    def __init__(
        self,
        service: str,
        kind: ErrandKind,
        store: Store,
        metrics: Metrics,
        schedule: RetrySchedule | None = None,
    ) -> None:
        self._service = service
        self._kind = kind
        self._store = store
        self._metrics = metrics
        self._schedule = schedule or RetrySchedule()
        self._due = asyncio.Event()
        store.on_commit(self._wake)

    async def run(self) -> None:
        """Do errands until cancelled, a few at once."""
        if self._store.is_sqlite:
            await self._store.write(self._let_go)
        async with asyncio.TaskGroup() as hands:
            for number in range(self._kind.at_once):
                hands.create_task(self._work(), name=f"{self._service} {self._kind.name} {number}")

    async def do_one(self) -> bool:
        """Do the errand that has been due longest; tells whether there was one."""
        row = await self._store.write(self._lease, sees_only_locked=True)
        if row is None:
            return False
        with following(row.traceparent, errand=row.key):
            try:
                await self._do(row)
            except LostLease:
                log.warning("errand.overtaken", kind=self._kind.name, key=row.key)
        return True

    async def _do(self, row: Row[Any]) -> None:
        if row.attempts > len(self._schedule.delays) + 1:
            await self._park(row, "no attempt came to an end")
            return
        try:
            with self._metrics.processing.labels(self._kind.name).time():
                conclude = await self._kind.perform(_errand(row))
        except TryLater as later:
            await self._put_off(row, self._schedule.spread(later.delay), str(later), row.attempts - 1)
        except StoreUnavailable as unavailable:
            await self._put_off(row, AFTER_STORE_TROUBLE, str(unavailable), row.attempts - 1)
        except Reject as reject:
            await self._park(row, str(reject))
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            await self._fail(row, Abandoned())
        except Exception as error:
            await self._fail(row, error)
        else:
            crash_point(f"{self._service}.after_effect")
            await self._settle(row, conclude)

    async def _settle(self, row: Row[Any], conclude: Conclude) -> None:
        """Store what came of it; if that cannot be done it is parked, since doing it again does it twice."""
        try:
            await self._write(lambda tx: self._conclude(tx, row, conclude))
        except LostLease:
            raise
        except Exception as error:
            await self._park(row, f"done, but not concluded: {type(error).__name__}")
        else:
            self._metrics.processed.labels(self._kind.name, "handled").inc()
            age = self._store.clock() - row.created_at
            self._metrics.age.labels(self._kind.name).observe(age.total_seconds())

    async def _write(self, work: Callable[[Transaction], Awaitable[None]]) -> None:
        """However long the database is away: the token sees to it that it is not too late."""
        backoff = Backoff()
        while True:
            try:
                return await self._store.write(work)
            except StoreUnavailable as error:
                log.warning("store.unavailable", errand=self._kind.name, reason=str(error))
                await asyncio.sleep(backoff.pause())

    async def _work(self) -> None:
        while True:
            try:
                await until_due(self._due, lambda: finishing(self._seconds_left()), IDLE_POLL_S)
                await self._kind.ready()
                while await finishing(self.do_one()):
                    await self._kind.ready()
            except StoreUnavailable as error:
                log.warning("store.unavailable", errand=self._kind.name, reason=str(error))
                await asyncio.sleep(IDLE_POLL_S)

    def _wake(self, _queues: set[str], kinds: set[str]) -> None:
        if self._kind.name in kinds:
            self._due.set()

    async def _let_go(self, tx: Transaction) -> None:
        """Nobody else has the file open: what is still running was begun by a process that died."""
        running = (errands.c.kind == self._kind.name, errands.c.state == "running")
        await tx.execute(update(errands).where(*running).values(due_at=tx.clock()))

    async def _lease(self, tx: Transaction) -> Row[Any] | None:
        """Take the errand that has been due longest, or one whose worker let its lease run out."""
        now = tx.clock()
        found = await tx.one(_OLDEST_DUE, {"its_kind": self._kind.name, "now": now})
        if found is None:
            return None
        leased = {
            "its_id": found.id,
            "until": now + self._kind.lease,
            "begun_before": found.state == "running",
        }
        return await tx.one(_LEASE, leased)

    async def _conclude(self, tx: Transaction, row: Row[Any], conclude: Conclude) -> None:
        await self._change(tx, row, _DONE, now=tx.clock())
        await tx.say(*events_of(await conclude(tx)))

    async def _set(self, tx: Transaction, row: Row[Any], **values: Any) -> None:
        await self._change(tx, row, _MINE.values(**values))

    async def _change(self, tx: Transaction, row: Row[Any], change: Update, **told: Any) -> None:
        """Change the errand, if the lease is still ours."""
        mine = {"its_id": row.id, "its_token": row.token}
        if not (await tx.execute(change, {**mine, **told})).rowcount:
            raise LostLease(row.key)

    async def _put_off(self, row: Row[Any], delay: timedelta, reason: str, attempts: int) -> None:
        async def work(tx: Transaction) -> None:
            due_at: datetime = tx.clock() + delay
            await self._set(tx, row, state="due", due_at=due_at, last_error=reason, attempts=attempts)
            tx.errand_kinds.add(self._kind.name)

        await self._write(work)
        self._metrics.processed.labels(self._kind.name, "due").inc()
        self._metrics.retries.labels(self._kind.name).inc()

    async def _fail(self, row: Row[Any], error: Exception) -> None:
        reason = str(error) if isinstance(error, Failed) else type(error).__name__
        log.warning("errand.failed", kind=self._kind.name, attempts=row.attempts, error=reason)
        delay = self._schedule.after(row.attempts)
        if delay is None:
            await self._park(row, reason)
        else:
            await self._put_off(row, delay, reason, row.attempts)

    async def _park(self, row: Row[Any], reason: str) -> None:
        async def work(tx: Transaction) -> None:
            await self._set(tx, row, state="parked", last_error=reason)
            errand = ParkedErrand(row.kind, row.key, row.payload, reason)
            kept = errand_row(errand, f"{row.key} {row.token}", row.attempts, tx.clock())
            await tx.insert_once(parked, kept)
            await self._kind.given_up(tx, _errand(row))

        await self._write(work)
        self._metrics.processed.labels(self._kind.name, "parked").inc()
        self._metrics.parked.labels(self._kind.name).inc()
        log.error("errand.parked", kind=self._kind.name, key=row.key, reason=reason)

    async def _seconds_left(self) -> float:
        """How long the next errand has to wait; for ever if there is none.

        Looking for it only reads, so that a house at rest writes nothing.
        """
        async with self._store.read() as connection:
            first = await connection.scalar(_FIRST_DUE, {"its_kind": self._kind.name})
        return math.inf if first is None else (first - self._store.clock()).total_seconds()


_FIRST_DUE = select(func.min(errands.c.due_at)).where(errands.c.kind == bindparam("its_kind"), UNDONE)


def _errand(row: Row[Any]) -> Errand:
    return Errand(row.kind, row.key, row.payload, row.attempts, row.begun_before)
