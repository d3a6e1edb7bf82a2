"""What facts read of a report, beside all of it: the past is read often, and mostly for a few fields."""

import sqlalchemy as sa
from alembic import op

revision = "validation_0004"
down_revision = "validation_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("judgements", sa.Column("counted", sa.JSON(), nullable=True))
    op.add_column("judgements", sa.Column("counted_fields", sa.String(), nullable=True))
