"""Whose a judged submission is and what the platform calls it, so that a check knows a completion."""

import sqlalchemy as sa
from alembic import op

revision = "validation_0002"
down_revision = "validation_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("judgements", sa.Column("caller", sa.String(), nullable=True))
    op.add_column("judgements", sa.Column("reference", sa.String(), nullable=True))
    op.create_index("judgements_of_reference", "judgements", ["caller", "reference"], unique=False)
