"""The judgements."""

from alembic import op

from validation.judgements import metadata

revision = "validation_0001"
down_revision = None
branch_labels = ("validation",)
depends_on = "chassis_0001"


def upgrade() -> None:
    metadata.create_all(op.get_bind())
