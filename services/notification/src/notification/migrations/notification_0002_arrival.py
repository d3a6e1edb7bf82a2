"""Since when a letter is put off, and what its reports of delivery said, with their times."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment

revision = "notification_0002"
down_revision = "notification_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("deferred_since", "delivered_at", "delayed_at", "bounced_at"):
        op.add_column("letters", sa.Column(name, Moment(), nullable=True))
    op.add_column("letters", sa.Column("arrival_status", sa.String(), nullable=True))
