"""Who was seen to be who: of each visitor and customer the earliest event that names both, beside the ledger.

The rule is `app.identity.resolve`'s: a visitor belongs to the customer of its earliest link by (occurred_at,
event_id). Here it can be asked inside a transaction: a link counts from its commit on, for every replica.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from app.ledger.rows import COLUMNS, UNTRUSTED, Row
from app.ledger.stores import Store

_SEQ, _EVENT_ID, _VISITOR, _CUSTOMER, _FLAGS, _OCCURRED = (
    COLUMNS.index(name) for name in ("seq", "event_id", "visitor", "customer", "flags", "occurred_at_us")
)
_NAME: Final = "(SELECT event_id FROM events WHERE seq = {0}.seq)"
_NOTE = (
    "INSERT INTO links (visitor, customer, occurred_at_us, seq)"  # noqa: S608 - names of ours only
    " VALUES (:visitor, :customer, :occurred_at_us, :seq) ON CONFLICT (visitor, customer) DO UPDATE SET"
    " occurred_at_us = excluded.occurred_at_us, seq = excluded.seq"
    " WHERE excluded.occurred_at_us < links.occurred_at_us OR (excluded.occurred_at_us = links.occurred_at_us"
    f" AND {_NAME.format('excluded')} < {_NAME.format('links')})"
)
_CUSTOMER_OF = (
    "SELECT l.customer FROM links l JOIN events e ON e.seq = l.seq WHERE l.visitor = :visitor"
    " ORDER BY l.occurred_at_us, e.event_id LIMIT 1"
)
_VISITORS_OF = "SELECT visitor FROM links WHERE customer = :customer ORDER BY occurred_at_us, seq LIMIT :most"
MOST_VISITORS: Final = 1000
"""Of one customer; a customer with more is a till or a robot."""


class Asks(Protocol):
    """An open transaction that is asked with `:name` in place of values."""

    def run(self, statement: str, **values: Any) -> Any:
        """One statement; gives the driver's cursor."""
        ...


def note_links(store: Store, rows: Sequence[Row]) -> None:
    """Keep what new rows of the ledger say of who is who; they stand in `events` already."""
    earliest: dict[tuple[int, int], Row] = {}
    for row in rows:
        pair = row[_VISITOR], row[_CUSTOMER]
        if None in pair or row[_FLAGS] & UNTRUSTED:
            continue
        known = earliest.get(pair)
        if known is None or (row[_OCCURRED], row[_EVENT_ID]) < (known[_OCCURRED], known[_EVENT_ID]):
            earliest[pair] = row
    if earliest:
        store.run_many(_NOTE, [_values(row) for row in earliest.values()])


def _values(row: Row) -> dict[str, Any]:
    return {
        "visitor": row[_VISITOR],
        "customer": row[_CUSTOMER],
        "occurred_at_us": row[_OCCURRED],
        "seq": row[_SEQ],
    }


def customer_of(transaction: Asks, visitor: int) -> int | None:
    """Number of the customer a visitor belongs to, or None."""
    found = transaction.run(_CUSTOMER_OF, visitor=visitor).fetchone()
    return None if found is None else int(found[0])


def visitors_of(transaction: Asks, customer: int) -> list[int]:
    """Numbers of the visitors that belong to a customer; those that belong to another one are left out."""
    found = transaction.run(_VISITORS_OF, customer=customer, most=MOST_VISITORS).fetchall()
    return [visitor for (visitor,) in found if customer_of(transaction, visitor) == customer]
