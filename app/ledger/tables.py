"""The tables of the ledger: append-only events, what stands beside them, the only place of people's ids."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from app.ledger.events import MAX_ID_LENGTH, MONEY_BOUND
from app.ledger.veiled import PRINT_KINDS

TYPES = (
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
    "referral",
    "claim",
    "redemption",
    "reversal",
)
DEEDS = "(type IN ('order', 'order_updated', 'message_sent') OR name = 'unsubscribe')"
"""Rows that are found by whose they are; a query must say it in these very words to use the index."""

_ORDER = "type NOT IN ('order', 'order_updated')"


def _key() -> Column[Any]:
    """A 64-bit key assigned by us; on SQLite it is the rowid itself."""
    return Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)


def _int64(*, nullable: bool = True) -> Column[Any]:
    return Column(BigInteger, nullable=nullable)


def _exact() -> Any:
    """Text compared byte by byte on both databases, so that ties break alike."""
    return Text().with_variant(Text(collation="C"), "postgresql")


def _exact_text(*, nullable: bool = False) -> Column[Any]:
    return Column(_exact(), nullable=nullable)


def _partial(name: str, column: str, condition: str) -> Index:
    return Index(name, column, unique=True, sqlite_where=text(condition), postgresql_where=text(condition))


def _of_order(name: str, condition: str) -> Index:
    return Index(name, "order_id", sqlite_where=text(condition), postgresql_where=text(condition))


def _deeds_of(kind: str) -> Index:
    condition = text(f"{kind} IS NOT NULL AND {DEEDS}")
    name = f"events_deeds_of_{kind}"
    return Index(name, kind, "type", sqlite_where=condition, postgresql_where=condition)


class EventRow(SQLModel, table=True):
    """One event; rows are only ever added. Columns without a meaning for the type are null.

    Attributes:
        seq: 1, 2, 3 … without a gap, in the order of commits.
        visitor: number of the visitor id in `identifiers`; `customer` likewise.
        digest: SHA-256 of the content, see `rows.content_digest`.
        flags: bits of `rows`: `CONTRADICTS_HASH`, `UNTRUSTED`, `FORCED`, `BOT`, `HELD_BACK`.
        lines_price_minor: Σ quantity × price, null unless every line has a cost; `lines_cost_minor` likewise.
        rest: JSON object of what has no column of its own, or null.
    """

    __tablename__: ClassVar[Any] = "events"
    __table_args__: ClassVar[Any] = (
        _partial("events_order_once", "order_id", "type = 'order'"),
        _partial("events_refund_once", "refund_id", "type = 'refund'"),
        Index(
            "events_of_experiment",
            "experiment",
            "type",
            "occurred_at_us",
            "visitor",  # these two spare a look at the row
            "customer",
            sqlite_where=text("experiment IS NOT NULL"),
            postgresql_where=text("experiment IS NOT NULL"),
        ),
        Index("events_type_occurred", "type", "occurred_at_us"),
        _of_order("events_updates_of_order", "type = 'order_updated'"),
        _of_order("events_refunds_of_order", "type = 'refund'"),
        _of_order("events_cancellations_of_order", "type = 'order_cancelled'"),
        _deeds_of("visitor"),
        _deeds_of("customer"),
        CheckConstraint("seq >= 1", name="events_seq_positive"),
        CheckConstraint(f"length(event_id) BETWEEN 1 AND {MAX_ID_LENGTH}", name="events_event_id_length"),
        CheckConstraint(f"type IN {TYPES!r}", name="events_type_known"),
        CheckConstraint("occurred_at_us >= 0", name="events_since_1970"),
        CheckConstraint("length(digest) = 32", name="events_digest_sha256"),
        CheckConstraint(
            "type IN ('order_cancelled', 'refund', 'referral')"
            " OR visitor IS NOT NULL OR customer IS NOT NULL",
            name="events_unit",
        ),
        CheckConstraint(
            "type <> 'exposure' OR (experiment IS NOT NULL AND variant IS NOT NULL)", name="events_exposure"
        ),
        CheckConstraint(
            f"{_ORDER} OR (order_id IS NOT NULL AND currency IS NOT NULL AND paid IS NOT NULL"
            f" AND items_minor BETWEEN 0 AND {MONEY_BOUND} AND discount_minor BETWEEN 0 AND items_minor"
            f" AND shipping_minor BETWEEN 0 AND {MONEY_BOUND}"
            " AND items_minor IS NOT NULL AND discount_minor IS NOT NULL AND shipping_minor IS NOT NULL)",
            name="events_order",
        ),
        CheckConstraint(
            "type <> 'refund' OR (refund_id IS NOT NULL AND order_id IS NOT NULL AND amount_minor IS NOT NULL"
            f" AND amount_minor BETWEEN 0 AND {MONEY_BOUND})",
            name="events_refund",
        ),
        CheckConstraint("type <> 'order_cancelled' OR order_id IS NOT NULL", name="events_cancellation"),
        CheckConstraint("type <> 'custom' OR name IS NOT NULL", name="events_custom"),
        CheckConstraint(
            "type NOT IN ('claim', 'redemption', 'reversal')"
            " OR (experiment IS NOT NULL AND variant IS NOT NULL AND rest IS NOT NULL)",
            name="events_code",
        ),
        CheckConstraint(
            "type NOT IN ('redemption', 'reversal') OR (order_id IS NOT NULL AND discount_minor IS NOT NULL"
            f" AND discount_minor BETWEEN 0 AND {MONEY_BOUND})",
            name="events_redemption",
        ),
    )

    seq: int = Field(sa_column=_key())
    event_id: str = Field(
        sa_column=Column(Text().with_variant(Text(collation="C"), "postgresql"), nullable=False, unique=True)
    )
    visitor: int | None = Field(default=None, sa_column=_int64())
    customer: int | None = Field(default=None, sa_column=_int64())
    received_at_us: int = Field(sa_column=_int64(nullable=False))
    flags: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    type: str = Field(sa_column=_exact_text())
    occurred_at_us: int = Field(sa_column=_int64(nullable=False))
    experiment: str | None = Field(default=None, sa_column=_exact_text(nullable=True))
    variant: str | None = Field(default=None, sa_column=_exact_text(nullable=True))
    order_id: str | None = Field(default=None, sa_column=_exact_text(nullable=True))
    refund_id: str | None = Field(default=None, sa_column=_exact_text(nullable=True))
    currency: str | None = Field(default=None, sa_column=_exact_text(nullable=True))
    items_minor: int | None = Field(default=None, sa_column=_int64())
    discount_minor: int | None = Field(default=None, sa_column=_int64())
    shipping_minor: int | None = Field(default=None, sa_column=_int64())
    shipping_cost_minor: int | None = Field(default=None, sa_column=_int64())
    tax_minor: int | None = Field(default=None, sa_column=_int64())
    margin_minor: int | None = Field(default=None, sa_column=_int64())
    gift_cost_minor: int | None = Field(default=None, sa_column=_int64())
    lines_price_minor: int | None = Field(default=None, sa_column=_int64())
    lines_cost_minor: int | None = Field(default=None, sa_column=_int64())
    amount_minor: int | None = Field(default=None, sa_column=_int64())
    value_minor: int | None = Field(default=None, sa_column=_int64())
    value: int | None = Field(default=None, sa_column=_int64())
    name: str | None = Field(default=None, sa_column=_exact_text(nullable=True))
    paid: bool | None = Field(default=None, sa_column=Column(Boolean, nullable=True))
    rest: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class IdentifierRow(SQLModel, table=True):
    """A person's id and the random number that stands for it everywhere else.

    Numbers of visitors and customers come from one space and never coincide.
    """

    __tablename__: ClassVar[Any] = "identifiers"
    __table_args__: ClassVar[Any] = (
        Index("identifiers_id_once", "kind", "id", unique=True),
        CheckConstraint("kind IN ('visitor', 'customer')", name="identifiers_kind_known"),
        CheckConstraint("number >= 1", name="identifiers_number_positive"),
        CheckConstraint(f"length(id) BETWEEN 1 AND {MAX_ID_LENGTH}", name="identifiers_id_length"),
    )

    number: int = Field(sa_column=_key())
    kind: str = Field(sa_column=_exact_text())
    id: str = Field(sa_column=_exact_text())


class LinkRow(SQLModel, table=True):
    """A visitor and a customer that a trusted event names together; of each pair the earliest.

    Attributes:
        visitor: number of the visitor.
        customer: number of the customer.
        occurred_at_us: of that event, microseconds since 1970 UTC.
        seq: of that event.
    """

    __tablename__: ClassVar[Any] = "links"
    __table_args__: ClassVar[Any] = (Index("links_of_customer", "customer"),)

    visitor: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    customer: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    occurred_at_us: int = Field(sa_column=_int64(nullable=False))
    seq: int = Field(sa_column=_int64(nullable=False))


class OrderCodeRow(SQLModel, table=True):
    """A code that an order's row names, of ours or not; `app.codes` knows which.

    Attributes:
        seq: of the row.
        digest: what the code is found by, 32 bytes; the row's JSON shows its first half.
        ciphertext: its text, for showing a code that is not ours; None once its person is erased.
    """

    __tablename__: ClassVar[Any] = "order_codes"
    __table_args__: ClassVar[Any] = (
        Index("order_codes_digest", "digest"),
        CheckConstraint("length(digest) = 32", name="order_codes_digest_sha256"),
    )

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    ciphertext: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class OrderPrintRow(SQLModel, table=True):
    """A fingerprint of the person who ordered, as a number that only this installation can make.

    Attributes:
        seq: of the order's row.
        kind: payment, address or device.
        mark: 63 bits of an HMAC of the kind and what the shop sent.
    """

    __tablename__: ClassVar[Any] = "order_prints"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"kind IN {PRINT_KINDS!r}", name="order_prints_kind_known"),
    )

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    kind: str = Field(sa_column=Column(_exact(), primary_key=True))
    mark: int = Field(sa_column=_int64(nullable=False))
