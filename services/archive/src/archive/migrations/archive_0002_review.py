"""What a secretary does with a report, and the packets that are frozen of them."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment, RowNumber

revision = "archive_0002_review"
down_revision = "archive_0001"
branch_labels = None
depends_on = None

KEPT_BY_POSTGRESQL = """
CREATE FUNCTION acts_are_kept() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'acts are only ever added'; END $$
"""
KEPT_ON_POSTGRESQL = """
CREATE TRIGGER acts_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON acts
FOR EACH STATEMENT EXECUTE FUNCTION acts_are_kept()
"""
KEPT_ON_SQLITE = """
CREATE TRIGGER acts_kept_from_{} BEFORE {} ON acts
BEGIN SELECT RAISE(ABORT, 'acts are only ever added'); END
"""


def upgrade() -> None:
    _add_to_reports()
    op.add_column("acts", sa.Column("before", sa.JSON(), nullable=True))
    _keep_acts()
    _make_set_aside()
    _make_diaries()
    _make_sealed()
    _make_packets()


def _add_to_reports() -> None:
    for column in (
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("placed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("masked", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("corrects", sa.Integer(), nullable=True),
        sa.Column("registered_at", Moment(), nullable=True),
        sa.Column("paragraph", sa.String(), nullable=True),
    ):
        op.add_column("reports", column)


def _keep_acts() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(KEPT_ON_SQLITE.format(change.lower(), change))
    else:
        op.execute(KEPT_BY_POSTGRESQL)
        op.execute(KEPT_ON_POSTGRESQL)


def _make_set_aside() -> None:
    op.create_table(
        "set_aside",
        sa.Column("id", RowNumber, autoincrement=True, nullable=False),
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_set_aside_submission_id", "set_aside", ["submission_id"], unique=False)
    op.create_index("set_aside_of_committee", "set_aside", ["committee", "status"], unique=False)


def _make_diaries() -> None:
    op.create_table(
        "diaries",
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("committee", "year"),
    )


def _make_sealed() -> None:
    op.create_table(
        "sealing_keys",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "originals",
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "version"),
    )


def _make_packets() -> None:
    op.create_table(
        "packets",
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("meeting_date", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("frozen_at", Moment(), nullable=False),
        sa.Column("frozen_by", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("meeting", sa.JSON(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("agenda_number", sa.String(), nullable=False),
        sa.Column("diarienummer", sa.String(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("paragraph", sa.String(), nullable=True),
        sa.Column("removed_at", Moment(), nullable=True),
        sa.Column("removal", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("committee", "meeting_date", "number"),
        sa.UniqueConstraint("id"),
    )
    op.create_table(
        "packet_reports",
        sa.Column("packet_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["packet_id"], ["packets.id"]),
        sa.PrimaryKeyConstraint("packet_id", "position"),
    )
    op.create_index("ix_packet_reports_submission_id", "packet_reports", ["submission_id"], unique=False)
