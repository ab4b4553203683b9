"""One fingerprint of everything a result was made from, whatever the order and the internal numbers."""

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.engine.port import AnalysisData
from app.ledger.rows import ORDER_MONEY

_FIELD, _NOTHING = "\x1f", "\x00"
_USE_FIELDS = ("event_id", "order_id", "code_variant", "redeemer_variant", "occurred_us", "reversed_us")
_OWN_FIELDS = {
    "costs": ("kind", "amount_minor"),
    "claims": (),
    "customs": ("name", "value", "value_minor", "trusted"),
}


def inputs_sha256(
    data: AnalysisData,
    redemptions: pa.Table | None = None,
    unconfirmed: pa.Table | None = None,
    suspects: pa.Table | None = None,
) -> str:
    """SHA-256 over analysed exposures, orders and refunds, each kind sorted by its id.

    A unit is named by the event id of its first exposure, so two stores with different internal numbers, or
    a file with text ids, give the same fingerprint. Fields are joined by U+001F, a missing value is U+0000,
    rows end with a newline, kinds are led by their name.

    Args:
        data: the engine's tables; `orders` must carry `cancelled_us` and `refunds` `occurred_us`. Costs,
            claims, custom events and lines are hashed where there are any.
        redemptions: `Inputs.redemptions`; hashed where there are any.
        unconfirmed: `Inputs.unconfirmed`, likewise.
        suspects: unit and reason of exposed units, likewise.

    Returns:
        64 hexadecimal digits.
    """
    labels = _unit_labels(data.exposures)
    digest = hashlib.sha256()
    exposures = data.exposures.append_column("label", _labelled(data.exposures, labels))
    orders = data.orders.append_column("label", _labelled(data.orders, labels))
    _feed(digest, "exposures", exposures, ("event_id", "label", "variant", "occurred_us"))
    order_fields = ("event_id", "order_id", "label", "occurred_us", "currency", *ORDER_MONEY)
    _feed(digest, "orders", orders, (*order_fields, "paid", "cancelled_us"))
    _feed(
        digest,
        "refunds",
        data.refunds,
        ("refund_id", "order_id", "occurred_us", "amount_minor", "margin_minor"),
    )
    for name, table in (("costs", data.costs), ("claims", data.claims), ("customs", data.customs)):
        if table is not None and table.num_rows:
            fields = ("event_id", "label", "occurred_us", *_OWN_FIELDS[name])
            _feed(digest, name, table.append_column("label", _labelled(table, labels)), fields)
    for name, table in (("redemptions", redemptions), ("unconfirmed", unconfirmed)):
        if table is not None and table.num_rows:
            _feed(digest, name, table, _USE_FIELDS, keys=3)
    if data.lines is not None and data.lines.num_rows:
        _feed(digest, "lines", data.lines, ("order_id", "sku"), keys=2)
    if suspects is not None and suspects.num_rows:
        named = suspects.append_column("label", _labelled(suspects, labels))
        _feed(digest, "suspects", named, ("label", "reason"))
    return digest.hexdigest()


def _unit_labels(exposures: pa.Table) -> tuple[np.ndarray[Any, Any], pa.Array]:
    """Sorted units and, beside each, the event id of its first exposure."""
    first = exposures.select(["unit", "occurred_us", "event_id"]).sort_by(
        [("occurred_us", "ascending"), ("event_id", "ascending")]
    )
    units, places = np.unique(np.asarray(first["unit"]).astype(np.int64), return_index=True)
    return units, first["event_id"].combine_chunks().take(pa.array(places, pa.int64()))


def _labelled(table: pa.Table, labels: tuple[np.ndarray[Any, Any], pa.Array]) -> pa.Array:
    units, names = labels
    places = np.searchsorted(units, np.asarray(table["unit"]).astype(np.int64))
    return names.take(pa.array(places, pa.int64()))


def _feed(digest: Any, name: str, table: pa.Table, fields: tuple[str, ...], keys: int = 1) -> None:
    """Hash one kind of rows, sorted by its first `keys` fields."""
    ordered = table.select(fields).sort_by([(field, "ascending") for field in fields[:keys]])
    digest.update(f"{name}\n".encode())
    for batch in ordered.to_batches(max_chunksize=65_536):
        columns = [pc.fill_null(pc.cast(column, pa.string()), _NOTHING) for column in batch.columns]
        lines = pc.binary_join_element_wise(*columns, _FIELD)
        digest.update("".join(f"{line}\n" for line in lines.to_pylist()).encode())
