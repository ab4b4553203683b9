"""The rows of one experiment as the ledger (or a file) has them: their schemas, and all of them together."""

from dataclasses import dataclass, field, fields, replace

import pyarrow as pa
import pyarrow.compute as pc

from app.engine import tables
from app.ledger.print_rows import PRINTS
from app.ledger.referral_rows import REFERRALS

_IDS = [("visitor", pa.int64()), ("customer", pa.int64())]
EXPOSURE_ROWS = pa.schema(
    [
        ("event_id", pa.string()),
        *_IDS,
        ("variant", pa.string()),
        ("occurred_us", pa.int64()),
        ("flags", pa.int64()),
    ],
)
ORDER_ROWS = pa.schema(
    [
        ("event_id", pa.string()),
        ("order_id", pa.string()),
        *_IDS,
        ("occurred_us", pa.int64()),
        *((field.name, field.type) for field in tables.ORDERS if field.name in {"currency", "paid"}),
        *((field.name, field.type) for field in tables.ORDERS if field.name.endswith("_minor")),
    ],
)
REFUND_ROWS = pa.schema(
    [
        ("refund_id", pa.string()),
        ("order_id", pa.string()),
        ("occurred_us", pa.int64()),
        ("amount_minor", pa.int64()),
        ("margin_minor", pa.int64()),
    ],
)
CANCELLATION_ROWS = pa.schema([("order_id", pa.string()), ("occurred_us", pa.int64())])
LINK_ROWS = pa.schema([("event_id", pa.string()), *_IDS, ("occurred_us", pa.int64())])
COST_ROWS = pa.schema(
    [
        ("event_id", pa.string()),
        *_IDS,
        ("occurred_us", pa.int64()),
        ("kind", pa.string()),
        ("amount_minor", pa.int64()),
    ]
)
CLAIM_ROWS = pa.schema([("event_id", pa.string()), *_IDS, ("occurred_us", pa.int64())])
REDEMPTION_ROWS = pa.schema(
    [
        ("event_id", pa.string()),
        *_IDS,
        ("occurred_us", pa.int64()),
        ("order_id", pa.string()),
        ("code_variant", pa.string()),
        ("reversed_us", pa.int64()),
    ]
)
CUSTOM_ROWS = pa.schema(
    [
        ("event_id", pa.string()),
        *_IDS,
        ("occurred_us", pa.int64()),
        ("name", pa.string()),
        ("value", pa.int64()),
        ("value_minor", pa.int64()),
        ("flags", pa.int64()),
    ]
)
PERSON_ROWS = pa.schema([("order_id", pa.string()), ("occurred_us", pa.int64()), ("person", pa.int64())])
LINE_ROWS = pa.schema([("order_id", pa.string()), ("occurred_us", pa.int64()), ("sku", pa.string())])


@dataclass(frozen=True)
class LedgerRows:
    """Rows of one experiment as the ledger (or a file) has them; schemas are the constants of this module.

    Attributes:
        exposures: every stored exposure of the experiment, flagged ones too.
        orders: orders of anybody.
        refunds: refunds of any order.
        cancellations: cancellations of any order.
        links: visitor ↔ customer observations.
        costs: messages of the experiment or of none, points of anybody.
        claims: codes of the experiment issued to somebody.
        redemptions: orders in which an offer of the experiment was used; `code_variant` is null where the
            order only names the experiment, `reversed_us` where the use was not given back.
        unconfirmed: orders that name a code of the experiment whose redemption is not on record.
        referrals: who invited whom, by every number a side may be; only where an offer is a referral.
        prints: fingerprints of anybody's orders; only where an offer is a referral or gives codes.
        customs: custom events of the names that the plan's metrics count, of anybody.
        lines: orders that hold a product the plan's metrics count, or that came without lines (`sku` null).
        persons: who made an order, where files name clusters as units; the ledger knows it by itself.
    """

    exposures: pa.Table
    orders: pa.Table
    refunds: pa.Table
    cancellations: pa.Table
    links: pa.Table
    costs: pa.Table = field(default_factory=COST_ROWS.empty_table)
    claims: pa.Table = field(default_factory=CLAIM_ROWS.empty_table)
    redemptions: pa.Table = field(default_factory=REDEMPTION_ROWS.empty_table)
    unconfirmed: pa.Table = field(default_factory=REDEMPTION_ROWS.empty_table)
    referrals: pa.Table = field(default_factory=REFERRALS.empty_table)
    prints: pa.Table = field(default_factory=PRINTS.empty_table)
    customs: pa.Table = field(default_factory=CUSTOM_ROWS.empty_table)
    lines: pa.Table = field(default_factory=LINE_ROWS.empty_table)
    persons: pa.Table = field(default_factory=PERSON_ROWS.empty_table)

    def before(self, at_us: int) -> "LedgerRows":
        """Only rows that happened before a moment, microseconds since 1970 UTC."""
        cut = LedgerRows(*(table.filter(pc.less(table["occurred_us"], at_us)) for table in self._tables()))
        return replace(cut, redemptions=_reversed_before(cut.redemptions, at_us))

    def joins(self) -> int:
        """How many rows join ids: under `strict` they do not."""
        return int(self.links.num_rows + self.referrals.num_rows)

    def latest_us(self) -> int:
        """The moment of the last row, microseconds since 1970 UTC; −1 without rows."""
        moments = [*(table["occurred_us"] for table in self._tables()), self.redemptions["reversed_us"]]
        return max(int(pc.max(column).as_py() or -1) for column in moments)

    def _tables(self) -> list[pa.Table]:
        return [getattr(self, part.name) for part in fields(self)]


def _reversed_before(redemptions: pa.Table, at_us: int) -> pa.Table:
    """Uses as they stood at a moment: what was given back later still counts."""
    place = redemptions.column_names.index("reversed_us")
    known = pc.if_else(
        pc.less(redemptions["reversed_us"], at_us), redemptions["reversed_us"], pa.scalar(None, pa.int64())
    )
    return redemptions.set_column(place, "reversed_us", known)
