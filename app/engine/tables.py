"""The Arrow tables an engine reads: one schema per field of `AnalysisData`."""

import pyarrow as pa

EXPOSURES = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("unit", pa.int64(), nullable=False),
        pa.field("origin", pa.int64(), nullable=False),  # the id as sent, before links made it the unit's
        pa.field("variant", pa.string(), nullable=False),
        pa.field("occurred_us", pa.int64(), nullable=False),
        pa.field("day", pa.int32(), nullable=False),
    ],
)

ORDERS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("order_id", pa.string(), nullable=False),
        pa.field("unit", pa.int64(), nullable=False),
        pa.field("occurred_us", pa.int64(), nullable=False),
        pa.field("day", pa.int32(), nullable=False),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("paid", pa.bool_(), nullable=False),
        pa.field("items_minor", pa.int64(), nullable=False),
        pa.field("discount_minor", pa.int64(), nullable=False),
        pa.field("shipping_minor", pa.int64(), nullable=False),
        pa.field("shipping_cost_minor", pa.int64()),
        pa.field("tax_minor", pa.int64()),
        pa.field("margin_minor", pa.int64()),
        pa.field("gift_cost_minor", pa.int64()),
        pa.field("lines_price_minor", pa.int64()),
        pa.field("lines_cost_minor", pa.int64()),
        pa.field("cancelled_day", pa.int32()),
    ],
)

REFUNDS = pa.schema(
    [
        pa.field("refund_id", pa.string(), nullable=False),
        pa.field("order_id", pa.string(), nullable=False),
        pa.field("day", pa.int32(), nullable=False),
        pa.field("amount_minor", pa.int64(), nullable=False),
        pa.field("margin_minor", pa.int64()),
    ],
)

COSTS = pa.schema(
    [
        pa.field("unit", pa.int64(), nullable=False),
        pa.field("occurred_us", pa.int64(), nullable=False),
        pa.field("day", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # message | points
        pa.field("amount_minor", pa.int64(), nullable=False),
    ],
)

REDEEMED = pa.schema([pa.field("order_id", pa.string(), nullable=False)])

CLAIMS = pa.schema(
    [
        pa.field("unit", pa.int64(), nullable=False),
        pa.field("occurred_us", pa.int64(), nullable=False),
        pa.field("day", pa.int32(), nullable=False),
    ],
)

CUSTOMS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("unit", pa.int64(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("occurred_us", pa.int64(), nullable=False),
        pa.field("day", pa.int32(), nullable=False),
        pa.field("value", pa.int64()),
        pa.field("value_minor", pa.int64()),
        pa.field("trusted", pa.bool_(), nullable=False),
    ],
)

USES = pa.schema(
    [
        pa.field("order_id", pa.string(), nullable=False),
        pa.field("day", pa.int32(), nullable=False),
        pa.field("reversed_day", pa.int32()),
    ],
)

PERSONS = pa.schema(
    [pa.field("order_id", pa.string(), nullable=False), pa.field("person", pa.int64(), nullable=False)]
)

LINES = pa.schema([pa.field("order_id", pa.string(), nullable=False), pa.field("sku", pa.string())])


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly the schema's columns, in its order and types.

    Args:
        table: any Arrow table; columns the schema does not name are left out.
        schema: one of the constants of this module.

    Returns:
        The same rows.

    Raises:
        ValueError: a column is missing, holds a null where none may be, or does not fit its type.

    >>> raw = pa.table({"refund_id": ["r"], "order_id": ["o"], "day": [3], "amount_minor": [5], "more": [0]})
    >>> conform(raw, REFUNDS)
    Traceback (most recent call last):
    ...
    ValueError: missing column: margin_minor
    >>> conform(raw.append_column("margin_minor", pa.array([None], pa.int64())), REFUNDS).column_names
    ['refund_id', 'order_id', 'day', 'amount_minor', 'margin_minor']
    """
    missing = [name for name in schema.names if name not in table.column_names]
    if missing:
        raise ValueError(f"missing column: {', '.join(missing)}")
    return table.select(schema.names).cast(schema)


def given(table: pa.Table | None, schema: pa.Schema) -> pa.Table:
    """The table in the schema's form; without one, no rows."""
    return schema.empty_table() if table is None else conform(table, schema)
