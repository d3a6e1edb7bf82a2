"""What a held report was judged from, since the chair's decision has it judged anew."""

import sqlalchemy as sa
from alembic import op

revision = "validation_0003"
down_revision = "validation_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("judgements", sa.Column("received", sa.JSON(), nullable=True))
