"""answers of calls with an Idempotency-Key.

Revision: 0004
After: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("claimed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("length(name) = 32 AND length(fingerprint) = 32", name="kept_answers_hmac"),
        sa.PrimaryKeyConstraint("key_id", "name"),
    )
    op.create_index("ix_kept_answers_claimed_at_us", "kept_answers", ["claimed_at_us"])


def downgrade() -> None:
    op.drop_table("kept_answers")
