"""What the toy services remember."""

from alembic import op

from support.toy_house import toy

revision = "toy_0001"
down_revision = None
branch_labels = ("toy",)
depends_on = "chassis_0001"


def upgrade() -> None:
    toy.create_all(op.get_bind())
