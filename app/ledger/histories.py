"""What people did, found by their numbers: orders with all that became of them, messages, unsubscribing.

The same statements run in a session that reads and in the writer's transaction; they look up what they are
asked about by index and never walk through the ledger.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import text
from sqlmodel import Session

from app.ledger.rows import BOT
from app.ledger.tables import DEEDS

UNSUBSCRIBE = "unsubscribe"
"""Name of the `custom` event that says: no more messages."""

_IDS = "SELECT i.id, i.number FROM {of_keys} identifiers i ON i.kind = :kind AND i.id = k.key"
_ORDER_IDS = (
    f"SELECT order_id FROM events WHERE visitor {{among}} AND {DEEDS}"  # noqa: S608 - names of ours only
    " AND type IN ('order', 'order_updated')"
    f" UNION SELECT order_id FROM events WHERE customer {{among}} AND {DEEDS}"
    " AND type IN ('order', 'order_updated')"
)
_STATE_COLUMNS = (
    "e.type, e.order_id, e.occurred_at_us, e.event_id, e.visitor, e.customer, e.currency, e.paid,"
    " e.items_minor, e.discount_minor, e.amount_minor, e.rest"
)
_STATES = " UNION ALL ".join(
    f"SELECT {_STATE_COLUMNS} FROM {{of_keys}} events e ON e.order_id = k.key AND e.type = '{kind}'"  # noqa: S608 - names of ours only
    for kind in ("order", "order_updated", "order_cancelled", "refund")
)
_SIGNS = " UNION ".join(
    f"SELECT type, experiment, visitor, customer FROM events WHERE {kind} {{among}} AND {DEEDS}"  # noqa: S608 - names of ours only
    " AND type IN ('message_sent', 'custom')"
    for kind in ("visitor", "customer")
)
_EXPOSURES = (
    "SELECT seq, occurred_at_us, variant, visitor, customer FROM events{by_time}"  # noqa: S608 - names of ours only
    " WHERE experiment = :experiment"
    " AND type = 'exposure' AND occurred_at_us >= :low AND occurred_at_us <= :high"
    f" AND (visitor {{among}} OR customer {{among}}) AND (flags & {BOT}) = 0"
)


class Reader(Protocol):
    """Something that runs statements with `:name` in place of values; the writer's `Transaction` is one."""

    is_postgresql: bool

    def run(self, statement: str, **values: Any) -> Any:
        """One statement; gives a cursor."""
        ...


class SessionReader:
    """Reads in a session.

    Args:
        session: open; what it reads is of one state of the database where its isolation level says so.
    """

    def __init__(self, session: Session) -> None:
        self._connection = session.connection()
        self.is_postgresql = self._connection.dialect.name == "postgresql"

    def run(self, statement: str, **values: Any) -> Any:
        """See `Reader`."""
        return self._connection.execute(text(statement), values)


class Purchase(NamedTuple):
    """One order in its newest state.

    Attributes:
        order_id: the shop's.
        visitor: number of the visitor it names, or None; `customer` likewise.
        occurred_us: when it was placed, microseconds since 1970 UTC.
        currency: ISO 4217.
        is_paid: as the shop last said.
        is_cancelled: whether it was cancelled, whenever.
        items_minor: before discounts.
        discount_minor: everything taken off the items.
        own_discount_minor: what of it the shop says is none of an offer or a code; None: it does not say.
        refunded_minor: over all refunds.
        pieces: sku → quantity; empty where the order names no lines.
    """

    order_id: str
    visitor: int | None
    customer: int | None
    occurred_us: int
    currency: str
    is_paid: bool
    is_cancelled: bool
    items_minor: int
    discount_minor: int
    own_discount_minor: int | None
    refunded_minor: int
    pieces: Mapping[str, int]

    @property
    def net_minor(self) -> int:
        """What was paid for the items and not given back."""
        return max(0, self.items_minor - self.discount_minor - self.refunded_minor)

    @property
    def counts(self) -> bool:
        """Whether it is an order of the shopper's at all: paid, not cancelled, not wholly refunded."""
        is_refunded = 0 < self.refunded_minor >= self.items_minor - self.discount_minor
        return self.is_paid and not self.is_cancelled and not is_refunded

    def belongs_to(self, numbers: Collection[int]) -> bool:
        """Whether it is of the person with these numbers; one that names a customer is the customer's."""
        return (self.visitor if self.customer is None else self.customer) in numbers


class Exposure(NamedTuple):
    """One exposure of an experiment, without its attributes; see `tables.EventRow`."""

    seq: int
    occurred_us: int
    variant: str
    visitor: int | None
    customer: int | None


