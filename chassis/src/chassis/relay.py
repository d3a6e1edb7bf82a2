"""The relay: brings what the outbox holds to its listeners, and marks it when they have it.

A lane for each listener's queue, so that one that is stuck holds back no other. What waits for the
same queue travels together. Publishing is outside any transaction; a message that was confirmed but
not yet marked goes out again after a crash, and the listener's inbox knows it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.engine import Row

from chassis.bus import Bus, BusTrouble, Message, Unconfirmed
from chassis.crash_points import crash_point
from chassis.events import fitting, pack
from chassis.metrics import Metrics
from chassis.retry import Backoff
from chassis.stopping import being_cancelled, until_set
from chassis.store import Store, StoreUnavailable, Transaction
from chassis.store.tables import Moment, outbox, padded

log = structlog.get_logger()

EVENTS_PER_MESSAGE = 100
"""Where the cost of a message is spread so thin that larger ones gain little."""

MESSAGES_IN_FLIGHT = 5
"""Confirms are awaited together; more would only grow what is said twice after a crash."""

PACE_S = 0.01
"""Between messages that are not full: the first goes at once, and what comes meanwhile goes together."""

POLL_S = 1.0
"""How soon the relay sees what another replica has put in the outbox."""


class Relay:
    def __init__(self, service: str, store: Store, bus: Bus, metrics: Metrics) -> None:
        self._service = service
        self._store = store
        self._bus = bus
        self._metrics = metrics
        self._lanes: dict[str, Lane] = {}
        self._spoken = asyncio.Event()
        store.on_commit(self._wake)

    async def run(self) -> None:
        """Relay until cancelled, as the only one of this service's replicas.

        A task group that is ending already swallows a cancellation (Python before 3.13), so it is asked for.
        """
        while not being_cancelled():
            try:
                async with self._store.leadership("relay") as check, asyncio.TaskGroup() as lanes:
                    await self._keep_lanes(lanes, check)
            except* (StoreUnavailable, OSError) as lost:
                log.warning("relay.interrupted", reason=type(lost.exceptions[0]).__name__)
            except* Exception as failed:
                log.error("relay.failed", reason=type(failed.exceptions[0]).__name__)
            self._lanes.clear()
            await asyncio.sleep(POLL_S)

    async def _keep_lanes(self, lanes: asyncio.TaskGroup, check: Callable[[], Awaitable[None]]) -> None:
        while True:
            self._spoken.clear()
            for queue in await self._queues_with_pending():
                if queue not in self._lanes:
                    self._lanes[queue] = lane = Lane(
                        queue, self._service, self._store, self._bus, self._metrics
                    )
                    lanes.create_task(lane.run(), name=f"{self._service} lane {queue}")
                self._lanes[queue].pending.set()
            await self._until_spoken()
            await check()

    async def _queues_with_pending(self) -> list[str]:
        async with self._store.read() as connection:
            query = select(outbox.c.queue).where(outbox.c.published_at.is_(None)).distinct()
            return list(await connection.scalars(query))

    async def _until_spoken(self) -> None:
        """Until something is said to a queue that has no lane yet; a poll sees what other replicas say."""
        await until_set(self._spoken, POLL_S)

    def _wake(self, spoken_to: set[str], _errands: set[str]) -> None:
        for queue in spoken_to:
            if queue in self._lanes:
                self._lanes[queue].pending.set()
            else:
                self._spoken.set()


class Lane:
    """What waits for one listener's queue, in the order in which it was said."""

    def __init__(self, queue: str, service: str, store: Store, bus: Bus, metrics: Metrics) -> None:
        self.pending = asyncio.Event()
        self._queue = queue
        self._service = service
        self._store = store
        self._bus = bus
        self._metrics = metrics
        self._backoff = Backoff()
        self._doubtful = True

    async def run(self) -> None:
        while True:
            await self.pending.wait()
            self.pending.clear()
            while relayed := await self._relay_some():
                if relayed < EVENTS_PER_MESSAGE:
                    await asyncio.sleep(PACE_S)

    async def _relay_some(self) -> int:
        """Publish and mark what fits in a few messages; tells how many events that was."""
        rows = await self._read_pending()
        if not rows:
            return 0
        done, trouble = await self._publish(_messages(rows))
        crash_point(f"{self._service}.after_confirm")
        if done:
            await self._store.write(lambda tx: _mark(tx, done), sees_only_locked=True)
            self._metrics.published.labels(self._queue).inc(len(done))
        await self._heed(trouble)
        return len(rows)

    async def _read_pending(self) -> Sequence[Row[Any]]:
        async with self._store.read() as connection:
            return (await connection.execute(_PENDING, {"its_queue": self._queue})).all()

    async def _publish(self, messages: Sequence[Sequence[Row[Any]]]) -> tuple[list[int], BusTrouble | None]:
        """Publish all together; returns the rows that were confirmed, and a trouble if there was one.

        What goes out first after a start, this process may have died on before.
        """
        ends = await asyncio.gather(
            *(self._bus.publish(self._queue, _message(rows, self._doubtful)) for rows in messages),
            return_exceptions=True,
        )
        self._doubtful = self._doubtful and any(end is not None for end in ends)
        done = [row.id for rows, end in zip(messages, ends, strict=True) if end is None for row in rows]
        troubles = [_as_trouble(end) for end in ends if end is not None]
        for trouble in troubles:
            self._metrics.publish_failures.labels(self._queue, trouble.reason).inc()
        return done, next(iter(troubles), None)

    async def _heed(self, trouble: BusTrouble | None) -> None:
        if trouble is None:
            self._backoff.reset()
            return
        log.warning("publish.failed", queue=self._queue, reason=trouble.reason, detail=str(trouble))
        await asyncio.sleep(self._backoff.pause())


