"""Reports, and every act upon them."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment, RowNumber

revision = "archive_0001"
down_revision = None
branch_labels = ("archive",)
depends_on = "chassis_0001"


def upgrade() -> None:
    op.create_table(
        "acts",
        sa.Column("id", RowNumber, autoincrement=True, nullable=False),
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_acts_submission_id"), "acts", ["submission_id"], unique=False)
    op.create_table(
        "reports",
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("form_version", sa.Integer(), nullable=False),
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("meeting_date", sa.Date(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("unit_name", sa.String(), nullable=True),
        sa.Column("event_date", sa.Date(), nullable=True),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("arrived_at", Moment(), nullable=False),
        sa.Column("diarienummer", sa.String(), nullable=True),
        sa.Column("submitter", sa.JSON(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("compensation", sa.JSON(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("submission_id"),
    )
    op.create_index(
        "reports_of_meeting", "reports", ["committee", "meeting_date", "arrived_at"], unique=False
    )
