"""The consumer: a delivered batch is one transaction, and each event in it has one effect.

First the inbox keys, which make a second delivery harmless; then each event's handler, so that its
failure undoes its own changes only; then the answers into the outbox; then the commit, and only
after it the acknowledgement.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.engine import Row

from chassis.bus import Message
from chassis.crash_points import crash_point
from chassis.events import (
    BATCH,
    STRUCTURED,
    Attributes,
    Event,
    Received,
    UnreadableMessage,
    queue_name,
    read_together,
    unpack,
)
from chassis.metrics import Metrics
from chassis.outcomes import Answer, Reject, TryLater, events_of
from chassis.parking import REPLAY_SOURCE, Trouble, park
from chassis.retry import Backoff, RetrySchedule
from chassis.stopping import finishing, until_due
from chassis.store import Store, StoreUnavailable, Transaction, Unreachable
from chassis.store.tables import inbox
from chassis.trace import following

log = structlog.get_logger()
E = TypeVar("E", bound=Event)

ATTEMPT_LEASE = timedelta(seconds=60)
"""A handler takes milliseconds; after a minute without an end its process must have died."""

PATIENCE = timedelta(days=1)
"""What an event may wait for by itself, such as a committee's file, is mended within a working day."""

IDLE_POLL_S = 2.0
"""How soon a replica notices a retry that another one left behind."""


def _no_locks(_event: Any) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Subscription(Generic[E]):
    """An event that a service reads, and what it does with it.

    Events whose `locks` share a key are handled one after the other, by whichever replica; of what others
    insert later in the same transaction a handler sees only what a key of its own covers.
    """

    event: type[E]
    handle: Callable[[E, Transaction], Awaitable[Answer]]
    locks: Callable[[E], Iterable[str]] = _no_locks
    foresee: Callable[[Sequence[E], Transaction], Awaitable[None]] | None = None
    """Asks at once what the handlers of a batch would each ask, for `Transaction.remembered`."""


Guard = Callable[[Transaction], AbstractAsyncContextManager[None]]
"""What is put around a handler, so that its failure harms no neighbour."""


class HandlerEnded(Exception):
    """A handler did not end well in a transaction without savepoints; the batch is done again with them."""


@asynccontextmanager
async def _hopefully(_tx: Transaction) -> AsyncIterator[None]:
    try:
        yield
    except StoreUnavailable:
        raise
    except Exception as error:
        raise HandlerEnded from error


def _carefully(tx: Transaction) -> AbstractAsyncContextManager[None]:
    return tx.savepoint()


class Parcel:
    """A delivered message, and its events apart, for those of which the own bytes must be kept."""

    def __init__(self, message: Message) -> None:
        self.message = message

    @cached_property
    def apart(self) -> Sequence[Received]:
        return unpack(self.message.body, self.message.content_type)


@dataclass(slots=True)
class Incoming:
    """One received event on its way through the consumer; without attributes it cannot even be read."""

    parcel: Parcel
    place: int
    attributes: Attributes | None
    event: Event | None = None
    locks: frozenset[str] = frozenset()
    reason: str = ""
    attempts: int = 0

    @property
    def key(self) -> tuple[str, str]:
        assert self.attributes is not None  # noqa: S101
        return self.attributes.source, self.attributes.id

    @property
    def received(self) -> Received:
        """The event as it came."""
        return self.parcel.apart[self.place]


@dataclass(slots=True)
class Ending:
    """How one event ended, other than well: due again, or parked."""

    incoming: Incoming
    reason: str
    attempts: int
    due_at: datetime | None = None


@dataclass(slots=True)
class Outcome:
    """What a batch came to: what is to be said, as rows of the outbox, and what did not end well."""

    answers: list[Mapping[str, Any]] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    handled: int = 0


