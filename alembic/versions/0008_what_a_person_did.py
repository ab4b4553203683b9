"""what a person did is found by its number, and exposures of an experiment by their time.

Revision: 0008
After: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DEEDS = "(type IN ('order', 'order_updated', 'message_sent') OR name = 'unsubscribe')"
OLD, NEW = "events_experiment_type", "events_of_experiment"


def _where(condition: str) -> dict:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    in_experiment = _where("experiment IS NOT NULL")
    op.create_index(
        NEW, "events", ["experiment", "type", "occurred_at_us", "visitor", "customer"], **in_experiment
    )
    op.drop_index(OLD, "events")
    for kind in ("visitor", "customer"):
        deeds = _where(f"{kind} IS NOT NULL AND {DEEDS}")
        op.create_index(f"events_deeds_of_{kind}", "events", [kind, "type"], **deeds)


def downgrade() -> None:
    op.create_index(OLD, "events", ["experiment", "type"], **_where("experiment IS NOT NULL"))
    for name in (NEW, "events_deeds_of_visitor", "events_deeds_of_customer"):
        op.drop_index(name, "events")