def _as_trouble(end: BaseException) -> BusTrouble:
    """Whatever it was, the message counts as not said, and only this lane waits; nobody cancelled it."""
    return end if isinstance(end, BusTrouble) else Unconfirmed(type(end).__name__)


def _messages(rows: Sequence[Row[Any]]) -> list[Sequence[Row[Any]]]:
    """Divide the rows into messages, each as full as a message may be."""
    messages = []
    while rows:
        count = fitting((row.body for row in rows), EVENTS_PER_MESSAGE)
        messages.append(rows[:count])
        rows = rows[count:]
    return messages


def _message(rows: Sequence[Row[Any]], maybe_begun: bool) -> Message:
    body, content_type = pack([row.body for row in rows])
    return Message(body, content_type, maybe_begun=maybe_begun)


_PENDING = (
    select(outbox.c.id, outbox.c.body)
    .where(outbox.c.queue == bindparam("its_queue"), outbox.c.published_at.is_(None))
    .order_by(outbox.c.id)
    .limit(EVENTS_PER_MESSAGE * MESSAGES_IN_FLIGHT)
)
_MARK = (
    update(outbox)
    .where(outbox.c.id.in_(bindparam("rows", expanding=True)))
    .values(published_at=bindparam("now", type_=Moment))
)


async def _mark(tx: Transaction, ids: Sequence[int]) -> None:
    await tx.execute(_MARK, {"rows": padded(ids), "now": tx.clock()})


async def pending(store: Store) -> list[dict[str, Any]]:
    """What waits in the outbox: a row per queue with its count and the moment of the oldest."""
    query = (
        select(
            outbox.c.queue,
            func.count().label("count"),
            func.min(outbox.c.created_at).label("oldest"),
        )
        .where(outbox.c.published_at.is_(None))
        .group_by(outbox.c.queue)
    )
    async with store.read() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


FORGET_BATCH = 1000
"""Small enough that a delete holds up nobody."""


async def forget_published(store: Store, before: Any) -> int:
    """Delete up to a batch of rows that were published before the moment; returns how many."""
    old = select(outbox.c.id).where(outbox.c.published_at < before).limit(FORGET_BATCH)
    return (await store.write(lambda tx: tx.execute(delete(outbox).where(outbox.c.id.in_(old))))).rowcount
