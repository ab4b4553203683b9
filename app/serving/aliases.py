"""Which visitor stands for a customer, in memory, following the ledger; never asked of the database.

The same rule as `app.identity.resolve`, kept up link by link: a visitor belongs to the customer of its
earliest link by (occurred_at, event_id); the canonical visitor of a customer is the one that came first.
"""

from typing import NamedTuple


class _First(NamedTuple):
    occurred_us: int
    event_id: str
    customer: str


class AliasIndex:
    """Customer id → canonical visitor id."""

    def __init__(self) -> None:
        self._first: dict[str, _First] = {}
        self._visitors: dict[str, set[str]] = {}
        self._canonical: dict[str, str] = {}

    def __len__(self) -> int:
        """Number of customers with a link."""
        return len(self._canonical)

    def canonical(self, customer_id: str) -> str | None:
        """The visitor that stands for a customer, or None when no link is known."""
        return self._canonical.get(customer_id)

    def link(self, visitor_id: str, customer_id: str, occurred_us: int, event_id: str) -> None:
        """Take in one link; in any order, as often as you like.

        Args:
            visitor_id: a visitor.
            customer_id: the customer it was seen to be.
            occurred_us: when, microseconds since 1970 UTC.
            event_id: breaks ties.
        """
        seen, new = self._first.get(visitor_id), _First(occurred_us, event_id, customer_id)
        if seen is not None and seen <= new:
            return
        self._first[visitor_id] = new
        if seen is not None and seen.customer != customer_id:
            self._visitors[seen.customer].discard(visitor_id)
            self._elect(seen.customer)
        self._visitors.setdefault(customer_id, set()).add(visitor_id)
        self._elect(customer_id)

    def _elect(self, customer_id: str) -> None:
        visitors = self._visitors[customer_id]
        if not visitors:
            del self._visitors[customer_id]
            self._canonical.pop(customer_id, None)
            return
        self._canonical[customer_id] = min(visitors, key=lambda visitor: (self._first[visitor], visitor))
