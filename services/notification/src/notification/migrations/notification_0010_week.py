"""The way to a committee's letters of a week, past those of all the weeks before."""

from alembic import op

revision = "notification_0010_week"
down_revision = "notification_0009_letter_states"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("letters_of_week", "letters", ["committee", "written_at"], unique=False)
