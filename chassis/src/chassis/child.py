"""Work in a process of its own: what leaks goes when the process goes, and what dies takes down it alone."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


class Child:
    """A process beside the service, started with its first work and replaced when it is worn out or has died.

    `lasts` is how many pieces of work it is good for. The pool's own `max_tasks_per_child` is left alone:
    with work waiting it can hang for ever after it has replaced the process (python/cpython#115634).
    """

    def __init__(self, lasts: int, prepare: Callable[[], None]) -> None:
        self._lasts = lasts
        self._prepare = prepare
        self._made: ProcessPoolExecutor | None = None
        self._done = 0

    @property
    def pool(self) -> ProcessPoolExecutor:
        """Made when it is first asked for: what Python runs beside a pool takes 12 MB of its own."""
        if self._made is None:
            self._made = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=self._prepare)
        return self._made

    def for_more(self, pieces: int = 1) -> ProcessPoolExecutor:
        """The pool to do so many more pieces in."""
        if self._done >= self._lasts:
            self.replace(self.pool)
        self._done += pieces
        return self.pool

    def replace(self, worn_out: ProcessPoolExecutor) -> None:
        """Several pieces can fall with one process; only the first of them brings a new one."""
        if self._made is worn_out:
            self._made, self._done = None, 0
            worn_out.shutdown(wait=False)

    async def close(self) -> None:
        if self._made is not None:
            await asyncio.to_thread(self._made.shutdown, cancel_futures=True)
