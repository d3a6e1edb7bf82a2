"""Which revisions of reports a secretary has seen, and which revision of each stands."""

import sqlalchemy as sa
from alembic import op

revision = "notification_0006_seen"
down_revision = "notification_0005_week_counts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seen",
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "revision"),
    )
    op.add_column("standings", sa.Column("revision", sa.Integer(), nullable=True))
