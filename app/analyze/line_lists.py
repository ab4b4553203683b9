"""The `skus` column of orders: which of the counted products each order holds."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from app.errors import Invalid
from app.results.ledger_rows import LINE_ROWS


def line_rows(orders: pa.Table, skus: Sequence[str]) -> pa.Table:
    """Orders that hold one of the products, and those that came without lines (an empty cell).

    Args:
        orders: order_id, occurred_us, skus (a JSON list, or null), file, row.
        skus: the products that metrics count; none gives no rows.

    Raises:
        Invalid: a cell is not a JSON list of texts; the message names file, row and column.
    """
    return pa.Table.from_pylist(list(_held(orders, frozenset(skus))) if skus else [], schema=LINE_ROWS)


def _held(orders: pa.Table, skus: frozenset[str]) -> Iterator[dict[str, Any]]:
    for row in orders.select(["order_id", "occurred_us", "skus", "file", "row"]).to_pylist():
        found: list[str | None] = [None] if row["skus"] is None else [*sorted(_listed(row) & skus)]
        for sku in found:
            yield {"order_id": row["order_id"], "occurred_us": row["occurred_us"], "sku": sku}


def _listed(row: dict[str, Any]) -> set[str]:
    try:
        found = json.loads(row["skus"])
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(sku, str) for sku in found):
        detail = f"{row['file']}, row {row['row']}, column 'skus': is not a JSON list of texts"
        raise Invalid(detail, "bad_cell", "skus", {"row": row["row"], "column": "skus"})
    return set(found)
