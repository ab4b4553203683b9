"""uses of codes remember that they were given back with their order; cancellations are found by their order.

Revision: 0007
After: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CANCELLED = {
    "sqlite_where": sa.text("type = 'order_cancelled'"),
    "postgresql_where": sa.text("type = 'order_cancelled'"),
}


def upgrade() -> None:
    with_order = sa.Column("with_order", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    op.add_column("code_uses", with_order)
    op.create_index("events_cancellations_of_order", "events", ["order_id"], **CANCELLED)


def downgrade() -> None:
    op.drop_index("events_cancellations_of_order", "events")
    with op.batch_alter_table("code_uses") as batch:
        batch.drop_column("with_order")
