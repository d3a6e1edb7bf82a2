"""Submissions, their revisions, their keys and their history."""

from alembic import op

from intake.submissions import metadata

revision = "intake_0001"
down_revision = None
branch_labels = ("intake",)
depends_on = "chassis_0001"


def upgrade() -> None:
    metadata.create_all(op.get_bind())
