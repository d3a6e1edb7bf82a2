"""What the migrations make is what the code expects."""

from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text
from structlog.testing import capture_logs

import archive.sign_in.attempts  # noqa: F401, as only a house with sign-in loads this table
from chassis.store import open_store
from chassis.store.tables import metadata as chassis_tables

TABLES = {
    "intake": "intake.submissions",
    "validation": "validation.judgements",
    "archive": "archive.reports",
    "notification": "notification.mailbag",
}


def expected(service: str) -> MetaData:
    """The tables of the chassis and of the service together."""
    together = MetaData()
    for tables in (chassis_tables, import_module(TABLES[service]).metadata):
        for table in tables.sorted_tables:
            table.to_metadata(together)
    return together


async def differences(service: str, url: str) -> list[object]:
    store = open_store(url, service)
    await store.open()

    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), expected(service)))

    try:
        await store.migrate(Path(import_module(f"{service}.__main__").HISTORY))
        async with store.read() as connection:
            return [
                change
                for change in await connection.run_sync(compare)
                if "alembic_version" not in str(change)
            ]
    finally:
        await store.close()


@pytest.mark.parametrize("service", TABLES)
async def test_a_new_sqlite_file_gets_the_tables_that_the_code_expects(service: str, tmp_path: Path) -> None:
    """A column that only one of the two knows would fail at the first report."""
    assert await differences(service, f"sqlite:///{tmp_path / 'new.db'}") == []


@pytest.mark.parametrize("service", TABLES)
async def test_a_new_postgresql_database_gets_the_tables_that_the_code_expects(
    service: str, postgres_url: str
) -> None:
    """The same history serves both databases."""
    assert await differences(service, postgres_url) == []


LATER = text("UPDATE alembic_version SET version_num = 'later' WHERE version_num LIKE :its_own")


@pytest.mark.parametrize("service", TABLES)
async def test_the_former_version_takes_the_tables_of_a_later_one(service: str, tmp_path: Path) -> None:
    """An upgrade can be taken back, and pods of both versions run side by side while it goes on."""
    store = open_store(f"sqlite:///{tmp_path}/kept.db", service)
    history = Path(import_module(f"{service}.__main__").HISTORY)
    await store.open()
    try:
        await store.migrate(history)
        await store.write(lambda tx: tx.execute(LATER, {"its_own": f"{service}%"}))
        with capture_logs() as logs:
            await store.migrate(history)
            assert await store.is_migrated(history)
    finally:
        await store.close()
    assert {(entry["event"], *entry["revisions"]) for entry in logs} == {("tables.newer", "later")}
