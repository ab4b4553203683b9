"""One transaction's worth of items: which are new, which are known, which contradict what is stored."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.ledger.beside import Beside
from app.ledger.links import note_links
from app.ledger.rows import CONTENT_COLUMNS, Identifier, Item, Outcome, Row, content_digest
from app.ledger.stores import KeyColumn, Store

ACCEPTED = Outcome("accepted")
DUPLICATE = Outcome("duplicate")
_ONCE: dict[str, tuple[KeyColumn, Outcome]] = {
    "order": (
        "order_id",
        Outcome("rejected", "order_conflict", "order_id: another event gave this order with other content"),
    ),
    "refund": (
        "refund_id",
        Outcome(
            "rejected", "refund_conflict", "refund_id: another event gave this refund with other content"
        ),
    ),
}
_CONFLICT = Outcome("rejected", "conflict", "event_id: an event with this id and other content is stored")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a batch did, true once it is committed.

    Attributes:
        outcomes: one per item, in order.
        numbers: the number of each id that is now stored.
    """

    outcomes: list[Outcome]
    numbers: dict[Identifier, int]


def record(store: Store, items: Sequence[Item], cached: Mapping[Identifier, int], now_us: int) -> Recorded:
    """Write the new ones of some items inside the store's open transaction.

    Args:
        store: in a transaction that holds the ledger's lock.
        items: in the order they arrived.
        cached: numbers known to be stored.
        now_us: becomes `received_at_us`, microseconds since 1970 UTC.
    """
    stored = _stored_numbers(store, items, cached)
    numbers = _with_new_numbers(items, stored)
    known = _Known(store, items)
    outcomes: list[Outcome] = []
    rows: list[Row] = []
    added: dict[Identifier, int] = {}
    beside = Beside()
    head = store.head()
    for item in items:
        visitor = numbers.get(("visitor", item.visitor_id)) if item.visitor_id is not None else None
        customer = numbers.get(("customer", item.customer_id)) if item.customer_id is not None else None
        content, said = _with_people(item, numbers)
        digest = content_digest(said, visitor, customer)
        outcome = known.judge(item, digest)
        outcomes.append(outcome)
        if outcome is ACCEPTED:
            value_of = content.get
            seq = head + len(rows) + 1
            beside.add(seq, item.veiled)
            identity = (seq, item.event_id, visitor, customer, now_us, item.flags, digest)
            rows.append((*identity, *map(value_of, CONTENT_COLUMNS)))
            for key in item.identifiers():
                if key not in stored:
                    added[key] = numbers[key]
    _write(store, rows, added)
    beside.write(store)
    return Recorded(outcomes, stored | added)


def _write(store: Store, rows: Sequence[Row], added: Mapping[Identifier, int]) -> None:
    if added:
        store.add_identifiers([(number, kind, text) for (kind, text), number in added.items()])
    if rows:
        store.add_events(rows)
        note_links(store, rows)


def _with_people(item: Item, numbers: Mapping[Identifier, int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is stored of an item and what it says, the people of a referral as numbers."""
    if item.referred is None:
        return item.content, item.said()
    content = {**item.content, "rest": item.referred.rest(numbers)}
    return content, content


class _Known:
    """Digests by event id, order id and refund id: what is stored, and what this batch adds."""

    def __init__(self, store: Store, items: Sequence[Item]) -> None:
        self._events = store.digests("event_id", [item.event_id for item in items])
        self._once: dict[str, dict[str, bytes]] = {}
        for kind, (column, _) in _ONCE.items():
            keys = [item.content[column] for item in items if item.content["type"] == kind]
            self._once[kind] = store.digests(column, keys) if keys else {}

    def judge(self, item: Item, digest: bytes) -> Outcome:
        """Whether the item is new; if so it is known from now on."""
        seen = self._events.get(item.event_id)
        if seen is not None:
            return DUPLICATE if seen == digest else _CONFLICT
        kind = item.content["type"]
        if kind in _ONCE:
            column, conflict = _ONCE[kind]
            seen = self._once[kind].setdefault(item.content[column], digest)
            if seen is not digest:
                return DUPLICATE if seen == digest else conflict
        self._events[item.event_id] = digest
        return ACCEPTED


def _stored_numbers(
    store: Store, items: Sequence[Item], cached: Mapping[Identifier, int]
) -> dict[Identifier, int]:
    wanted = {key for item in items for key in item.identifiers()}
    found = {key: cached[key] for key in wanted if key in cached}
    missing = wanted - found.keys()
    return found | store.numbers(missing) if missing else found


def _with_new_numbers(items: Sequence[Item], stored: Mapping[Identifier, int]) -> dict[Identifier, int]:
    new = {key for item in items for key in item.identifiers()} - stored.keys()
    random = os.urandom(8 * len(new))  # 63 bits each; 0 stands for nobody
    drawn = (int.from_bytes(random[at : at + 8]) >> 1 or 1 for at in range(0, len(random), 8))
    return {**stored, **dict(zip(new, drawn, strict=True))}
