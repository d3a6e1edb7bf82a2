"""Periods of compensation that are closed, and what each of them paid."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment

revision = "archive_0004_compensation"
down_revision = "archive_0003_disposal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "compensation_periods",
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("closed_at", Moment(), nullable=False),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("committee", "first_day"),
    )
    op.create_table(
        "compensation_lines",
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("paid_in", sa.Date(), nullable=False),
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("concerns", sa.Date(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("chair_decision", sa.Text(), nullable=False),
        sa.Column("diarienummer", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("committee", "paid_in", "submission_id", "kind", "concerns"),
        sa.ForeignKeyConstraint(
            ["committee", "paid_in"],
            ["compensation_periods.committee", "compensation_periods.first_day"],
        ),
        sa.ForeignKeyConstraint(
            ["committee", "concerns"],
            ["compensation_periods.committee", "compensation_periods.first_day"],
        ),
    )
    op.create_index("reports_of_days", "reports", ["committee", "event_date"], unique=False)
