"""segments and forced units.

Revision: 0003
After: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "segments",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("condition", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("members", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(condition IS NULL) <> (members IS NULL)", name="segments_one_kind"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "forced_units",
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("experiment", "unit_id"),
    )


def downgrade() -> None:
    op.drop_table("forced_units")
    op.drop_table("segments")
