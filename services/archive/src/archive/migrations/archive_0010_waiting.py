"""What waits for a meeting is counted, and moved with the calendar, without reading all that ever came."""

import sqlalchemy as sa
from alembic import op

revision = "archive_0010_waiting"
down_revision = "archive_0009_letter_times"
branch_labels = None
depends_on = None

WAITING = sa.text("status IN ('filed', 'held')")


def upgrade() -> None:
    op.create_index(
        "reports_waiting",
        "reports",
        ["committee", "status", "meeting_date"],
        unique=False,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
