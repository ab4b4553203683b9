"""Who asks, as ids and as the ledger's numbers."""

from dataclasses import dataclass

from app.ledger.rows import Identifier
from app.ledger.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Person:
    """A visitor or a customer, as the shop names them.

    Attributes:
        visitor_id: as sent, or None; `customer_id` likewise.
        canonical: visitor that stands for the customer, or None when no link is known.
    """

    visitor_id: str | None
    customer_id: str | None
    canonical: str | None = None

    def identifiers(self) -> list[Identifier]:
        """Every id a deed about this person may need the number of."""
        named: list[tuple[str, str | None]] = [
            ("visitor", self.visitor_id),
            ("customer", self.customer_id),
            ("visitor", self.canonical),
        ]
        return [(kind, text) for kind, text in named if text is not None]  # type: ignore[misc]  # the two kinds are spelled above

    def unit(self, randomised: str) -> Identifier:
        """Whom a use counts against: the unit where its id is known, else whoever was named."""
        visitor = self.canonical or self.visitor_id
        if self.customer_id is not None and (randomised == "customer" or visitor is None):
            return ("customer", self.customer_id)
        if visitor is None:
            raise ValueError("a person has a visitor_id or a customer_id")
        return ("visitor", visitor)

    def visitor_number(self, transaction: Transaction) -> int | None:
        """Number of the visitor as sent."""
        return None if self.visitor_id is None else transaction.number(("visitor", self.visitor_id))

    def customer_number(self, transaction: Transaction) -> int | None:
        """Number of the customer as sent."""
        return None if self.customer_id is None else transaction.number(("customer", self.customer_id))

    def numbers(self, transaction: Transaction) -> set[int]:
        """All numbers under which this person may own a code."""
        return {transaction.number(identifier) for identifier in self.identifiers()}
