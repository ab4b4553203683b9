"""Who asks, as ids and as the ledger's numbers."""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.ledger.links import customer_of, visitors_of
from app.ledger.rows import Identifier
from app.ledger.transaction import Transaction

_NAMED_ONE_BY_ONE = 4


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

    def unit_number(self, transaction: Transaction, randomised: str) -> int:
        """Number of `unit`."""
        return transaction.number(self.unit(randomised))

    def who(self, transaction: Transaction, randomised: str) -> "Who":
        """Who this is, by every link that the ledger holds at this moment.

        A visitor whose first customer is somebody else is not this person, even when the shop names both.
        """
        named = {transaction.number(identifier) for identifier in self.identifiers()}
        customer = self.customer_number(transaction)
        if customer is None:
            numbers = set(named)
            customer = next((found for one in named if (found := customer_of(transaction, one))), None)
        else:
            belongs = {one: customer_of(transaction, one) for one in named - {customer}}
            numbers = {customer} | {one for one, owner in belongs.items() if owner in {None, customer}}
        if customer is not None:
            numbers |= {customer, *visitors_of(transaction, customer)}
        unit = self.unit_number(transaction, randomised)
        return Who(unit if unit in numbers else min(named & numbers), frozenset(numbers))


class Who(NamedTuple):
    """A person inside a transaction.

    Attributes:
        unit: number of whom a use counts against.
        numbers: of all ids that are this person's: whatever one of them owns or used, the person did.
    """

    unit: int
    numbers: frozenset[int]

    def among(self, transaction: Transaction) -> tuple[str, dict[str, Any]]:
        """The numbers as what follows `IN`, and the values of the names in it."""
        numbers = sorted(self.numbers)
        if len(numbers) <= _NAMED_ONE_BY_ONE:
            values = {f"number_{place}": number for place, number in enumerate(numbers)}
            return f"({', '.join(f':{name}' for name in values)})", values
        if transaction.is_postgresql:
            return "(SELECT unnest(CAST(:numbers AS BIGINT[])))", {"numbers": numbers}
        return "(SELECT value FROM json_each(:numbers))", {"numbers": json.dumps(numbers)}
