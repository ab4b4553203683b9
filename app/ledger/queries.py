"""Ledger rows for the analysis, as Arrow tables: people are numbers, time is microseconds since 1970 UTC.

Every reader takes a `Cut` and streams through the raw driver; memory holds the Arrow table and one batch.
Rows come in no particular order. Resolving numbers to units and moments to shop days is the caller's.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from app.database import Database
from app.ledger.rows import ORDER_MONEY, UNTRUSTED

BATCH_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Cut:
    """What is read: events before a moment, among the first so many of the ledger.

    Attributes:
        as_of_us: only `occurred_at_us < as_of_us`, microseconds since 1970 UTC.
        through_seq: only `seq <= through_seq`; `service.head_seq` for all there is.
    """

    as_of_us: int
    through_seq: int


_PERSON = [pa.field("visitor", pa.int64()), pa.field("customer", pa.int64())]
_MOMENT = pa.field("occurred_us", pa.int64(), nullable=False)
_EVENT_ID = pa.field("event_id", pa.string(), nullable=False)
_ORDER_ID = pa.field("order_id", pa.string(), nullable=False)
_FLAGS = pa.field("flags", pa.int64(), nullable=False)
_STATE = ("currency", "paid", *ORDER_MONEY)
_CUT = "occurred_at_us < :as_of_us AND seq <= :through_seq"

EXPOSURES = pa.schema(
    [
        _EVENT_ID,
        *_PERSON,
        pa.field("variant", pa.string(), nullable=False),
        _MOMENT,
        _FLAGS,
        pa.field("rest", pa.string()),
    ]
)
ORDERS = pa.schema(
    [
        _EVENT_ID,
        _ORDER_ID,
        *_PERSON,
        _MOMENT,
        pa.field("currency", pa.string(), nullable=False),
        pa.field("paid", pa.bool_(), nullable=False),
        *(pa.field(name, pa.int64()) for name in ORDER_MONEY),
    ]
)
REFUNDS = pa.schema(
    [
        _EVENT_ID,
        pa.field("refund_id", pa.string(), nullable=False),
        _ORDER_ID,
        _MOMENT,
        pa.field("amount_minor", pa.int64(), nullable=False),
        pa.field("margin_minor", pa.int64()),
    ]
)
CANCELLATIONS = pa.schema([_EVENT_ID, _ORDER_ID, _MOMENT])
LINKS = pa.schema([_EVENT_ID, *_PERSON, _MOMENT])
CUSTOMS = pa.schema(
    [
        _EVENT_ID,
        *_PERSON,
        pa.field("name", pa.string(), nullable=False),
        _MOMENT,
        pa.field("value", pa.int64()),
        pa.field("value_minor", pa.int64()),
        _FLAGS,
    ]
)


def exposure_rows(database: Database, cut: Cut, experiment: str) -> pa.Table:
    """Exposures of one experiment: event_id, visitor, customer, variant, occurred_us, flags, rest.

    `flags` may hold `rows.CONTRADICTS_HASH`; `rest` is null or JSON with `attributes`.
    """
    where = f"type = 'exposure' AND experiment = :experiment AND {_CUT}"
    return read_table(
        database, _plain(EXPOSURES, where), {**asdict(cut), "experiment": experiment}, EXPOSURES
    )


def order_rows(database: Database, cut: Cut) -> pa.Table:
    """Orders in their newest state: columns of `ORDERS`, one row per order_id.

    Who and how much come from the newest of the order and its updates by (occurred_at, event_id); event_id
    and occurred_us are the order's own. An update without its order is not an order yet.
    """
    state = ", ".join(f"CASE WHEN u.seq IS NULL THEN o.{name} ELSE u.{name} END" for name in _STATE)
    statement = (
        "WITH updates AS (SELECT *, row_number() OVER"  # noqa: S608 - names of ours only
        " (PARTITION BY order_id ORDER BY occurred_at_us DESC, event_id DESC) AS newest"
        f" FROM events WHERE type = 'order_updated' AND {_CUT})"
        " SELECT o.event_id, o.order_id, coalesce(u.visitor, o.visitor), coalesce(u.customer, o.customer),"
        f" o.occurred_at_us, {state}"
        " FROM (SELECT * FROM events"
        f" WHERE type = 'order' AND {_CUT}) o"
        " LEFT JOIN updates u ON u.order_id = o.order_id AND u.newest = 1"
        " AND (u.occurred_at_us, u.event_id) > (o.occurred_at_us, o.event_id)"
    )
    return read_table(database, statement, asdict(cut), ORDERS)


def refund_rows(database: Database, cut: Cut) -> pa.Table:
    """Refunds: event_id, refund_id, order_id, occurred_us, amount_minor, margin_minor."""
    return read_table(database, _plain(REFUNDS, f"type = 'refund' AND {_CUT}"), asdict(cut), REFUNDS)


def cancellation_rows(database: Database, cut: Cut) -> pa.Table:
    """Cancellations: event_id, order_id, occurred_us. An order may have several; the earliest counts."""
    where = f"type = 'order_cancelled' AND {_CUT}"
    return read_table(database, _plain(CANCELLATIONS, where), asdict(cut), CANCELLATIONS)


def link_rows(database: Database, cut: Cut) -> pa.Table:
    """Links between a visitor and a customer: event_id, visitor, customer, occurred_us.

    Every trusted event with both ids is a link; of each pair only the earliest by (occurred_at, event_id).
    """
    statement = (
        "SELECT event_id, visitor, customer, occurred_at_us FROM (SELECT *, row_number() OVER"  # noqa: S608 - names of ours only
        " (PARTITION BY visitor, customer ORDER BY occurred_at_us, event_id) AS earliest FROM events"
        f" WHERE visitor IS NOT NULL AND customer IS NOT NULL AND flags & {UNTRUSTED} = 0 AND {_CUT}) links"
        " WHERE earliest = 1"
    )
    return read_table(database, statement, asdict(cut), LINKS)


def custom_rows(database: Database, cut: Cut, names: Sequence[str] | None = None) -> pa.Table:
    """Custom events: event_id, visitor, customer, name, occurred_us, value, value_minor, flags.

    `flags` holds `rows.UNTRUSTED` for those that a browser sent.

    Args:
        database: where the ledger is.
        cut: what is read.
        names: only events of these names; None: of any.
    """
    where, values = f"type = 'custom' AND {_CUT}", asdict(cut)
    if names is not None:
        if not names:
            return CUSTOMS.empty_table()
        values |= {f"name_{place}": name for place, name in enumerate(names)}
        where += f" AND name IN ({', '.join(f':name_{place}' for place in range(len(names)))})"
    return read_table(database, _plain(CUSTOMS, where), values, CUSTOMS)


def _plain(schema: pa.Schema, where: str) -> str:
    columns = ", ".join("occurred_at_us" if name == "occurred_us" else name for name in schema.names)
    return f"SELECT {columns} FROM events WHERE {where}"  # noqa: S608 - names of ours only


def read_table(database: Database, statement: str, parameters: dict[str, Any], schema: pa.Schema) -> pa.Table:
    """The rows of a SELECT with `:name` parameters, column by column in the schema's order."""
    fetch = _sqlite_batches if database.is_sqlite else _postgres_batches
    with contextlib.closing(database.raw_connection()) as connection:
        batches = [_arrow(rows, schema) for rows in fetch(connection, statement, parameters)]
    return pa.Table.from_batches(batches, schema=schema)


def _sqlite_batches(connection: Any, statement: str, parameters: dict[str, Any]) -> Iterator[list[Any]]:
    cursor = connection.execute(statement, parameters)
    while rows := cursor.fetchmany(BATCH_ROWS):
        yield rows


def _postgres_batches(connection: Any, statement: str, parameters: dict[str, Any]) -> Iterator[list[Any]]:
    connection.execute("SET statement_timeout = 0")  # the first batch of a big ledger may take long
    named = re.sub(r":(\w+)", r"%(\1)s", statement)
    with connection.transaction(), connection.cursor(name="ledger_rows", binary=True) as cursor:
        cursor.execute(named, parameters)
        while rows := cursor.fetchmany(BATCH_ROWS):
            yield rows


def _arrow(rows: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays(
        [_array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema
    )


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(kind):  # SQLite gives 0 and 1
        return pa.array([None if value is None else bool(value) for value in values], pa.bool_())
    return pa.array(values, kind)
