"""The letters are counted by state without being read."""

from alembic import op

revision = "notification_0009_letter_states"
down_revision = "notification_0008_thread"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("letters_by_state", "letters", ["form", "state"], unique=False)
