"""Codes that orders name: linked to their redemption, or unconfirmed, or not of ours at all.

An order names codes in `codes[]` and `discounts[].code`; its newest state counts. A code of ours whose
redemption for that order is on record is confirmed, whichever came first; without one it is unconfirmed: the
shop gave a discount that the till never asked for. A text that is no code of ours is foreign.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final, Literal, NamedTuple

import pyarrow as pa

from app.database import Database
from app.ledger.queries import Cut, read_table

Standing = Literal["confirmed", "unconfirmed", "foreign"]

_CUT = "occurred_at_us < :as_of_us AND {0}.seq <= :through_seq"
_ORDERS = "type IN ('order', 'order_updated')"
_NAMED = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("order_id", pa.string(), nullable=False),
        pa.field("visitor", pa.int64()),
        pa.field("customer", pa.int64()),
        pa.field("occurred_us", pa.int64(), nullable=False),
        pa.field("code", pa.int64()),
        pa.field("experiment", pa.string()),
        pa.field("variant", pa.string()),
        pa.field("digest", pa.binary(), nullable=False),
        pa.field("ciphertext", pa.binary()),
    ]
)
_SELECT: Final = (
    "SELECT o.event_id, o.order_id, coalesce(n.visitor, o.visitor), coalesce(n.customer, o.customer),"  # noqa: S608 - names of ours only
    " o.occurred_at_us, c.id, c.experiment, c.variant, k.digest, k.ciphertext FROM order_codes k"
    " {join} JOIN codes c ON c.digest = k.digest"
    f" JOIN events n ON n.seq = k.seq AND n.{_CUT.format('n')}"
    f" JOIN events o ON o.order_id = n.order_id AND o.type = 'order' AND o.{_CUT.format('o')}"
    " WHERE NOT EXISTS (SELECT 1 FROM events u WHERE u.order_id = n.order_id AND u.type = 'order_updated'"
    f" AND u.{_CUT.format('u')} AND (u.occurred_at_us, u.event_id) > (n.occurred_at_us, n.event_id))"
    " AND NOT (n.type = 'order_updated' AND (o.occurred_at_us, o.event_id) > (n.occurred_at_us, n.event_id))"
)
_REDEEMED = pa.schema([pa.field("order_id", pa.string()), pa.field("rest", pa.string())])


class NamedCode(NamedTuple):
    """A code that an order names.

    Attributes:
        event_id: of the order.
        order_id: the shop's.
        visitor: number of who ordered, or None; `customer` likewise.
        occurred_us: when it was ordered, microseconds since 1970 UTC.
        experiment: whose code it is, or None; `variant` likewise.
        standing: confirmed, unconfirmed or foreign.
        digest: what it is found by.
        ciphertext: its text, or None.
    """

    event_id: str
    order_id: str
    visitor: int | None
    customer: int | None
    occurred_us: int
    experiment: str | None
    variant: str | None
    standing: Standing
    digest: bytes
    ciphertext: bytes | None


def named_codes(database: Database, cut: Cut, experiment: str | None = None) -> Iterator[NamedCode]:
    """Codes that orders name in their newest state, in the order in which the orders came.

    Args:
        database: where the ledger is.
        cut: which events there are.
        experiment: only its codes; None: every text, foreign ones too.
    """
    statement, values = _SELECT.format(join="LEFT" if experiment is None else ""), asdict(cut)
    if experiment is not None:
        statement, values = (
            f"{statement} AND c.experiment = :experiment",
            {**values, "experiment": experiment},
        )
    found = read_table(database, f"{statement} ORDER BY k.seq, k.digest", values, _NAMED)
    redeemed = _redeemed(database, cut.through_seq, experiment) if found.num_rows else set()
    for row in found.to_pylist():
        code = row.pop("code")
        is_redeemed = (row["order_id"], code) in redeemed
        known: Standing = "confirmed" if is_redeemed else "unconfirmed"
        yield NamedCode(**row, standing="foreign" if code is None else known)


def _redeemed(database: Database, through_seq: int, experiment: str | None) -> set[tuple[str, int]]:
    """(order, code) of every redemption on record, given back or not, dated before the cut or after it."""
    statement = "SELECT order_id, rest FROM events WHERE type = 'redemption' AND seq <= :through_seq"
    values: dict[str, Any] = {"through_seq": through_seq}
    if experiment is not None:
        statement, values = f"{statement} AND experiment = :experiment", {**values, "experiment": experiment}
    rows = read_table(database, statement, values, _REDEEMED).to_pylist()
    return {(row["order_id"], json.loads(row["rest"])["code"]) for row in rows}
