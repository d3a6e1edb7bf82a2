"""What is done once, before a service begins; in a child where it loads much, which goes with the child."""

import asyncio
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context

from chassis.service import NotMigrated, Service
from chassis.stopping import end_with_the_parent
from chassis.store import StoreTrouble, StoreUnavailable


def see_to_tables(services: Sequence[Service]) -> None:
    """Have the tables brought up to date, or seen to be; not in a process that has threads or a loop.

    Alembic, and what it loads of SQLAlchemy, would take 9 MB for ever after.

    Raises:
        SystemExit: they are not up to date; the child has said why.
    """
    child = get_context("fork").Process(target=_see_to, args=(services,), daemon=True)
    with _ending_when_told():
        child.start()
        child.join()
    if child.exitcode:
        sys.exit(child.exitcode)
    for service in services:
        service.has_tables = True


@contextmanager
def _ending_when_told() -> Iterator[None]:
    """The first process of a container hears no SIGTERM that it has not asked for."""
    former = signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _see_to(services: Sequence[Service]) -> None:
    end_with_the_parent()
    try:
        asyncio.run(_each(services))
    except (NotMigrated, StoreTrouble) as error:
        sys.exit(in_a_line(error))


async def _each(services: Sequence[Service]) -> None:
    for service in services:
        await service.see_to_tables()


def in_a_line(error: Exception) -> str:
    """Why a service does not begin, for who starts it."""
    if isinstance(error, StoreUnavailable):
        return f"StoreUnavailable: the database does not answer as it should: {error}"
    return f"{type(error).__name__}: {error}"