class Consumer:
    """Takes what one queue delivers, and tries again what failed."""

    def __init__(
        self,
        service: str,
        subscription: Subscription[Any],
        store: Store,
        metrics: Metrics,
        schedule: RetrySchedule | None = None,
    ) -> None:
        self.queue = queue_name(service, subscription.event.kind)
        self._service = service
        self._subscription = subscription
        self._store = store
        self._metrics = metrics
        self._schedule = schedule or RetrySchedule()
        self._age = metrics.age.labels(self.queue)
        self._due = asyncio.Event()
        store.on_commit(self._wake)

    async def receive(self, messages: Sequence[Message]) -> None:
        """Handle what was delivered; returns when it is durable, however long the database is away.

        Messages that a process may have died on are not handled here: they become due, so that
        each of their events is tried alone and counted before the work.
        """
        backoff = Backoff()
        while True:
            try:
                await self._take([message for message in messages if not message.maybe_begun])
                await self._set_due([message for message in messages if message.maybe_begun])
            except StoreUnavailable as error:
                log.warning("store.unavailable", queue=self.queue, reason=str(error))
                await asyncio.sleep(backoff.pause())
            else:
                return

    async def retry(self) -> None:
        """Try again what is due, one event at a time, until cancelled."""
        while True:
            try:
                await until_due(self._due, self._seconds_left, IDLE_POLL_S)
                while await finishing(self.retry_one()):
                    pass
            except StoreUnavailable as error:
                log.warning("store.unavailable", queue=self.queue, reason=str(error))
                await asyncio.sleep(IDLE_POLL_S)

    async def retry_one(self) -> bool:
        """Try the event that has been due longest; tells whether there was one."""
        claimed = await self._store.write(self._claim)
        if claimed is None:
            return False
        incoming = self._opened([_message_of(claimed)])
        for one in incoming:
            one.attempts = claimed.attempts
        outcome = await self._store.write(
            lambda tx: self._try_claimed(tx, claimed, incoming), self._locks(incoming)
        )
        self._count(outcome)
        crash_point(f"{self._service}.after_commit")
        return True

    def _wake(self, spoken_to: set[str], _errands: set[str]) -> None:
        if self.queue in spoken_to:
            self._due.set()

    async def _take(self, messages: Sequence[Message]) -> None:
        batch = self._opened(messages)
        if batch:
            await self._take_or_halve(batch)

    def _opened(self, messages: Sequence[Message]) -> list[Incoming]:
        return [one for message in messages for one in self._read(message)]

    async def _take_or_halve(self, batch: list[Incoming]) -> None:
        """One transaction for all; if it dies, one for each half, so that a killer is found alone.

        Alone it is left to `retry`, where it is counted and holds up no other.
        """
        try:
            with self._metrics.processing.labels(self.queue).time():
                outcome = await self._handle_hopefully(batch)
            self._count(outcome)
        except Unreachable:
            raise
        except Exception as error:
            log.warning("batch.undone", queue=self.queue, events=len(batch), error=_named(error))
            await self._halve_or_leave(batch)
        crash_point(f"{self._service}.after_commit")

    async def _halve_or_leave(self, batch: list[Incoming]) -> None:
        if len(batch) == 1:
            await self._leave_to_retry(batch)
        else:
            await self._take_or_halve(batch[: len(batch) // 2])
            await self._take_or_halve(batch[len(batch) // 2 :])

    async def _handle_hopefully(self, batch: list[Incoming]) -> Outcome:
        """Without savepoints, which cost as much as the work; with them once a handler has failed."""
        locks = self._locks(batch)
        try:
            return await self._store.write(
                lambda tx: self._handle_fresh(tx, batch, _hopefully), locks, sees_only_locked=True
            )
        except HandlerEnded:
            return await self._store.write(lambda tx: self._handle_fresh(tx, batch, _carefully), locks)

    def _read(self, message: Message) -> Sequence[Incoming]:
        """Read the message in one pass when all is well; else one by one, so that each event has its end."""
        parcel = Parcel(message)
        together = read_together(self._subscription.event, message.body, message.content_type)
        if together is None:
            return [self._read_alone(parcel, place) for place in range(len(parcel.apart))]
        return [
            self._with_locks(Incoming(parcel, place, attributes), event)
            for place, (attributes, event) in enumerate(together)
        ]

    def _read_alone(self, parcel: Parcel, place: int) -> Incoming:
        received = parcel.apart[place]
        incoming = Incoming(parcel, place, received.envelope, reason=received.reason)
        if received.envelope is not None:
            try:
                return self._with_locks(incoming, self._subscription.event.read(received.envelope))
            except UnreadableMessage as unreadable:
                incoming.reason = str(unreadable)
            except Exception as error:
                incoming.reason = _named(error)
        return incoming

    def _with_locks(self, incoming: Incoming, event: Event) -> Incoming:
        try:
            incoming.locks = frozenset(self._subscription.locks(event))
            incoming.event = event
        except Exception as error:
            incoming.reason = _named(error)
        return incoming

    def _locks(self, batch: Sequence[Incoming]) -> set[str]:
        return {key for one in batch for key in one.locks}

    async def _handle_fresh(self, tx: Transaction, batch: Sequence[Incoming], guard: Guard) -> Outcome:
        """Handle what was not handled before; what cannot even be read is parked as it came."""
        fresh = await self._remember(tx, [one for one in batch if one.attributes is not None])
        if guard is _hopefully:
            await self._foresee(tx, fresh)
        outcome = await self._handle(tx, fresh, guard)
        unreadable = [Ending(one, one.reason, 0) for one in batch if one.attributes is None]
        for ending in unreadable:
            await self._settle(tx, ending)
        outcome.endings.extend(unreadable)
        return outcome

    async def _foresee(self, tx: Transaction, batch: Sequence[Incoming]) -> None:
        if self._subscription.foresee is not None:
            events = [one.event for one in batch if one.event is not None]
            await self._subscription.foresee(events, tx)

    async def _remember(self, tx: Transaction, batch: Sequence[Incoming]) -> list[Incoming]:
        """Store the keys of the batch, optimistically as done; returns what is new."""
        by_key = {one.key: one for one in batch}
        now = tx.clock()
        rows = [
            {
                "queue": self.queue,
                "source": source,
                "event_id": event_id,
                "state": "done",
                "attempts": 1,
                "received_at": now,
            }
            for source, event_id in by_key
        ]
        new = await tx.insert_new(inbox, rows, [inbox.c.source, inbox.c.event_id])
        return [by_key[row.source, row.event_id] for row in new]

    async def _handle(self, tx: Transaction, batch: Sequence[Incoming], guard: Guard) -> Outcome:
        outcome = Outcome()
        for incoming in batch:
            async with tx.within(incoming.locks):
                await self._handle_one(tx, incoming, outcome, guard)
        tx.put_in_outbox(outcome.answers)
        for ending in outcome.endings:
            await self._settle(tx, ending)
        crash_point(f"{self._service}.before_commit")
        return outcome

    async def _handle_one(self, tx: Transaction, incoming: Incoming, outcome: Outcome, guard: Guard) -> None:
        """Run the handler under guard; one of the five ends goes into the outcome.

        An answer that cannot be said is the handler's failure too.
        """
        attempts = max(incoming.attempts, 1)
        attributes = incoming.attributes
        assert attributes is not None  # noqa: S101
        if incoming.event is None:
            outcome.endings.append(Ending(incoming, incoming.reason, attempts))
            return
        with following(attributes.traceparent, submission_id=attributes.subject):
            try:
                async with guard(tx):
                    answers = events_of(await self._subscription.handle(incoming.event, tx))
                    rows = [row for answer in answers for row in tx.outbox_rows(answer)]
            except (HandlerEnded, StoreUnavailable):
                raise
            except Reject as reject:
                outcome.endings.append(Ending(incoming, str(reject), attempts))
            except TryLater as later:
                outcome.endings.append(
                    self._postponed(incoming, attempts, later, tx.clock() - attributes.time)
                )
            except Exception as error:
                outcome.endings.append(self._failed(incoming, attempts, error, tx.clock()))
            else:
                outcome.answers.extend(rows)
                outcome.handled += 1
                self._age.observe((tx.clock() - attributes.time).total_seconds())

    def _postponed(self, incoming: Incoming, attempts: int, later: TryLater, age: timedelta) -> Ending:
        """Put it off as it asked for, unless it has asked for so long that a person should know."""
        log.warning("event.postponed", queue=self.queue, reason=str(later))
        if age > PATIENCE:
            return Ending(incoming, f"has waited too long: {later}", attempts - 1)
        due_at = self._store.clock() + self._schedule.spread(later.delay)
        return Ending(incoming, str(later), attempts - 1, due_at)

    def _failed(self, incoming: Incoming, attempts: int, error: Exception, now: datetime) -> Ending:
        delay = self._schedule.after(attempts)
        log.warning(
            "event.failed",
            queue=self.queue,
            attempts=attempts,
            error=type(error).__name__,
            where=_where(error),
        )
        return Ending(incoming, _named(error), attempts, None if delay is None else now + delay)

    async def _settle(self, tx: Transaction, ending: Ending) -> None:
        if ending.due_at is None:
            await self._park(tx, ending)
        if ending.incoming.attributes is not None:
            await self._mark(tx, ending)

    async def _mark(self, tx: Transaction, ending: Ending) -> None:
        source, event_id = ending.incoming.key
        later = ending.due_at is not None
        await tx.execute(
            update(inbox)
            .where(inbox.c.queue == self.queue, inbox.c.source == source, inbox.c.event_id == event_id)
            .values(
                state="due" if later else "parked",
                attempts=ending.attempts,
                next_attempt_at=ending.due_at,
                body=ending.incoming.received.raw if later else None,
                last_error=ending.reason.replace("\0", ""),
            )
        )
        if later:
            tx.spoken_to.add(self.queue)

    async def _park(self, tx: Transaction, ending: Ending) -> None:
        incoming = ending.incoming
        message, received = incoming.parcel.message, incoming.received
        trouble = Trouble(
            origin=self.queue,
            body=received.raw,
            content_type=message.content_type if received.envelope is None else STRUCTURED,
            reason=ending.reason,
            attempts=ending.attempts,
            headers=message.headers,
            envelope=received.envelope,
        )
        await park(tx, trouble)

    def _count(self, outcome: Outcome) -> None:
        self._metrics.processed.labels(self.queue, "handled").inc(outcome.handled)
        for ending in outcome.endings:
            outcome_name = "parked" if ending.due_at is None else "due"
            self._metrics.processed.labels(self.queue, outcome_name).inc()
            counter = self._metrics.parked if ending.due_at is None else self._metrics.retries
            counter.labels(self.queue).inc()

    async def _set_due(self, messages: Sequence[Message]) -> None:
        batch = self._opened(messages)
        if batch:
            await self._leave_to_retry(batch)

    async def _leave_to_retry(self, batch: Sequence[Incoming]) -> None:
        """Those handled already stay handled, the unreadable are parked."""
        self._count(await self._store.write(lambda tx: self._make_due(tx, batch)))

    async def _make_due(self, tx: Transaction, batch: Sequence[Incoming]) -> Outcome:
        now = tx.clock()
        readable = {one.key: one for one in batch if one.attributes is not None}
        rows = [
            {
                "queue": self.queue, "source": source, "event_id": event_id, "state": "due", "attempts": 0,
                "next_attempt_at": now, "body": one.received.raw, "received_at": now,
            }
            for (source, event_id), one in readable.items()
        ]  # fmt: skip
        await tx.insert_new(inbox, rows, [inbox.c.event_id])
        tx.spoken_to.add(self.queue)
        return await self._handle_fresh(tx, [one for one in batch if one.attributes is None], _carefully)

    async def _claim(self, tx: Transaction) -> Row[Any] | None:
        """Count the attempt before the work, so that a crash counts too."""
        now = tx.clock()
        oldest = (
            select(inbox.c.source, inbox.c.event_id)
            .where(inbox.c.queue == self.queue, inbox.c.state == "due", inbox.c.next_attempt_at <= now)
            .order_by(inbox.c.next_attempt_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        found = await tx.one(oldest)
        if found is None:
            return None
        claim = (
            update(inbox)
            .where(
                inbox.c.queue == self.queue,
                inbox.c.source == found.source,
                inbox.c.event_id == found.event_id,
            )
            .values(attempts=inbox.c.attempts + 1, next_attempt_at=now + ATTEMPT_LEASE)
            .returning(inbox)
        )
        return await tx.one(claim)

    async def _try_claimed(self, tx: Transaction, claimed: Row[Any], incoming: Sequence[Incoming]) -> Outcome:
        """Handle a claimed event, unless another replica has claimed it since.

        What is replayed was not handled before, and may be unreadable; so may be what was kept, as a number
        too large for a float is.
        """
        done = (
            update(inbox)
            .where(
                inbox.c.queue == self.queue,
                inbox.c.source == claimed.source,
                inbox.c.event_id == claimed.event_id,
                inbox.c.state == "due",
                inbox.c.attempts == bindparam("mine"),
            )
            .values(state="done", next_attempt_at=None, body=None)
        )
        if not (await tx.execute(done, {"mine": claimed.attempts})).rowcount:
            return Outcome()
        if claimed.attempts > len(self._schedule.delays) + 1:
            return await self._give_up(tx, incoming)
        if claimed.source == REPLAY_SOURCE or any(one.attributes is None for one in incoming):
            return await self._handle_fresh(tx, incoming, _carefully)
        return await self._handle(tx, incoming, _carefully)

    async def _give_up(self, tx: Transaction, incoming: Sequence[Incoming]) -> Outcome:
        """The process or the transaction died on it each time: no handler lived to say why."""
        outcome = Outcome()
        for one in incoming:
            outcome.endings.append(Ending(one, "no attempt came to an end", one.attempts - 1))
            await self._settle(tx, outcome.endings[-1])
        return outcome

    async def _seconds_left(self) -> float:
        """How long the next retry has to wait; for ever if there is none.

        Looking for it only reads, so that a house at rest writes nothing.
        """
        async with self._store.read() as connection:
            first = await connection.scalar(_FIRST_DUE, {"its_queue": self.queue})
        return math.inf if first is None else (first - self._store.clock()).total_seconds()


_FIRST_DUE = select(func.min(inbox.c.next_attempt_at)).where(
    inbox.c.queue == bindparam("its_queue"), inbox.c.state == "due"
)


def _message_of(claimed: Row[Any]) -> Message:
    return Message(claimed.body, _kept_type(claimed.body))


def _kept_type(body: bytes) -> str:
    return BATCH if body.lstrip().startswith(b"[") else STRUCTURED


def _named(error: Exception) -> str:
    """The error's kind and place; its text may hold what a person wrote."""
    return f"{type(error).__name__} at {_where(error)}"


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
