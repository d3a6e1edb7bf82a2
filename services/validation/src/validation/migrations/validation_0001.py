"""The judgements."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment

revision = "validation_0001"
down_revision = None
branch_labels = ("validation",)
depends_on = "chassis_0001"


def upgrade() -> None:
    op.create_table(
        "judgements",
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("standing", sa.Boolean(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("event_date", sa.Date(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=True),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("judged_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "revision"),
    )
    op.create_index(
        "judgements_of_person",
        "judgements",
        ["form", "person_id", "event_date"],
        unique=False,
        sqlite_where=sa.text("standing IS 1"),
        postgresql_where=sa.text("standing IS true"),
    )
    op.create_index(
        "judgements_of_unit",
        "judgements",
        ["form", "unit", "event_date"],
        unique=False,
        sqlite_where=sa.text("standing IS 1"),
        postgresql_where=sa.text("standing IS true"),
    )
