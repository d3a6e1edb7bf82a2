"""The task that writes: it takes all that waits, and commits it once."""

import asyncio
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.stopping import Abandoned, being_cancelled
from chassis.store.transaction import Transaction
from chassis.store.trouble import Conflict, StoreUnavailable, Unreachable, told_as_unavailable

Item = TypeVar("Item")
T = TypeVar("T")

WorkForMany: TypeAlias = Callable[[Transaction, Sequence[Item]], Awaitable[Sequence[T]]]
"""Is given all the items that wait, and answers for each of them in their order."""

MOST_CONFLICTS = 5
"""PostgreSQL looks once a second for two that wait for each other."""

MOST_PER_COMMIT = 128
"""Beyond this a larger group gains little, and each member waits for all."""


@dataclass(frozen=True, slots=True, eq=False)
class Unit(Generic[T]):
    """What waits for its place in a transaction: work of its own, or a part in work that is done for many.

    Who waits for `done` and goes cancels it, and is written for all the same.
    """

    locks: frozenset[str]
    done: asyncio.Future[T]

    @property
    def is_left(self) -> bool:
        return not self.done.done() or self.done.cancelled()

    def succeed(self, result: T) -> None:
        if not self.done.done():
            self.done.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(frozen=True, slots=True, eq=False)
class Alone(Unit[T]):
    """A piece of work, and the context it was asked in."""

    work: Callable[[Transaction], Awaitable[T]]
    sees_only_locked: bool
    context: Context

    async def work_in(self, transaction: Transaction) -> T:
        """Do it in the context it was asked in: logs and events carry on that trace."""
        return await _in(self.context, self._begin(transaction))

    async def _begin(self, transaction: Transaction) -> T:
        return await self.work(transaction)


@dataclass(frozen=True, slots=True, eq=False)
class Among(Unit[T], Generic[Item, T]):
    """One of the items that some work is done for."""

    work: WorkForMany[Item, T]
    item: Item


@types.coroutine
def _in(context: Context, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """Each step of the work in the context; a task of its own would cost two turns of the event loop."""
    step: Callable[[], Any] = partial(work.send, None)
    while True:
        try:
            awaited = context.run(step)
        except StopIteration as end:
            result: T = end.value
            return result
        try:
            step = partial(work.send, (yield awaited))
        except BaseException as error:
            step = partial(work.throw, error)


class Writer:
    def __init__(
        self,
        engine: AsyncEngine,
        waiting: asyncio.Queue[Unit[Any]],
        transaction: Callable[[AsyncConnection], Transaction],
        committed: Callable[[Transaction], None],
    ) -> None:
        self._engine = engine
        self._waiting = waiting
        self._transaction = transaction
        self._committed = committed

    async def run(self) -> None:
        """Write until cancelled; whoever waits is told, also at the end."""
        while True:
            group = [await self._waiting.get()]
            while len(group) < MOST_PER_COMMIT and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
            try:
                await self._commit_or_halve(group)
            finally:
                for unit in group:
                    unit.fail(StoreUnavailable("the store is closed"))
                    self._waiting.task_done()

    async def _commit_or_halve(self, group: Sequence[Unit[Any]], conflicts: int = 0) -> None:
        """Commit the group; if anything in it fails, each half, until what fails is alone.

        What is alone and got in another transaction's way is tried again: nobody need hear of it.
        """
        try:
            await self._commit(group)
        except Unreachable as nobodys_fault:
            for unit in group:
                unit.fail(nobodys_fault)
        except Exception as error:
            left = [unit for unit in group if unit.is_left]
            if len(left) == 1 and isinstance(error, Conflict) and conflicts < MOST_CONFLICTS:
                await self._commit_or_halve(left, conflicts + 1)
            elif len(left) == 1:
                left[0].fail(error)
            elif left:
                await self._commit_or_halve(left[: len(left) // 2])
                await self._commit_or_halve(left[len(left) // 2 :])

    async def _commit(self, group: Sequence[Unit[Any]]) -> None:
        async with self._begun() as connection:
            transaction = self._transaction(connection)
            await transaction.lock(*frozenset().union(*(unit.locks for unit in group)))
            results = [
                (unit, result)
                for units in _parties(group)
                for unit, result in zip(units, await _work(units, transaction), strict=True)
            ]
            await transaction.flush()
            with told_as_unavailable():
                await connection.commit()
            self._committed(transaction)
            for unit, result in results:
                unit.succeed(result)

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction, which is undone unless it is committed."""
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._engine.connect())
                await connection.begin()
            except Exception as error:
                raise Unreachable(type(error).__name__) from error
            yield connection


def _parties(group: Iterable[Unit[Any]]) -> Iterable[Sequence[Any]]:
    """Each unit alone, but together those that are items of the same work."""
    parties: dict[object, list[Unit[Any]]] = {}
    for unit in group:
        parties.setdefault(unit.work if isinstance(unit, Among) else unit, []).append(unit)
    return parties.values()


async def _work(units: Sequence[Any], transaction: Transaction) -> Sequence[Any]:
    """Do what is asked where it sees all that it may ask for, also what others have left for later."""
    await transaction.forget()
    if isinstance(units[0], Alone) and not units[0].sees_only_locked:
        await transaction.flush()
    async with transaction.within(frozenset().union(*(unit.locks for unit in units))):
        try:
            return await _results(units, transaction)
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            raise Abandoned from None


async def _results(units: Sequence[Any], transaction: Transaction) -> Sequence[Any]:
    if isinstance(units[0], Among):
        return await units[0].work(transaction, [unit.item for unit in units])
    return [await unit.work_in(transaction) for unit in units]
