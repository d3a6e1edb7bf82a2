"""The task that writes: it takes all that waits, and commits it once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.stopping import Abandoned, being_cancelled
from chassis.store.transaction import Transaction
from chassis.store.trouble import Conflict, StoreUnavailable, Unreachable, told_as_unavailable

T = TypeVar("T")

MOST_CONFLICTS = 5
"""PostgreSQL looks once a second for two that wait for each other."""

MOST_PER_COMMIT = 128
"""Beyond this a larger group gains little, and each member waits for all."""


@dataclass(frozen=True, slots=True)
class Unit(Generic[T]):
    """A piece of work that waits for its place in a transaction, and the context it was asked in."""

    work: Callable[[Transaction], Awaitable[T]]
    locks: frozenset[str]
    sees_only_locked: bool
    done: asyncio.Future[T]
    context: Context

    async def work_in(self, transaction: Transaction) -> T:
        """Do it in the context it was asked in: logs and events carry on that trace."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.create_task(self._begin(transaction), context=self.context)
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            raise Abandoned from None

    async def _begin(self, transaction: Transaction) -> T:
        return await self.work(transaction)

    def succeed(self, result: T) -> None:
        if not self.done.done():
            self.done.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


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
            left = [unit for unit in group if not unit.done.done()]
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
            results = [await self._work(unit, transaction) for unit in group]
            await transaction.flush()
            with told_as_unavailable():
                await connection.commit()
            self._committed(transaction)
            for unit, result in zip(group, results, strict=True):
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

    @staticmethod
    async def _work(unit: Unit[T], transaction: Transaction) -> T:
        """Do it where it sees all that it may ask for, also what others have left for later."""
        if not unit.sees_only_locked:
            await transaction.flush()
        async with transaction.within(unit.locks):
            return await unit.work_in(transaction)
