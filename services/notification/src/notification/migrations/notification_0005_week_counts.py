"""What intake counted of each week."""

import sqlalchemy as sa
from alembic import op

revision = "notification_0005_week_counts"
down_revision = "notification_0004_known_meetings"
branch_labels = None
depends_on = None

_COUNTS = ("received", "rejected", "held", "returned", "filed", "frozen", "parked")


def upgrade() -> None:
    op.create_table(
        "week_counts",
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        *(sa.Column(count, sa.Integer(), nullable=False) for count in _COUNTS),
        sa.PrimaryKeyConstraint("form", "until"),
    )
