"""Only what was published stands in the index that finds it: what is said enters one index less."""

import sqlalchemy as sa
from alembic import op

revision = "chassis_0002_published"
down_revision = "chassis_0001"
branch_labels = None
depends_on = None

PUBLISHED = sa.text("published_at IS NOT NULL")


def upgrade() -> None:
    op.drop_index("outbox_published", "outbox")
    op.create_index(
        "outbox_published",
        "outbox",
        ["published_at"],
        unique=False,
        sqlite_where=PUBLISHED,
        postgresql_where=PUBLISHED,
    )
