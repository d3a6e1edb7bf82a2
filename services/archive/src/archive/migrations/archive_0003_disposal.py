"""What was proposed for disposal, and what became of it."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment, RowNumber

revision = "archive_0003_disposal"
down_revision = "archive_0002_review"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "disposals",
        sa.Column("id", RowNumber, autoincrement=True, nullable=False),
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("packets", sa.JSON(), nullable=False),
        sa.Column("proposed_at", Moment(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("removed_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_disposals_committee", "disposals", ["committee"], unique=False)
