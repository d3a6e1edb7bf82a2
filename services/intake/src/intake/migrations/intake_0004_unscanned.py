"""What waits for the virus scanner, to be said anew."""

import sqlalchemy as sa
from alembic import op

revision = "intake_0004_unscanned"
down_revision = "intake_0003_sealed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unscanned",
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"]),
        sa.PrimaryKeyConstraint("submission_id"),
    )
