"""Reports, and every act upon them."""

from alembic import op

from archive.reports import metadata

revision = "archive_0001"
down_revision = None
branch_labels = ("archive",)
depends_on = "chassis_0001"


def upgrade() -> None:
    metadata.create_all(op.get_bind())
