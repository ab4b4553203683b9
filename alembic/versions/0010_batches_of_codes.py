"""batches of codes: imports of a shop's own, pools for mailings.

Revision: 0010
After: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _text() -> sa.types.TypeEngine:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("codes", sa.Column("upload", sa.BigInteger(), nullable=True))
    op.create_table(
        "code_batches",
        sa.Column("experiment", _text(), nullable=False),
        sa.Column("batch", _text(), nullable=False),
        sa.Column("variant", _text(), nullable=False),
        sa.Column("kind", _text(), nullable=False),
        sa.Column("codes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("valid_until_us", sa.BigInteger(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('own', 'shared', 'pool')", name="code_batches_kind_known"),
        sa.CheckConstraint("codes >= 0", name="code_batches_count"),
        sa.PrimaryKeyConstraint("experiment", "batch"),
    )


def downgrade() -> None:
    op.drop_table("code_batches")
    with op.batch_alter_table("codes") as batch:
        batch.drop_column("upload")
