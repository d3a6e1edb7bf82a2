"""Inbox, outbox, parked, errands."""

from alembic import op

from chassis.store.tables import errands, inbox, outbox, parked

revision = "chassis_0001"
down_revision = None
branch_labels = ("chassis",)
depends_on = None


def upgrade() -> None:
    for table in (inbox, outbox, parked, errands):
        table.create(op.get_bind())
