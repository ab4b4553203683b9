"""Codes, who claimed them, who used them, and what is left of budgets. People are the ledger's numbers."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

KINDS = ("personal", "shared", "own", "pool")
STATES = ("reserved", "redeemed", "given_back")


def _number() -> Column[Any]:
    return Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _int64(*, nullable: bool = False) -> Column[Any]:
    return Column(BigInteger, nullable=nullable)


def _zero() -> Column[Any]:
    return Column(BigInteger, nullable=False, server_default=text("0"))


def _text(*, primary: bool = False, nullable: bool = False) -> Column[Any]:
    kind = Text().with_variant(Text(collation="C"), "postgresql")
    return Column(kind, primary_key=primary, nullable=nullable)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class CodeRow(SQLModel, table=True):
    """One code; its text stands nowhere.

    Attributes:
        id: surrogate; what the ledger calls it.
        digest: HMAC-SHA256 of its text, see `vault.Vault`; `ciphertext` shows it again.
        experiment: key; `variant` likewise: whose terms it carries.
        kind: personal (made at a claim), shared, own (imported from the shop), pool (made for a mailing).
        batch: name of the import or the pool, or None.
        owner: number of the unit it was claimed by, or None.
        uses_left: how often it may still be used; None: no limit.
        valid_until_us: not to be used from then on, microseconds since 1970 UTC; None: by the offer alone.
        created_at_us: when it was stored.
        upload: the last upload of a file that held it, or None.
    """

    __tablename__: ClassVar[Any] = "codes"
    __table_args__: ClassVar[Any] = (
        Index("codes_digest_once", "digest", unique=True),
        Index("codes_shared_once", "experiment", "variant", unique=True, **_where("kind = 'shared'")),
        Index("codes_to_claim", "experiment", "variant", "id", **_where("kind = 'own' AND owner IS NULL")),
        Index("codes_of_batch", "experiment", "batch", "id", **_where("batch IS NOT NULL")),
        CheckConstraint("length(digest) = 32", name="codes_digest_sha256"),
        CheckConstraint(f"kind IN {KINDS!r}", name="codes_kind_known"),
        CheckConstraint("uses_left >= 0", name="codes_never_overdrawn"),
    )

    id: int | None = Field(default=None, sa_column=_number())
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    ciphertext: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    experiment: str = Field(sa_column=_text())
    variant: str = Field(sa_column=_text())
    kind: str = Field(sa_column=_text())
    batch: str | None = Field(default=None, sa_column=_text(nullable=True))
    owner: int | None = Field(default=None, sa_column=_int64(nullable=True))
    uses_left: int | None = Field(default=None, sa_column=_int64(nullable=True))
    valid_until_us: int | None = Field(default=None, sa_column=_int64(nullable=True))
    created_at_us: int = Field(sa_column=_int64())
    upload: int | None = Field(default=None, sa_column=_int64(nullable=True))


class BatchRow(SQLModel, table=True):
    """One import of the shop's own codes, or one pool for a mailing.

    Attributes:
        experiment: key.
        batch: its name.
        variant: whose terms its codes carry.
        kind: own, shared or pool.
        codes: how many it has.
        valid_until_us: of a pool's codes, microseconds since 1970 UTC; None: by the offer alone.
        created_at_us: when it was begun.
    """

    __tablename__: ClassVar[Any] = "code_batches"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("kind IN ('own', 'shared', 'pool')", name="code_batches_kind_known"),
        CheckConstraint("codes >= 0", name="code_batches_count"),
    )

    experiment: str = Field(sa_column=_text(primary=True))
    batch: str = Field(sa_column=_text(primary=True))
    variant: str = Field(sa_column=_text())
    kind: str = Field(sa_column=_text())
    codes: int = Field(default=0, sa_column=_zero())
    valid_until_us: int | None = Field(default=None, sa_column=_int64(nullable=True))
    created_at_us: int = Field(sa_column=_int64())


class ClaimRow(SQLModel, table=True):
    """One unit's code of one experiment, and what the budget holds for it.

    Attributes:
        experiment: key.
        unit: number of the unit.
        variant: the unit's.
        code: id of the code.
        claimed_at_us: microseconds since 1970 UTC.
        valid_until_us: for this unit; None: by the offer alone.
        held_uses: uses for which the budget still holds something; `held_minor` is what it holds in money.
    """

    __tablename__: ClassVar[Any] = "code_claims"
    __table_args__: ClassVar[Any] = (
        Index("code_claims_held", "experiment", "valid_until_us", **_where("held_uses > 0")),
        CheckConstraint("held_uses >= 0 AND held_minor >= 0", name="code_claims_never_overdrawn"),
    )

    experiment: str = Field(sa_column=_text(primary=True))
    unit: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    variant: str = Field(sa_column=_text())
    code: int = Field(sa_column=_int64())
    claimed_at_us: int = Field(sa_column=_int64())
    valid_until_us: int | None = Field(default=None, sa_column=_int64(nullable=True))
    held_uses: int = Field(default=0, sa_column=_zero())
    held_minor: int = Field(default=0, sa_column=_zero())


class UseRow(SQLModel, table=True):
    """One use of a code by one order.

    Attributes:
        id: surrogate.
        code: id of the code; `experiment` is the code's.
        order_id: the shop's.
        unit: number of whom the use counts against; visitor and customer as the shop named them.
        state: reserved (until `expires_at_us`), redeemed or given_back.
        amount_minor: the discount: given, or expected while reserved.
        held_minor: what the budget holds for a reservation.
        of_claim: whether that came out of what the budget held for the owner.
        with_order: given back because the order came to nothing, not by the shop's rollback.
        at_us: moment of the last change, microseconds since 1970 UTC.
    """

    __tablename__: ClassVar[Any] = "code_uses"
    __table_args__: ClassVar[Any] = (
        Index("code_uses_once", "code", "order_id", unique=True),
        Index("code_uses_of_order", "order_id"),
        Index("code_uses_running", "experiment", "expires_at_us", **_where("state = 'reserved'")),
        CheckConstraint(f"state IN {STATES!r}", name="code_uses_state"),
        CheckConstraint("amount_minor >= 0 AND held_minor >= 0", name="code_uses_money"),
        CheckConstraint("state <> 'reserved' OR expires_at_us IS NOT NULL", name="code_uses_expire"),
    )

    id: int | None = Field(default=None, sa_column=_number())
    code: int = Field(sa_column=_int64())
    experiment: str = Field(sa_column=_text())
    order_id: str = Field(sa_column=_text())
    unit: int = Field(sa_column=_int64())
    visitor: int | None = Field(default=None, sa_column=_int64(nullable=True))
    customer: int | None = Field(default=None, sa_column=_int64(nullable=True))
    state: str = Field(sa_column=_text())
    amount_minor: int = Field(default=0, sa_column=_zero())
    held_minor: int = Field(default=0, sa_column=_zero())
    of_claim: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    with_order: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    expires_at_us: int | None = Field(default=None, sa_column=_int64(nullable=True))
    at_us: int = Field(sa_column=_int64())


class BudgetRow(SQLModel, table=True):
    """What was given away and what is promised, of one experiment or one variant's offer.

    Attributes:
        experiment: key.
        variant: key, or empty for the experiment as a whole.
        money_cap: minor units; None: no limit. `uses_cap` likewise.
        money_spent: discounts of redeemed uses; `uses_spent` counts them.
        money_held: expected for what is claimed or reserved; `uses_held` counts it.
        closed_at_us: since when nobody new is enrolled because of it, or None.
    """

    __tablename__: ClassVar[Any] = "code_budgets"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(
            "money_spent >= 0 AND money_held >= 0 AND uses_spent >= 0 AND uses_held >= 0",
            name="code_budgets_never_overdrawn",
        ),
    )

    experiment: str = Field(sa_column=_text(primary=True))
    variant: str = Field(sa_column=_text(primary=True))
    money_cap: int | None = Field(default=None, sa_column=_int64(nullable=True))
    uses_cap: int | None = Field(default=None, sa_column=_int64(nullable=True))
    money_spent: int = Field(default=0, sa_column=_zero())
    money_held: int = Field(default=0, sa_column=_zero())
    uses_spent: int = Field(default=0, sa_column=_zero())
    uses_held: int = Field(default=0, sa_column=_zero())
    closed_at_us: int | None = Field(default=None, sa_column=_int64(nullable=True))
