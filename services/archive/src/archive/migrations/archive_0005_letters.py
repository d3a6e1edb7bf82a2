"""What became of the letters about a report."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment

revision = "archive_0005_letters"
down_revision = "archive_0004_compensation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "letters",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("heard_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_letters_submission_id", "letters", ["submission_id"], unique=False)