class Sign(NamedTuple):
    """A message that was sent to somebody, or somebody's word that none shall come.

    Attributes:
        type: `message_sent`, or `custom` for unsubscribing.
        experiment: key that the message named, or None.
        visitor: number, or None; `customer` likewise.
    """

    type: str
    experiment: str | None
    visitor: int | None
    customer: int | None


def numbers_of(reader: Reader, kind: str, ids: Sequence[str]) -> dict[str, int]:
    """Id → number, of those ids that the ledger knows.

    Args:
        reader: reads.
        kind: `visitor` or `customer`.
        ids: as the shop names them.
    """
    return dict(_run(reader, _IDS, ids, kind=kind))


def purchases_of(reader: Reader, numbers: Sequence[int]) -> list[Purchase]:
    """Orders in which one of these numbers was ever named, oldest first."""
    ids = [row[0] for row in _run(reader, _ORDER_IDS, numbers)]
    states: dict[str, list[Any]] = {}
    for row in _run(reader, _STATES, ids):
        states.setdefault(row[1], []).append(row)
    found = [one for one in map(_purchase, states.values()) if one is not None]
    return sorted(found, key=lambda one: (one.occurred_us, one.order_id))


def signs_of(reader: Reader, numbers: Sequence[int]) -> list[Sign]:
    """Messages sent to these numbers, and their unsubscribing."""
    return [Sign(*row) for row in _run(reader, _SIGNS, numbers)]


def exposures_of(
    reader: Reader, experiment: str, span: tuple[int, int], numbers: Sequence[int]
) -> list[Exposure]:
    """Exposures of these numbers, no crawlers', to an experiment within a span of time.

    Args:
        reader: reads.
        experiment: key.
        span: first and last moment, microseconds since 1970 UTC; all exposures of it are looked through.
        numbers: of people.
    """
    low, high = span
    found = _run(reader, _EXPOSURES, numbers, experiment=experiment, low=low, high=high)
    return [Exposure(*row) for row in found]


_SQLITE = {
    "among": "IN (SELECT value FROM json_each(:keys))",
    # it would rather walk through all rows of a type than look up a list: this order it keeps to
    "of_keys": "(SELECT value AS key FROM json_each(:keys)) k CROSS JOIN",
    # and rather through what happened to all experiments in a span of time than to one
    "by_time": " INDEXED BY events_of_experiment",
}
_POSTGRESQL = {
    "among": "= ANY(:keys)",
    "of_keys": "unnest(CAST(:keys AS TEXT[])) AS k (key) JOIN",
    "by_time": "",
}


def in_dialect(reader: Reader, statement: str) -> str:
    """A statement with `{among}`, `{of_keys}` and `{by_time}` in the words of the reader's database."""
    return statement.format(**(_POSTGRESQL if reader.is_postgresql else _SQLITE))


def _run(reader: Reader, statement: str, keys: Sequence[Any], **values: Any) -> list[Any]:
    """The rows of a statement about these keys."""
    if not keys:
        return []
    given = list(keys) if reader.is_postgresql else json.dumps(list(keys))
    return list(reader.run(in_dialect(reader, statement), keys=given, **values).fetchall())


def _purchase(rows: Sequence[Any]) -> Purchase | None:
    """An order from its rows; an update, a refund or a cancellation without its order is none yet."""
    by_type: dict[str, list[Any]] = {"order": [], "order_updated": [], "order_cancelled": [], "refund": []}
    for row in rows:
        by_type[row[0]].append(row)
    if not by_type["order"]:
        return None
    placed = by_type["order"][0]
    newest = max([placed, *by_type["order_updated"]], key=lambda row: (row[2], row[3]))
    rest = json.loads(newest[11]) if newest[11] else {}
    return Purchase(
        order_id=placed[1],
        visitor=newest[4] if newest[4] is not None else placed[4],
        customer=newest[5] if newest[5] is not None else placed[5],
        occurred_us=placed[2],
        currency=newest[6],
        is_paid=bool(newest[7]),
        is_cancelled=bool(by_type["order_cancelled"]),
        items_minor=newest[8],
        discount_minor=newest[9],
        own_discount_minor=_own_discount(rest),
        refunded_minor=sum(row[10] for row in by_type["refund"]),
        pieces=_pieces(rest),
    )


def _own_discount(rest: Mapping[str, Any]) -> int | None:
    parts = rest.get("discounts")
    if parts is None:
        return None
    own = (part for part in parts if part.get("offer") is None and part.get("code") is None)
    return sum(int(part["amount_minor"]) for part in own)


def _pieces(rest: Mapping[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in rest.get("lines") or ():
        found[line["sku"]] = found.get(line["sku"], 0) + line["quantity"]
    return found
