"""The secrets of an installation: a folder of files, which compose, Kubernetes and systemd all take.

| file                             | what it is                                                         |
|----------------------------------|--------------------------------------------------------------------|
| `<service>/amqp-url`             | the broker, with the service's own user and password               |
| `<service>/database-url`         | the service's own database and user, where PostgreSQL is named     |
| `<service>/admin-token`          | lets an operator in at `/admin`                                    |
| `<service>/look-token`           | lists what is parked and lets do no more; not of the archive       |
| `archive/desks-tokens`           | those tokens, for the operators' page                              |
| `intake/`, `archive/sealing-key` | seals what few may read                                            |
| `intake/`, `validation/personal-number-key` | one key: hashes personnummer as the register has them   |
| `notification/smtp-url`          | the mail relay                                                     |
| `rabbitmq/definitions.json`      | what the broker loads: users with the hashes of those passwords    |
| `postgresql/roles.sql`           | what a new PostgreSQL is told: a role and a database per service,  |
|                                  | with what it keeps of those passwords and not the passwords        |
| `postgresql/password`            | the administrator's                                                |

What is there stays as it is. Only what is made of other files is made anew: the broker's, the database's
and the tokens of the desks.
"""

import argparse
import base64
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from chassis.settings import SettingsError
from kansli import database_roles
from kansli.broker_definitions import VHOST, definitions, written
from kansli.operators import SERVICES

SEALS = ("intake", "archive")
HASHES_NUMBERS = ("intake", "validation")
LOOKED_AT = ("intake", "validation", "notification")
NUMBER_KEY = "personal-number-key"

OURS_ALONE = 0o700
READ_BY_CONTAINERS = 0o444
"""A container's user is none of the machine's: it reads a file that is mounted, and the folder keeps all
others out."""

SALT_BYTES = 4
"""As RabbitMQ's password hashes have it (rabbit_password_hashing_sha256)."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the installation's servers are: addresses without user and password.

    What follows a `?` is kept, as it says how the connection is made safe: `amqps://…?cafile=/…`,
    `postgresql://…?sslmode=verify-full`.
    """

    broker: str
    relay: str
    database: str | None


def fill(folder: Path, servers: Servers) -> list[Path]:
    """Make what is missing; returns the files that were made.

    Raises:
        SettingsError: an address that cannot be used.
    """
    _keep_others_out(folder)
    made = [folder / name for name, content in _first(folder, servers) if _put_new(folder / name, content)]
    for name, content in _derived(folder, servers):
        _put(folder / name, content)
    return made


def _first(folder: Path, servers: Servers) -> Iterator[tuple[str, str]]:
    """What is made once, and kept."""
    for service in SERVICES:
        yield f"{service}/amqp-url", _with_user(servers.broker, service, VHOST)
        yield f"{service}/admin-token", secrets.token_urlsafe(32)
        if servers.database:
            yield f"{service}/database-url", _with_user(servers.database, service, service)
    for service in SEALS:
        yield f"{service}/sealing-key", secrets.token_urlsafe(32)
    for service in LOOKED_AT:
        yield f"{service}/look-token", secrets.token_urlsafe(32)
    number_key = _number_key(folder)
    for service in HASHES_NUMBERS:
        yield f"{service}/{NUMBER_KEY}", number_key
    yield "notification/smtp-url", servers.relay
    if servers.database:
        yield "postgresql/password", secrets.token_urlsafe(32)


def _derived(folder: Path, servers: Servers) -> Iterator[tuple[str, str]]:
    hashes = {service: password_hash(_password(folder, service, "amqp-url")) for service in SERVICES}
    yield "rabbitmq/definitions.json", written(definitions(hashes))
    yield "archive/desks-tokens", "".join(_desk_tokens(folder))
    if servers.database:
        passwords = {service: _password(folder, service, "database-url") for service in SERVICES}
        yield "postgresql/roles.sql", database_roles.written(passwords)


def _desk_tokens(folder: Path) -> Iterator[str]:
    """A line for each service but the one that asks."""
    for service in LOOKED_AT:
        yield f"{service}={(folder / service / 'look-token').read_text('utf-8').strip()}\n"


def _number_key(folder: Path) -> str:
    """The one that is there: a person who is hashed by another key is another person."""
    places = (folder / service / NUMBER_KEY for service in HASHES_NUMBERS)
    kept = (path.read_text("utf-8").strip() for path in places if path.exists())
    return next(kept, secrets.token_urlsafe(32))


def _with_user(address: str, user: str, path: str) -> str:
    parts = urlsplit(address)
    if not parts.scheme or not parts.hostname or parts.username or parts.path.strip("/"):
        raise SettingsError(f"{parts.hostname}: must be given as scheme://host:port, without user and path")
    password = secrets.token_urlsafe(32)
    return parts._replace(netloc=f"{user}:{password}@{parts.netloc}", path=f"/{path}").geturl()


def _password(folder: Path, service: str, name: str) -> str:
    """The password in an address that is there; an operator may have written it, with any characters."""
    return unquote(urlsplit((folder / service / name).read_text("utf-8").strip()).password or "")


def password_hash(password: str, salt: bytes | None = None) -> str:
    """As RabbitMQ keeps it: the salt and SHA-256 of salt and password, in base64."""
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _keep_others_out(folder: Path) -> None:
    """Also of a folder that was made before, with the mode that folders usually have."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(OURS_ALONE)


def _put_new(path: Path, content: str) -> bool:
    if path.exists():
        return False
    _put(path, content + "\n")
    return True


def _put(path: Path, content: str) -> None:
    """Written whole or not at all, and never readable by others on the way."""
    _keep_others_out(path.parent)
    beside = path.with_name(f".{path.name}")
    beside.unlink(missing_ok=True)
    with os.fdopen(
        os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(content)
    beside.chmod(READ_BY_CONTAINERS)
    beside.replace(path)


def add_secrets(commands: Any) -> None:
    parser = commands.add_parser("secrets", help="make an installation's passwords and keys, as files")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what is there stays as it is")
    parser.add_argument("--broker", default="amqp://rabbitmq:5672", help="RabbitMQ (default: %(default)s)")
    parser.add_argument("--relay", required=True, help="the mail relay: smtp://… or smtps://…")
    parser.add_argument("--database", help="PostgreSQL: postgresql://host:port (default: SQLite, no files)")
    parser.set_defaults(run=_secrets)


def _secrets(options: argparse.Namespace) -> int:
    for path in fill(options.folder, Servers(options.broker, options.relay, options.database)):
        print(path)
    return 0
