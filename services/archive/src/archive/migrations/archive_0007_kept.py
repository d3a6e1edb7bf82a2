"""Packets that nobody changes, and numbers that are found."""

from alembic import op

revision = "archive_0007_kept"
down_revision = "archive_0006_sign_in"
branch_labels = None
depends_on = None

FROZEN = {
    "packets": (
        "committee, meeting_date, number, id, frozen_at, frozen_by, sha256, meeting, files, "
        "agenda_number, diarienummer"
    ),
    "packet_reports": "packet_id, position, submission_id, revision, version",
}
"""The columns that stay as they were; minutes are noted, and what is disposed of loses its words."""

KEYS = {
    "acts": "id = NEW.id",
    "packets": "id = NEW.id OR (committee, meeting_date, number) "
    "= (NEW.committee, NEW.meeting_date, NEW.number)",
    "packet_reports": "packet_id = NEW.packet_id AND position = NEW.position",
}
"""Which row a new one would take the place of: SQLite can replace a row and fire no trigger for it."""

KEPT_BY_POSTGRESQL = """
CREATE FUNCTION packets_are_kept() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'packets are never changed'; END $$
"""
UNCHANGED_ON_POSTGRESQL = """
CREATE TRIGGER {table}_unchanged BEFORE UPDATE OF {columns} ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION packets_are_kept()
"""
KEPT_ON_POSTGRESQL = """
CREATE TRIGGER {table}_kept BEFORE DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION packets_are_kept()
"""
UNCHANGED_ON_SQLITE = """
CREATE TRIGGER {table}_unchanged BEFORE UPDATE OF {columns} ON {table}
BEGIN SELECT RAISE(ABORT, 'packets are never changed'); END
"""
KEPT_ON_SQLITE = """
CREATE TRIGGER {table}_kept BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, 'packets are never changed'); END
"""
REPLACED_ON_SQLITE = """
CREATE TRIGGER {table}_not_replaced BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE {key})
BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END
"""


def upgrade() -> None:
    op.create_index("reports_by_diarienummer", "reports", ["committee", "diarienummer"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        _keep(UNCHANGED_ON_SQLITE, KEPT_ON_SQLITE)
        for table, key in KEYS.items():
            op.execute(REPLACED_ON_SQLITE.format(table=table, key=key))
    else:
        op.execute(KEPT_BY_POSTGRESQL)
        _keep(UNCHANGED_ON_POSTGRESQL, KEPT_ON_POSTGRESQL)


def _keep(*triggers: str) -> None:
    for table, columns in FROZEN.items():
        for trigger in triggers:
            op.execute(trigger.format(table=table, columns=columns))
