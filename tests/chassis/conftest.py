"""Stores with the toy's tables, on both databases, at a time that stands still until it is moved."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from shutil import copyfile

import pytest

from chassis.store import Store, open_store
from chassis.store.tables import metadata
from support.aside import run_aside
from support.postgresql import execute, fresh_database
from support.still_clock import StillClock
from support.toy_house import HISTORY, OpenStore, toy

EMPTY = "; ".join(f"DELETE FROM {table}" for table in [*metadata.tables, *toy.tables])


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables, to copy: a migration takes longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "toy.db"
    asyncio.run(migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def migrated_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with all tables, to empty again: a new one takes longer than most tests."""
    server = os.environ.get("KANSLI_TEST_POSTGRES_URL") or request.getfixturevalue("postgres_of_the_run").url
    with fresh_database(server) as url:
        run_aside(migrate(url))
        yield url


async def migrate(url: str) -> None:
    store = open_store(url, "answerer")
    await store.open()
    await store.migrate(HISTORY)
    await store.close()


@pytest.fixture
def sqlite_file(migrated_file: Path, tmp_path: Path) -> Path:
    return Path(copyfile(migrated_file, tmp_path / "toy.db"))


@pytest.fixture
def emptied_database(migrated_database: str) -> str:
    run_aside(execute(migrated_database, EMPTY))
    return migrated_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both databases, as empty as a new municipality's."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("emptied_database"))
    return f"sqlite:///{request.getfixturevalue('sqlite_file')}"


@pytest.fixture
async def open_another(database_url: str, clock: StillClock) -> AsyncIterator[OpenStore]:
    """Open the store as one more replica would, or as this one after a stop; all are closed at the end."""
    async with AsyncExitStack() as stack:

        async def another() -> Store:
            store = open_store(database_url, "answerer", clock)
            await store.open()
            stack.push_async_callback(store.close)
            return store

        yield another


@pytest.fixture
async def store(open_another: OpenStore) -> Store:
    return await open_another()


@pytest.fixture
async def sqlite_store(sqlite_file: Path, clock: StillClock) -> AsyncIterator[Store]:
    """For what SQLite alone does, or where the database makes no difference."""
    store = open_store(f"sqlite:///{sqlite_file}", "answerer", clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def replicas(emptied_database: str, clock: StillClock) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes' stores on one PostgreSQL database."""
    first, second = (open_store(emptied_database, "answerer", clock) for _ in range(2))
    await first.open()
    await second.open()
    yield first, second
    await second.close()
    await first.close()
