"""Migrations: one history for the chassis, one for each service, run together by Alembic."""

from collections.abc import Iterable
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

log = structlog.get_logger()

_HERE = Path(__file__).parent


def upgrade(connection: Connection, histories: Iterable[Path]) -> None:
    config = _config(histories)
    config.attributes["connection"] = connection
    if needs_upgrade(connection, histories):
        command.upgrade(config, "heads")


def needs_upgrade(connection: Connection, histories: Iterable[Path]) -> bool:
    """Whether a revision is missing; the table of versions leaves out those that others depend on.

    Where a later version has been, nothing is: what it added does not disturb the former one, which
    goes on beside it while a city upgrades, and comes back when an upgrade is taken back.
    """
    scripts = ScriptDirectory.from_config(_config(histories))
    current = MigrationContext.configure(connection).get_current_heads()
    if later := set(current) - {script.revision for script in scripts.walk_revisions()}:
        log.warning("tables.newer", revisions=sorted(later))
        return False
    done = scripts.get_all_current(current)
    return any(head not in done for head in scripts.get_revisions(scripts.get_heads()))


def _config(histories: Iterable[Path]) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, [_HERE / "versions", *histories])))
    return config
