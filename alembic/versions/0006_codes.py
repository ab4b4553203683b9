"""codes, their claims, uses and budgets; the ledger knows claims, redemptions, reversals and referrals.

Revision: 0006
After: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OLD = (
    "exposure",
    "order",
    "order_updated",
    "order_cancelled",
    "refund",
    "identify",
    "custom",
    "message_sent",
    "points_earned",
    "points_spent",
)
NEW = (*OLD, "referral", "claim", "redemption", "reversal")
KNOWN, UNIT = "events_type_known", "events_unit"
WITHOUT_UNIT = ("order_cancelled", "refund")
CODE = "type NOT IN ('claim', 'redemption', 'reversal') OR (experiment IS NOT NULL AND variant IS NOT NULL AND rest IS NOT NULL)"
REDEMPTION = "type NOT IN ('redemption', 'reversal') OR (order_id IS NOT NULL AND discount_minor IS NOT NULL AND discount_minor BETWEEN 0 AND 1000000000000000)"


def _number() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text() -> sa.types.TypeEngine:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _zero(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _where(condition: str) -> dict:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _unit(types: tuple) -> str:
    return f"type IN {types!r} OR visitor IS NOT NULL OR customer IS NOT NULL"


def upgrade() -> None:
    with op.batch_alter_table("events") as batch:
        batch.drop_constraint(KNOWN, type_="check")
        batch.drop_constraint(UNIT, type_="check")
        batch.create_check_constraint(KNOWN, f"type IN {NEW!r}")
        batch.create_check_constraint(UNIT, _unit((*WITHOUT_UNIT, "referral")))
        batch.create_check_constraint("events_code", CODE)
        batch.create_check_constraint("events_redemption", REDEMPTION)
    for name, condition in (("updates", "type = 'order_updated'"), ("refunds", "type = 'refund'")):
        op.create_index(f"events_{name}_of_order", "events", ["order_id"], **_where(condition))
    op.create_table(
        "codes",
        sa.Column("id", _number(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("experiment", _text(), nullable=False),
        sa.Column("variant", _text(), nullable=False),
        sa.Column("kind", _text(), nullable=False),
        sa.Column("batch", _text(), nullable=True),
        sa.Column("owner", sa.BigInteger(), nullable=True),
        sa.Column("uses_left", sa.BigInteger(), nullable=True),
        sa.Column("valid_until_us", sa.BigInteger(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(digest) = 32", name="codes_digest_sha256"),
        sa.CheckConstraint("kind IN ('personal', 'shared', 'own', 'pool')", name="codes_kind_known"),
        sa.CheckConstraint("uses_left >= 0", name="codes_never_overdrawn"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("codes_digest_once", "codes", ["digest"], unique=True)
    op.create_index(
        "codes_shared_once", "codes", ["experiment", "variant"], unique=True, **_where("kind = 'shared'")
    )
    op.create_index(
        "codes_to_claim", "codes", ["experiment", "variant", "id"], **_where("kind = 'own' AND owner IS NULL")
    )
    op.create_index("codes_of_batch", "codes", ["experiment", "batch", "id"], **_where("batch IS NOT NULL"))
    op.create_table(
        "code_claims",
        sa.Column("experiment", _text(), nullable=False),
        sa.Column("unit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("variant", _text(), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("valid_until_us", sa.BigInteger(), nullable=True),
        _zero("held_uses"),
        _zero("held_minor"),
        sa.CheckConstraint("held_uses >= 0 AND held_minor >= 0", name="code_claims_never_overdrawn"),
        sa.PrimaryKeyConstraint("experiment", "unit"),
    )
    op.create_index(
        "code_claims_held", "code_claims", ["experiment", "valid_until_us"], **_where("held_uses > 0")
    )
    op.create_table(
        "code_uses",
        sa.Column("id", _number(), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=False),
        sa.Column("experiment", _text(), nullable=False),
        sa.Column("order_id", _text(), nullable=False),
        sa.Column("unit", sa.BigInteger(), nullable=False),
        sa.Column("visitor", sa.BigInteger(), nullable=True),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("state", _text(), nullable=False),
        _zero("amount_minor"),
        _zero("held_minor"),
        sa.Column("of_claim", sa.Boolean(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('reserved', 'redeemed', 'given_back')", name="code_uses_state"),
        sa.CheckConstraint("amount_minor >= 0 AND held_minor >= 0", name="code_uses_money"),
        sa.CheckConstraint("state <> 'reserved' OR expires_at_us IS NOT NULL", name="code_uses_expire"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("code_uses_once", "code_uses", ["code", "order_id"], unique=True)
    op.create_index("code_uses_of_order", "code_uses", ["order_id"])
    op.create_index(
        "code_uses_running", "code_uses", ["experiment", "expires_at_us"], **_where("state = 'reserved'")
    )
    op.create_table(
        "code_budgets",
        sa.Column("experiment", _text(), nullable=False),
        sa.Column("variant", _text(), nullable=False),
        sa.Column("money_cap", sa.BigInteger(), nullable=True),
        sa.Column("uses_cap", sa.BigInteger(), nullable=True),
        _zero("money_spent"),
        _zero("money_held"),
        _zero("uses_spent"),
        _zero("uses_held"),
        sa.Column("closed_at_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "money_spent >= 0 AND money_held >= 0 AND uses_spent >= 0 AND uses_held >= 0",
            name="code_budgets_never_overdrawn",
        ),
        sa.PrimaryKeyConstraint("experiment", "variant"),
    )


def downgrade() -> None:
    for name in ("updates", "refunds"):
        op.drop_index(f"events_{name}_of_order", "events")
    for table in ("code_budgets", "code_uses", "code_claims", "codes"):
        op.drop_table(table)
    with op.batch_alter_table("events") as batch:
        for name in ("events_redemption", "events_code", UNIT, KNOWN):
            batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(KNOWN, f"type IN {OLD!r}")
        batch.create_check_constraint(UNIT, _unit(WITHOUT_UNIT))
