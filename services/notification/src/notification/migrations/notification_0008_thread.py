"""Which conversation a letter belongs to, and the way to the first one of it that was sent."""

import sqlalchemy as sa
from alembic import op

revision = "notification_0008_thread"
down_revision = "notification_0007_meeting"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("letters", sa.Column("thread", sa.String(), nullable=True))
    op.create_index(
        "letters_of_thread", "letters", ["recipient", "thread", "state", "settled_at"], unique=False
    )
