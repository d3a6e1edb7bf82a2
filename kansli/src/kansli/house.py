"""The whole house in one process: four services on the embedded bus, everything they keep in one folder."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import archive.__main__
import intake.__main__
import notification.__main__
import validation.__main__
from archive.settings import ArchiveSettings
from chassis.bus.embedded import EmbeddedBus, EmbeddedHub
from chassis.clock import Clock, system_clock
from chassis.service import Service
from chassis.settings import ServiceSettings
from intake.settings import IntakeSettings
from notification.settings import NotificationSettings
from validation.settings import ValidationSettings

PERSONAL_NUMBER_KEY = "personal-number.key"
_SEALING_KEY = "sealing.key"


@dataclass(frozen=True)
class Plan:
    """Where the house finds what it is told, and keeps what it knows."""

    config: Path
    data: Path
    forms: Sequence[Path]


def build_house(plan: Plan, clock: Clock = system_clock) -> list[Service]:
    """The services in the order in which they start: whoever listens comes before who speaks to it.

    The environment may say otherwise than the plan, as for a service that runs alone.
    """
    plan.data.mkdir(parents=True, exist_ok=True)
    hub = EmbeddedHub()
    key = _kept_key(plan.data / PERSONAL_NUMBER_KEY)
    data = plan.data.resolve()
    validation_settings = _settings(ValidationSettings, plan, personal_number_key=key)
    intake_settings = _settings(
        IntakeSettings,
        plan,
        objects=(data / "objects").as_uri(),
        personal_number_key=key,
        sealing_key=_kept_key(plan.data / _SEALING_KEY),
    )
    notification_settings = _settings(
        NotificationSettings,
        plan,
        objects=(data / "objects").as_uri(),
        smtp_url=(data / "letters").as_uri(),
        pages_url=f"http://{_settings(ArchiveSettings, plan).listen}",
    )
    others = (validation_settings, intake_settings, notification_settings)
    archive_settings = _settings(
        ArchiveSettings,
        plan,
        objects=(data / "objects").as_uri(),
        sealing_key=_kept_key(plan.data / _SEALING_KEY),
        desks=_desks(others),
        desks_tokens=_tokens(others),
    )
    return [
        notification.__main__.build(notification_settings, EmbeddedBus(hub), clock),
        archive.__main__.build(archive_settings, EmbeddedBus(hub), clock),
        validation.__main__.build(validation_settings, EmbeddedBus(hub), clock),
        intake.__main__.build(intake_settings, EmbeddedBus(hub), clock),
    ]


def _desks(others: Iterable[ServiceSettings]) -> str:
    """Where the operators' page finds what is parked in the other rooms of the house."""
    return ",".join(f"{settings.service}=http://{settings.listen}" for settings in others)


def _tokens(others: Iterable[ServiceSettings]) -> str:
    """What lets it in there, where a room has a lock."""
    tokens = {settings.service: settings.look_token or settings.admin_token for settings in others}
    return ",".join(f"{name}={token.get_secret_value()}" for name, token in tokens.items() if token)


def _settings(kind: type[ServiceSettings], plan: Plan, **more: Any) -> Any:
    return kind.load(
        database_url=f"sqlite:///{plan.data / kind.service}.db",
        config=plan.config,
        forms=":".join(map(str, plan.forms)),
        **more,
    )


def _kept_key(path: Path) -> str:
    """A key of the house's own: made once, and kept where only the house can read it."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), "utf-8")
    return path.read_text("utf-8").strip()
