"""The command line that every service has: `run`, `check`, `migrate`, `settings`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from chassis.beforehand import in_a_line, see_to_tables
from chassis.bus import Bus
from chassis.bus.rabbitmq import RabbitMQBus, broker_faults
from chassis.folders import BrokenFolder
from chassis.garbage import spare_what_stays
from chassis.logs import write_logs
from chassis.service import NotMigrated, Service, run_until_signal
from chassis.settings import ServiceSettings, SettingsError
from chassis.store import StoreTrouble

Build = Callable[[ServiceSettings, Bus], Service]

FOR_US_ALONE = 0o077
"""What a service keeps on disk holds what people wrote; no other user of the machine may read it."""


class BrokerUnfit(Exception):
    """The broker does not answer, or has or allows something else than the service needs."""


@dataclass(frozen=True, slots=True)
class OwnCommand:
    """What one service can do besides; it needs neither settings nor database."""

    name: str
    about: str
    declare: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


def main(
    settings_type: type[ServiceSettings],
    build: Callable[..., Service],
    arguments: Sequence[str] | None = None,
    own: Sequence[OwnCommand] = (),
) -> None:
    """Run a service's command and exit with its code."""
    parser = argparse.ArgumentParser(prog=f"python -m {settings_type.service}", description=build.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in _COMMANDS.items():
        commands.add_parser(name, help=run.__doc__)
    for one in own:
        one.declare(commands.add_parser(one.name, help=one.about))
    asked = parser.parse_args(arguments)
    try:
        _obey(asked, settings_type, build, {one.name: one for one in own})
    except (SettingsError, BrokenFolder, BrokerUnfit, NotMigrated, StoreTrouble) as error:
        sys.exit(in_a_line(error))


def _obey(
    asked: argparse.Namespace,
    settings_type: type[ServiceSettings],
    build: Callable[..., Service],
    own: Mapping[str, OwnCommand],
) -> None:
    if asked.command in own:
        own[asked.command].run(asked)
    else:
        _COMMANDS[asked.command](settings_type.load(), build)


def _run(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    """Serve until told to stop."""
    if settings.amqp_url is None:
        raise SettingsError(
            f"{settings.prefix()}AMQP_URL is missing; without a broker, run all services as `kansli up`"
        )
    os.umask(FOR_US_ALONE)
    write_logs(service=settings.service)
    service = build(settings, RabbitMQBus(settings.amqp_url.get_secret_value(), settings.service))
    see_to_tables([service])
    spare_what_stays()
    asyncio.run(run_until_signal(service))


def _check(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    """Read settings, configuration and forms as run would, and look at the database and the broker."""
    asyncio.run(_look(settings, build))
    broker = "; no broker is named, so none was looked at" if settings.amqp_url is None else ""
    sys.stdout.write(f"{settings.service}: all that run needs is in order{broker}\n")


async def _look(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    service = build(settings, RabbitMQBus("amqp://not.used", settings.service))
    if refused := [reason for folder in service.folders for reason in folder.refused]:
        raise BrokenFolder("\n".join(refused))
    await _look_at_the_tables(service)
    await _look_at_the_broker(service)


async def _look_at_the_tables(service: Service) -> None:
    """Without taking the database into use: the service itself may have it, and go on."""
    try:
        if not await service.store.is_migrated(service.history):
            raise NotMigrated(f"the tables are not up to date; run: python -m {service.name} migrate")
    finally:
        await service.store.close()


async def _look_at_the_broker(service: Service) -> None:
    url = service.settings.amqp_url
    if url is not None and (
        found := await broker_faults(url.get_secret_value(), service.name, service.queues)
    ):
        raise BrokerUnfit("\n".join(found))


def _migrate(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    """Bring the database's tables up to date."""
    asyncio.run(_bring_up_to_date(settings, build))
    sys.stdout.write(f"{settings.service}: the tables are up to date\n")


async def _bring_up_to_date(settings: ServiceSettings, build: Callable[..., Service]) -> None:
    service = build(settings, RabbitMQBus("amqp://not.used", settings.service))
    await service.store.open()
    try:
        await service.migrate()
    finally:
        await service.store.close()


def _settings(settings: ServiceSettings, _: Callable[..., Service]) -> None:
    """Print the settings in force, with where each comes from, and with secrets masked."""
    for name, field in type(settings).model_fields.items():
        shown = _shown(getattr(settings, name))
        source = settings.told_by(name) or "default"
        sys.stdout.write(
            f"{settings.prefix()}{name.upper()}={shown}\n  from: {source}\n  {field.description}\n"
        )


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "**********"
    return "" if value is None else str(value)


_COMMANDS = {"run": _run, "check": _check, "migrate": _migrate, "settings": _settings}
