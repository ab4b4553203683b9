"""Referrals as an Arrow table: both sides by every number they may be."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from app.database import Database
from app.ledger.queries import Cut, read_table

_ROWS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("occurred_us", pa.int64(), nullable=False),
        pa.field("rest", pa.string(), nullable=False),
    ]
)
SIDES = ("referrer_visitor", "referrer_customer", "invited_visitor", "invited_customer")
REFERRALS = pa.schema([*_ROWS.remove(2), *(pa.field(name, pa.int64()) for name in SIDES)])


def referral_rows(database: Database, cut: Cut) -> pa.Table:
    """Referrals: event_id, occurred_us, and per side the numbers it may be; null where it is none."""
    statement = (
        "SELECT event_id, occurred_at_us, rest FROM events WHERE type = 'referral'"
        " AND occurred_at_us < :as_of_us AND seq <= :through_seq"
    )
    rows = read_table(database, statement, asdict(cut), _ROWS).to_pylist()
    return pa.Table.from_pylist(list(map(_flat, rows)), schema=REFERRALS)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {"event_id": row["event_id"], "occurred_us": row["occurred_us"], **dict(_sides(row["rest"]))}


def _sides(rest: str) -> Iterator[tuple[str, int]]:
    """Column → number.

    >>> dict(_sides('{"invited":{"customer":2},"referrer":{"visitor":1}}'))
    {'invited_customer': 2, 'referrer_visitor': 1}
    """
    for side, numbers in json.loads(rest).items():
        for kind, number in numbers.items():
            yield f"{side}_{kind}", number
