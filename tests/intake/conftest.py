"""Intake alone, with a form to send and platforms that may send it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from chassis.store import Store, open_store
from intake.__main__ import HISTORY, build
from intake.settings import IntakeSettings
from support.lone_service import LoneService, alone
from support.platforms import CALLERS, NUMBER_KEY, WEBHOOK_SECRET, RunIntake
from support.still_clock import StillClock


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROV_WEBHOOK_SECRET", WEBHOOK_SECRET)
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "callers.yaml").write_text(yaml.safe_dump({"callers": CALLERS}), "utf-8")
    return folder


@pytest.fixture
def forms(tmp_path: Path) -> Path:
    for name, versions in {"prov": 2, "hemlig": 1}.items():
        folder = tmp_path / "forms" / name
        folder.mkdir(parents=True)
        (folder / "form.yaml").write_text(f"form: {name}\n", "utf-8")
        for version in range(1, versions + 1):
            (folder / f"v{version}.schema.json").write_text("{}", "utf-8")
    return tmp_path / "forms"


@pytest.fixture
def clock() -> StillClock:
    return StillClock(datetime(2026, 11, 20, 12, 0, tzinfo=UTC))


@pytest.fixture
def run_intake(tmp_path: Path, config: Path, forms: Path, clock: StillClock) -> RunIntake:
    def run(database: Path | str | None = None, **settings: Any) -> AbstractAsyncContextManager[LoneService]:
        given = {
            "config": config,
            "forms": str(forms),
            "objects": (tmp_path / "objects").as_uri(),
            "personal_number_key": NUMBER_KEY,
            **settings,
        }
        return alone(build, IntakeSettings, database or tmp_path / "intake.db", clock, **given)

    return run


@pytest.fixture
async def intake(run_intake: RunIntake) -> AsyncIterator[LoneService]:
    async with run_intake() as intake:
        yield intake


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """For tests of generated examples, which are no coroutines."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Iterator[Store]:
    """The module's own, whose clock stands at its `START`."""
    with TemporaryDirectory() as folder:
        store = runner.run(_opened(Path(folder), StillClock(request.module.START)))
        yield store
        runner.run(store.close())


async def _opened(folder: Path, clock: StillClock) -> Store:
    store = open_store(f"sqlite:///{folder / 'intake.db'}", "intake", clock)
    await store.open()
    await store.migrate(HISTORY)
    return store
