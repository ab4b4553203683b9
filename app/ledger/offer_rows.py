"""Ledger rows about offers, as Arrow tables: what they cost, whom codes were issued to, where they were used.

A use is on record as an event of its own (`redemption`, taken back by a `reversal` of the same code and
order), or an order names the experiment in `discounts[].offer`: as `KEY` or as `KEY:VARIANT`.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from app.database import Database
from app.ledger.queries import Cut, read_table

_CUT = "occurred_at_us < :as_of_us AND seq <= :through_seq"
_ESCAPE = "!"
_PERSON = [pa.field("visitor", pa.int64()), pa.field("customer", pa.int64())]
_EVENT_ID = pa.field("event_id", pa.string(), nullable=False)
_MOMENT = pa.field("occurred_us", pa.int64(), nullable=False)

COSTS = pa.schema(
    [
        _EVENT_ID,
        *_PERSON,
        _MOMENT,
        pa.field("kind", pa.string(), nullable=False),
        pa.field("amount_minor", pa.int64(), nullable=False),
    ]
)
CLAIMS = pa.schema([_EVENT_ID, *_PERSON, _MOMENT])
_BEFORE_CODE = [_EVENT_ID, *_PERSON, _MOMENT, pa.field("order_id", pa.string(), nullable=False)]
REDEMPTIONS = pa.schema(
    [
        *_BEFORE_CODE,
        pa.field("code_variant", pa.string()),
        pa.field("reversed_us", pa.int64()),
    ]
)
_NAMING = pa.schema([*_BEFORE_CODE, pa.field("rest", pa.string())])


def cost_rows(database: Database, cut: Cut, experiment: str) -> pa.Table:
    """Costs that belong to no order: messages of this experiment or of none, points of anybody.

    `kind` is `message` or `points`; points spent are below 0: what they paid stands in their order.
    """
    statement = (
        "SELECT event_id, visitor, customer, occurred_at_us, 'message', amount_minor FROM events"  # noqa: S608 - names of ours only
        " WHERE type = 'message_sent' AND (experiment = :experiment OR experiment IS NULL)"
        f" AND amount_minor > 0 AND {_CUT}"
        " UNION ALL SELECT event_id, visitor, customer, occurred_at_us, 'points',"
        " CASE WHEN type = 'points_spent' THEN -value_minor ELSE value_minor END FROM events"
        f" WHERE type IN ('points_earned', 'points_spent') AND value_minor <> 0 AND {_CUT}"
    )
    return read_table(database, statement, {**asdict(cut), "experiment": experiment}, COSTS)


def claim_rows(database: Database, cut: Cut, experiment: str) -> pa.Table:
    """Codes of one experiment issued to somebody: event_id, visitor, customer, occurred_us."""
    statement = (
        "SELECT event_id, visitor, customer, occurred_at_us FROM events"  # noqa: S608 - names of ours only
        f" WHERE type = 'claim' AND experiment = :experiment AND {_CUT}"
    )
    return read_table(database, statement, {**asdict(cut), "experiment": experiment}, CLAIMS)


def redemption_rows(database: Database, cut: Cut, experiment: str) -> pa.Table:
    """Orders in which an offer of the experiment was used: columns of `REDEMPTIONS`.

    `reversed_us` is when the use was given back; null where it stands.
    """
    recorded = _recorded(database, cut, experiment)
    named = list(_named(database, cut, experiment))
    return pa.concat_tables([recorded, pa.Table.from_pylist(named, schema=REDEMPTIONS)])


def _recorded(database: Database, cut: Cut, experiment: str) -> pa.Table:
    """Redemptions on record in their own right, each with the first later reversal of its code and order."""
    statement = (
        "SELECT r.event_id, r.visitor, r.customer, r.occurred_at_us, r.order_id, r.variant,"  # noqa: S608 - names of ours only
        " (SELECT min(b.occurred_at_us) FROM events b WHERE b.type = 'reversal'"
        " AND b.order_id = r.order_id AND b.experiment = r.experiment AND b.rest = r.rest AND b.seq > r.seq"
        " AND b.occurred_at_us < :as_of_us AND b.seq <= :through_seq)"
        f" FROM (SELECT * FROM events WHERE type = 'redemption' AND experiment = :experiment AND {_CUT}) r"
        " WHERE r.order_id IS NOT NULL"
    )
    return read_table(database, statement, {**asdict(cut), "experiment": experiment}, REDEMPTIONS)


def _named(database: Database, cut: Cut, experiment: str) -> Iterator[dict[str, Any]]:
    """Orders that in their newest state name the experiment as the source of a discount."""
    statement = (
        "SELECT o.event_id, coalesce(n.visitor, o.visitor), coalesce(n.customer, o.customer),"  # noqa: S608 - names of ours only
        " o.occurred_at_us, o.order_id, n.rest"
        " FROM (SELECT *, row_number() OVER (PARTITION BY order_id"
        " ORDER BY occurred_at_us DESC, event_id DESC)"
        " AS newest FROM events WHERE type IN ('order', 'order_updated') AND order_id IN"
        f" (SELECT order_id FROM events WHERE type IN ('order', 'order_updated') AND {_CUT}"
        f" AND rest LIKE :naming ESCAPE '{_ESCAPE}') AND {_CUT}) n"
        " JOIN events o ON o.order_id = n.order_id AND o.type = 'order'"
        " AND o.occurred_at_us < :as_of_us AND o.seq <= :through_seq"
        f" WHERE n.newest = 1 AND n.rest LIKE :naming ESCAPE '{_ESCAPE}'"
    )
    values = {**asdict(cut), "naming": f'%"offer":"{_escaped(experiment)}%'}
    for row in read_table(database, statement, values, _NAMING).to_pylist():
        for variant in _variants_named(row.pop("rest"), experiment):
            yield {**row, "code_variant": variant, "reversed_us": None}


def _variants_named(rest: str, experiment: str) -> list[str | None]:
    """The variants an order's discounts name after the experiment; None where they name it alone.

    >>> _variants_named('{"discounts":[{"amount_minor":1,"offer":"spring:b"}]}', "spring")
    ['b']
    """
    found: dict[str | None, None] = {}
    for discount in json.loads(rest).get("discounts") or ():
        key, _, variant = str(discount.get("offer") or "").partition(":")
        if key == experiment:
            found[variant or None] = None
    return list(found)


def _escaped(text: str) -> str:
    """Text with the wildcards of LIKE made plain."""
    for sign in (_ESCAPE, "%", "_"):
        text = text.replace(sign, _ESCAPE + sign)
    return text
