"""The weeks of which has been told what came in."""

import sqlalchemy as sa
from alembic import op

revision = "intake_0005_weeks_counted"
down_revision = "intake_0004_unscanned"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "weeks_counted",
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("week", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("form", "week"),
    )
