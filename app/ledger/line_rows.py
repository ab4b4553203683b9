"""What orders hold, as an Arrow table: only the products that somebody asks for."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from app.database import Database
from app.ledger.queries import Cut, read_table

LINES = pa.schema(
    [
        pa.field("order_id", pa.string(), nullable=False),
        pa.field("occurred_us", pa.int64(), nullable=False),
        pa.field("sku", pa.string()),
    ]
)
_RAW = pa.schema([*list(LINES)[:2], pa.field("rest", pa.string())])
_CUT = "occurred_at_us < :as_of_us AND seq <= :through_seq"


def line_rows(database: Database, cut: Cut, skus: Sequence[str]) -> pa.Table:
    """Orders in their newest state that hold one of the products, or that came without lines (`sku` null).

    Args:
        database: where the ledger is.
        cut: what is read.
        skus: the products; none gives no rows.

    Returns:
        order_id, occurred_us (of the order) and sku; each pair once.
    """
    if not skus:
        return LINES.empty_table()
    statement = (
        "WITH updates AS (SELECT *, row_number() OVER"  # noqa: S608 - names of ours only
        " (PARTITION BY order_id ORDER BY occurred_at_us DESC, event_id DESC) AS newest"
        f" FROM events WHERE type = 'order_updated' AND {_CUT}),"
        " states AS (SELECT o.order_id, o.occurred_at_us,"
        " CASE WHEN u.seq IS NULL THEN o.rest ELSE u.rest END AS rest"
        f" FROM (SELECT * FROM events WHERE type = 'order' AND {_CUT}) o"
        " LEFT JOIN updates u ON u.order_id = o.order_id AND u.newest = 1"
        " AND (u.occurred_at_us, u.event_id) > (o.occurred_at_us, o.event_id))"
        " SELECT order_id, occurred_at_us, rest FROM states"
    )
    rows = read_table(database, statement, asdict(cut), _RAW)
    return pa.Table.from_pylist(list(_held(rows, frozenset(skus))), schema=LINES)


def _held(rows: pa.Table, skus: frozenset[str]) -> Iterator[dict[str, Any]]:
    for batch in rows.to_batches(max_chunksize=65_536):
        for row in batch.to_pylist():
            for sku in skus_in(row.pop("rest"), skus):
                yield {**row, "sku": sku}


def skus_in(rest: str | None, skus: frozenset[str]) -> list[str | None]:
    """The asked products in an order's JSON, sorted; [None] where it has no lines.

    >>> skus_in('{"lines":[{"sku":"tea"},{"sku":"cup"},{"sku":"tea"}]}', frozenset({"tea", "jam"}))
    ['tea']
    >>> skus_in(None, frozenset({"tea"}))
    [None]
    """
    lines = json.loads(rest).get("lines") if rest else None
    if not lines:
        return [None]
    return [*sorted({line["sku"] for line in lines} & skus)]
