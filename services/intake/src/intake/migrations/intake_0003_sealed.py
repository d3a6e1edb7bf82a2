"""Documents that could not be read yet, sealed, and the key of a service that was given none."""

import sqlalchemy as sa
from alembic import op

from chassis.store.tables import Moment

revision = "intake_0003_sealed"
down_revision = "intake_0002_hand_back"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("revisions", sa.Column("document", sa.String(), nullable=True))
    op.add_column("revisions", sa.Column("label", sa.String(), nullable=True))
    op.create_table(
        "sealing_keys",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "sealed_documents",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("submission_id", sa.String(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("family", sa.String(), nullable=True),
        sa.Column("tried_with", sa.String(), nullable=True),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"]),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("sealed_documents_family", "sealed_documents", ["platform", "family"], unique=False)
    op.create_index("sealed_documents_received", "sealed_documents", ["received_at"], unique=False)
