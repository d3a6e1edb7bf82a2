"""Which revisions of reports a secretary has seen."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment

revision = "archive_0008_seen"
down_revision = "archive_0007_kept"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seen",
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "revision"),
    )
