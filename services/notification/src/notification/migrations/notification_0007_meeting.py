"""Which meeting a letter is about, so that one that does not arrive is told of before the deadline."""

import sqlalchemy as sa
from alembic import op

revision = "notification_0007_meeting"
down_revision = "notification_0006_seen"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("letters", sa.Column("meeting_date", sa.Date(), nullable=True))
    op.create_index("letters_of_meeting", "letters", ["committee", "meeting_date"])
