"""links of visitors and customers, to be asked inside a transaction; filled from the ledger.

Revision: 0011
After: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FILL = """INSERT INTO links (visitor, customer, occurred_at_us, seq)
SELECT visitor, customer, occurred_at_us, seq FROM (SELECT visitor, customer, occurred_at_us, seq, row_number() OVER
(PARTITION BY visitor, customer ORDER BY occurred_at_us, event_id) AS earliest FROM events
WHERE visitor IS NOT NULL AND customer IS NOT NULL AND (flags & 2) = 0) found WHERE earliest = 1"""


def upgrade() -> None:
    op.create_table(
        "links",
        sa.Column("visitor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("occurred_at_us", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("visitor", "customer"),
    )
    op.create_index("links_of_customer", "links", ["customer"])
    op.execute(FILL)


def downgrade() -> None:
    op.drop_table("links")
