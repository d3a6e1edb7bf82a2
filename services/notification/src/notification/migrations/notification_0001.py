"""The letters."""

from alembic import op

from notification.mailbag import metadata

revision = "notification_0001"
down_revision = None
branch_labels = ("notification",)
depends_on = "chassis_0001"


def upgrade() -> None:
    metadata.create_all(op.get_bind())
