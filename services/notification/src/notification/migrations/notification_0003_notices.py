"""What waits to be told, what is known of each report, and which reports a letter told of."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment

revision = "notification_0003"
down_revision = "notification_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("told_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notices_waiting", "notices", ["told_at", "due_at"], unique=False)
    op.create_index(op.f("ix_notices_submission_id"), "notices", ["submission_id"], unique=False)
    op.create_table(
        "standings",
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("meeting_date", sa.Date(), nullable=True),
        sa.Column("since", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("submission_id"),
    )
    op.create_index(
        "standings_of_meeting", "standings", ["committee", "status", "meeting_date"], unique=False
    )
    op.create_table(
        "letter_reports",
        sa.Column("letter_id", sa.String(), nullable=False),
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("letter_id", "submission_id", "revision"),
    )
