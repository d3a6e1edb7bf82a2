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
    """Whether a revision is missing; the table of versions leaves out those that others depend on."""
    scripts = ScriptDirectory.from_config(_config(histories))
    done = scripts.get_all_current(MigrationContext.configure(connection).get_current_heads())
    return any(head not in done for head in scripts.get_revisions(scripts.get_heads()))


def _config(histories: Iterable[Path]) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, [_HERE / "versions", *histories])))
    return config
