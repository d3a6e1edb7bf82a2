"""The task that writes: it takes all that waits, and commits it once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.store.transaction import Transaction
from chassis.store.trouble import StoreUnavailable, kills_transaction

T = TypeVar("T")

MOST_PER_COMMIT = 128
"""Beyond this a larger group gains little, and each member waits for all."""

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))").bindparams(bindparam("key"))


@dataclass(frozen=True, slots=True)
class Unit(Generic[T]):
    """A piece of work that waits for its place in a transaction."""

    work: Callable[[Transaction], Awaitable[T]]
    locks: frozenset[str]
    done: asyncio.Future[T]

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
        """Write until cancelled; cancelled only while nothing waits."""
        while True:
            group = [await self._waiting.get()]
            while len(group) < MOST_PER_COMMIT and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
            try:
                await self._commit_or_part(group)
            finally:
                for _ in group:
                    self._waiting.task_done()

    async def _commit_or_part(self, group: Sequence[Unit[Any]]) -> None:
        """Commit the group; if anything in it fails, each alone, so that none suffers for another."""
        try:
            await self._commit(group)
        except Exception as error:
            if len(group) == 1:
                group[0].fail(_told(error))
                return
            for unit in group:
                await self._commit_or_part([unit])

    async def _commit(self, group: Sequence[Unit[Any]]) -> None:
        async with self._engine.connect() as connection:
            async with connection.begin():
                transaction = self._transaction(connection)
                await self._take_locks(connection, group)
                results = [await unit.work(transaction) for unit in group]
            self._committed(transaction)
        for unit, result in zip(group, results, strict=True):
            unit.succeed(result)

    async def _take_locks(self, connection: AsyncConnection, group: Sequence[Unit[Any]]) -> None:
        """In sorted order, so that two groups with the same people never wait for each other."""
        if connection.dialect.name == "postgresql":
            for key in sorted(frozenset().union(*(unit.locks for unit in group))):
                await connection.execute(_LOCK, {"key": key})


def _told(error: Exception) -> Exception:
    if not kills_transaction(error):
        return error
    unavailable = StoreUnavailable(type(error).__name__)
    unavailable.__cause__ = error
    return unavailable
