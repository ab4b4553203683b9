"""the first tables.

Revision: 0001
After: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.Column("last_used_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('pub', 'srv', 'ro', 'mgr', 'adm')", name="api_keys_kind"),
        sa.CheckConstraint("length(sha256) = 64", name="api_keys_sha256"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.CheckConstraint("id >= 1", name="audit_id_positive"),
        sa.CheckConstraint("length(hash) = 64 AND length(previous) = 64", name="audit_hash_length"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
        sa.UniqueConstraint("previous"),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_subject"), ["subject"], unique=False)

    op.create_table(
        "caps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("cap_minor", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.CheckConstraint("cap_minor > 0", name="caps_positive"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("experiment", "version", "metric", name="caps_once"),
    )
    with op.batch_alter_table("caps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_caps_experiment"), ["experiment"], unique=False)

    op.create_table(
        "config",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="config_one_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "events",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("event_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("visitor", sa.BigInteger(), nullable=True),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("received_at_us", sa.BigInteger(), nullable=False),
        sa.Column("flags", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("type", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("occurred_at_us", sa.BigInteger(), nullable=False),
        sa.Column("experiment", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("variant", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("order_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("refund_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("currency", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("items_minor", sa.BigInteger(), nullable=True),
        sa.Column("discount_minor", sa.BigInteger(), nullable=True),
        sa.Column("shipping_minor", sa.BigInteger(), nullable=True),
        sa.Column("shipping_cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("tax_minor", sa.BigInteger(), nullable=True),
        sa.Column("margin_minor", sa.BigInteger(), nullable=True),
        sa.Column("gift_cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("lines_price_minor", sa.BigInteger(), nullable=True),
        sa.Column("lines_cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("value_minor", sa.BigInteger(), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("paid", sa.Boolean(), nullable=True),
        sa.Column("rest", sa.Text(), nullable=True),
        sa.CheckConstraint("type <> 'custom' OR name IS NOT NULL", name="events_custom"),
        sa.CheckConstraint(
            "type <> 'exposure' OR (experiment IS NOT NULL AND variant IS NOT NULL)", name="events_exposure"
        ),
        sa.CheckConstraint("type <> 'order_cancelled' OR order_id IS NOT NULL", name="events_cancellation"),
        sa.CheckConstraint(
            "type <> 'refund' OR (refund_id IS NOT NULL AND order_id IS NOT NULL AND amount_minor IS NOT NULL AND amount_minor BETWEEN 0 AND 1000000000000000)",
            name="events_refund",
        ),
        sa.CheckConstraint(
            "type IN ('exposure', 'order', 'order_updated', 'order_cancelled', 'refund', 'identify', 'custom', 'message_sent', 'points_earned', 'points_spent')",
            name="events_type_known",
        ),
        sa.CheckConstraint(
            "type IN ('order_cancelled', 'refund') OR visitor IS NOT NULL OR customer IS NOT NULL",
            name="events_unit",
        ),
        sa.CheckConstraint(
            "type NOT IN ('order', 'order_updated') OR (order_id IS NOT NULL AND currency IS NOT NULL AND paid IS NOT NULL AND items_minor BETWEEN 0 AND 1000000000000000 AND discount_minor BETWEEN 0 AND items_minor AND shipping_minor BETWEEN 0 AND 1000000000000000 AND items_minor IS NOT NULL AND discount_minor IS NOT NULL AND shipping_minor IS NOT NULL)",
            name="events_order",
        ),
        sa.CheckConstraint("length(digest) = 32", name="events_digest_sha256"),
        sa.CheckConstraint("length(event_id) BETWEEN 1 AND 200", name="events_event_id_length"),
        sa.CheckConstraint("occurred_at_us >= 0", name="events_since_1970"),
        sa.CheckConstraint("seq >= 1", name="events_seq_positive"),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("event_id"),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(
            "events_experiment_type",
            ["experiment", "type"],
            unique=False,
            sqlite_where=sa.text("experiment IS NOT NULL"),
            postgresql_where=sa.text("experiment IS NOT NULL"),
        )
        batch_op.create_index(
            "events_order_once",
            ["order_id"],
            unique=True,
            sqlite_where=sa.text("type = 'order'"),
            postgresql_where=sa.text("type = 'order'"),
        )
        batch_op.create_index(
            "events_refund_once",
            ["refund_id"],
            unique=True,
            sqlite_where=sa.text("type = 'refund'"),
            postgresql_where=sa.text("type = 'refund'"),
        )
        batch_op.create_index("events_type_occurred", ["type", "occurred_at_us"], unique=False)

    op.create_table(
        "experiments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=True),
        sa.Column("frozen_at_us", sa.BigInteger(), nullable=True),
        sa.Column("stopped_at_us", sa.BigInteger(), nullable=True),
        sa.Column("archived_at_us", sa.BigInteger(), nullable=True),
        sa.Column("decision", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("timeline", sa.JSON(), nullable=False),
        sa.Column("closed_through", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'running', 'paused', 'frozen', 'stopped', 'decided', 'archived')",
            name="experiments_state",
        ),
        sa.CheckConstraint("version >= 1", name="experiments_version"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("experiments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_experiments_state"), ["state"], unique=False)

    op.create_table(
        "holdouts",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(seed) = 16", name="holdouts_seed"),
        sa.CheckConstraint("share >= 0 AND share <= 1", name="holdouts_share"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "identifiers",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.CheckConstraint("kind IN ('visitor', 'customer')", name="identifiers_kind_known"),
        sa.CheckConstraint("length(id) BETWEEN 1 AND 200", name="identifiers_id_length"),
        sa.CheckConstraint("number >= 1", name="identifiers_number_positive"),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("identifiers", schema=None) as batch_op:
        batch_op.create_index("identifiers_id_once", ["kind", "id"], unique=True)

    op.create_table(
        "layers",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(seed) = 16", name="layers_seed"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "login_links",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=3), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.Column("used_at_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("role IN ('ro', 'mgr', 'adm')", name="login_links_role"),
        sa.PrimaryKeyConstraint("token_sha256"),
    )
    op.create_table(
        "looks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("treatment", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.CheckConstraint("number >= 1", name="looks_number"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("experiment", "version", "metric", "treatment", "number", name="looks_once"),
    )
    with op.batch_alter_table("looks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_looks_experiment"), ["experiment"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("looks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_looks_experiment"))

    op.drop_table("looks")
    op.drop_table("login_links")
    op.drop_table("layers")
    with op.batch_alter_table("identifiers", schema=None) as batch_op:
        batch_op.drop_index("identifiers_id_once")

    op.drop_table("identifiers")
    op.drop_table("holdouts")
    with op.batch_alter_table("experiments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_experiments_state"))

    op.drop_table("experiments")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("events_type_occurred")
        batch_op.drop_index(
            "events_refund_once",
            sqlite_where=sa.text("type = 'refund'"),
            postgresql_where=sa.text("type = 'refund'"),
        )
        batch_op.drop_index(
            "events_order_once",
            sqlite_where=sa.text("type = 'order'"),
            postgresql_where=sa.text("type = 'order'"),
        )
        batch_op.drop_index(
            "events_experiment_type",
            sqlite_where=sa.text("experiment IS NOT NULL"),
            postgresql_where=sa.text("experiment IS NOT NULL"),
        )

    op.drop_table("events")
    op.drop_table("config")
    with op.batch_alter_table("caps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_caps_experiment"))

    op.drop_table("caps")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_subject"))

    op.drop_table("audit")
    op.drop_table("api_keys")
