"""What a service's document says is what it answers; intake and the archive are tried beside their tests."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kansli.example import KEY, write_example
from kansli.places import shipped_example, shipped_forms
from notification.__main__ import build as build_notification
from notification.settings import NotificationSettings
from support.lone_service import alone
from support.schemathesis import found_by_schemathesis
from validation.__main__ import build as build_validation
from validation.settings import ValidationSettings

pytestmark = pytest.mark.slow

SETTINGS = """
warnings = false

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "503"]
"""


async def test_schemathesis_finds_nothing_in_validation(tmp_path: Path) -> None:
    """A check, and the import of history, of whatever one may ask."""
    config = write_example(shipped_example(), tmp_path, date(2026, 11, 20)).config
    given: dict[str, Any] = {"config": config, "forms": str(shipped_forms()), "personal_number_key": "nyckel"}
    async with alone(build_validation, ValidationSettings, tmp_path / "validation.db", **given) as service:
        key = f"Authorization: Bearer {KEY}"
        assert not await found_by_schemathesis(service.url, tmp_path, SETTINGS, examples=8, headers=[key])


async def test_schemathesis_finds_nothing_in_notification(tmp_path: Path) -> None:
    """Nor in what every service answers: health, and the operators' desk."""
    config = write_example(shipped_example(), tmp_path, date(2026, 11, 20)).config
    given: dict[str, Any] = {
        "config": config,
        "forms": str(shipped_forms()),
        "smtp_url": (tmp_path / "letters").as_uri(),
    }
    async with alone(build_notification, NotificationSettings, tmp_path / "n.db", **given) as service:
        assert not await found_by_schemathesis(service.url, tmp_path, SETTINGS, examples=3)
