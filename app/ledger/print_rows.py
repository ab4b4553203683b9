"""Fingerprints of orders as an Arrow table; people and fingerprints are numbers."""

from dataclasses import asdict

import pyarrow as pa

from app.database import Database
from app.ledger.queries import Cut, read_table

PRINTS = pa.schema(
    [
        ("order_id", pa.string()),
        ("visitor", pa.int64()),
        ("customer", pa.int64()),
        ("occurred_us", pa.int64()),
        ("kind", pa.string()),
        ("mark", pa.int64()),
    ]
)


def print_rows(database: Database, cut: Cut) -> pa.Table:
    """Fingerprints that orders and their updates carried: columns of `PRINTS`, one row each."""
    statement = (
        "SELECT e.order_id, e.visitor, e.customer, e.occurred_at_us, p.kind, p.mark FROM order_prints p"
        " JOIN events e ON e.seq = p.seq WHERE e.occurred_at_us < :as_of_us AND e.seq <= :through_seq"
    )
    return read_table(database, statement, asdict(cut), PRINTS)
