"""What is done in a child before a service begins."""

import asyncio
from pathlib import Path

import pytest

from chassis.beforehand import see_to_tables
from chassis.bus.memory import MemoryBus
from chassis.metrics import Metrics
from chassis.service import Service
from chassis.store import open_store
from chassis.store.engines import process_lock
from support.toy_house import HISTORY, AskerSettings


@pytest.fixture(autouse=True)
def set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOY_ASKER_DATABASE_URL", f"sqlite:///{tmp_path}/toy.db")
    monkeypatch.setenv("TOY_ASKER_LISTEN", "127.0.0.1:8080")


def toy() -> Service:
    settings = AskerSettings.load()
    store = open_store(settings.database_url.get_secret_value(), "asker")
    return Service("asker", settings, store, MemoryBus(), Metrics("asker"), HISTORY)


def test_the_tables_are_there_when_the_child_is_gone() -> None:
    """And the database is free for the service."""
    service = toy()
    see_to_tables([service])
    assert service.has_tables
    assert asyncio.run(is_migrated(service))


async def is_migrated(service: Service) -> bool:
    await service.store.open()
    try:
        return await service.store.is_migrated(HISTORY)
    finally:
        await service.store.close()


def test_the_child_says_that_another_job_has_to_come_first(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the words in which any command is refused, and the service does not start."""
    monkeypatch.setenv("TOY_ASKER_MIGRATE_AT_START", "false")
    service = toy()
    with pytest.raises(SystemExit) as ended:
        see_to_tables([service])
    assert ended.value.code == 1
    assert capfd.readouterr().err == (
        "NotMigrated: the tables are not up to date; run: python -m asker migrate\n"
    )
    assert not service.has_tables


def test_the_child_says_that_the_database_is_in_use(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By another process, which goes on."""
    with process_lock(tmp_path / "toy.db"), pytest.raises(SystemExit):
        see_to_tables([toy()])
    assert capfd.readouterr().err.startswith("StoreLocked: ")
