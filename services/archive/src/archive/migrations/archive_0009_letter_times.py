"""When a letter came to be as it is, which may be long before that was heard."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment

revision = "archive_0009_letter_times"
down_revision = "archive_0008_seen"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("letters", sa.Column("happened_at", Moment(), nullable=True))
    op.execute("UPDATE letters SET happened_at = heard_at")
