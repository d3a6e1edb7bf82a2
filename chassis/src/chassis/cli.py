"""The command line that every service has: `run`, `check`, `migrate`, `settings`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from chassis.bus import Bus
from chassis.bus.rabbitmq import RabbitMQBus
from chassis.folders import BrokenFolder
from chassis.logs import write_logs
from chassis.service import NotMigrated, Service, run_until_signal
from chassis.settings import ServiceSettings, SettingsError
from chassis.store import StoreLocked

Build = Callable[[ServiceSettings, Bus], Service]

FOR_US_ALONE = 0o077
"""What a service keeps on disk holds what people wrote; no other user of the machine may read it."""


def main(
    settings_type: type[ServiceSettings],
    build: Callable[..., Service],
    arguments: Sequence[str] | None = None,
) -> None:
    """Run a service's command and exit with its code."""
    parser = argparse.ArgumentParser(prog=f"python -m {settings_type.service}", description=build.__doc__)
    parser.add_argument("command", choices=["run", "check", "migrate", "settings"])
    command = parser.parse_args(arguments).command
    try:
        settings = settings_type.load()
        if command == "settings":
            _print_settings(settings)
            return
        _COMMANDS[command](settings, build)
    except (SettingsError, BrokenFolder, StoreLocked, NotMigrated) as error:
        sys.exit(f"{type(error).__name__}: {error}")


def _run(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    os.umask(FOR_US_ALONE)
    write_logs(service=settings.service)
    asyncio.run(_serve(settings, build))


async def _serve(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    if settings.amqp_url is None:
        raise SettingsError(
            f"{settings.prefix()}AMQP_URL is missing; without a broker, run all services as `kansli up`"
        )
    await run_until_signal(
        build(settings, RabbitMQBus(settings.amqp_url.get_secret_value(), settings.service))
    )


def _check(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    """Read settings, configuration and forms as `run` would, and look whether the database answers."""
    asyncio.run(_look(settings, build))
    sys.stdout.write(f"{settings.service}: settings, configuration and database are in order\n")


async def _look(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    service = build(settings, RabbitMQBus("amqp://not.used", settings.service))
    if refused := [reason for folder in service.folders for reason in folder.refused]:
        raise BrokenFolder("\n".join(refused))
    await service.store.open()
    try:
        if not await service.store.is_migrated(service.history):
            raise NotMigrated(f"the tables are not up to date; run: python -m {service.name} migrate")
    finally:
        await service.store.close()


def _migrate(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    asyncio.run(_bring_up_to_date(settings, build))
    sys.stdout.write(f"{settings.service}: the tables are up to date\n")


async def _bring_up_to_date(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    service = build(settings, RabbitMQBus("amqp://not.used", settings.service))
    await service.store.open()
    try:
        await service.migrate()
    finally:
        await service.store.close()


_COMMANDS = {"run": _run, "check": _check, "migrate": _migrate}


def _print_settings(settings: ServiceSettings) -> None:
    """The settings in force, with secrets masked."""
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        shown = "**********" if isinstance(value, SecretStr) else value
        sys.stdout.write(
            f"{settings.prefix()}{name.upper()}={'' if shown is None else shown}\n  {field.description}\n"
        )
