"""Migrations: one history for the chassis, one for each service, run together by Alembic."""

from collections.abc import Iterable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_HERE = Path(__file__).parent


def upgrade(connection: Connection, histories: Iterable[Path]) -> None:
    config = _config(histories)
    config.attributes["connection"] = connection
    if needs_upgrade(connection, histories):
        command.upgrade(config, "heads")


def needs_upgrade(connection: Connection, histories: Iterable[Path]) -> bool:
    wanted = set(ScriptDirectory.from_config(_config(histories)).get_heads())
    return set(MigrationContext.configure(connection).get_current_heads()) != wanted


def _config(histories: Iterable[Path]) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, [_HERE / "versions", *histories])))
    return config
