"""codes that orders name, found by their digest; fingerprints of orders as numbers.

Revision: 0009
After: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _text() -> sa.types.TypeEngine:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "order_codes",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("length(digest) = 32", name="order_codes_digest_sha256"),
        sa.PrimaryKeyConstraint("seq", "digest"),
    )
    op.create_index("order_codes_digest", "order_codes", ["digest"])
    op.create_table(
        "order_prints",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", _text(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('payment', 'address', 'device')", name="order_prints_kind_known"),
        sa.PrimaryKeyConstraint("seq", "kind"),
    )


def downgrade() -> None:
    op.drop_table("order_prints")
    op.drop_table("order_codes")
