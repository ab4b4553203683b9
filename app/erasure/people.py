"""All ids of one person, by the links of the ledger: the same rule as in results (`app.identity.resolve`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import TextClause, bindparam, text
from sqlmodel import Session

from app.identity.resolve import Link, resolve
from app.ledger.rows import UNTRUSTED

_NUMBERS = text("SELECT number, kind FROM identifiers WHERE id = :id")
_TEXTS = text("SELECT number, kind, id FROM identifiers WHERE number IN :numbers").bindparams(
    bindparam("numbers", expanding=True)
)
_UNUSED = text(
    "SELECT i.number, i.kind, i.id FROM identifiers i WHERE i.kind IN ('visitor', 'customer')"
    " AND i.id IN :ids AND i.number NOT IN :numbers"
    " AND NOT EXISTS (SELECT 1 FROM events e WHERE e.visitor = i.number OR e.customer = i.number)"
).bindparams(bindparam("ids", expanding=True), bindparam("numbers", expanding=True))
_TRUSTED = f"(flags & {UNTRUSTED}) = 0 AND visitor IS NOT NULL AND customer IS NOT NULL"
_LINK = "SELECT visitor, customer, occurred_at_us, event_id FROM events WHERE "
_OF_VISITORS = text(f"{_LINK}{_TRUSTED} AND visitor IN :visitors").bindparams(
    bindparam("visitors", expanding=True)
)
_OF_CUSTOMERS_VISITORS = text(
    f"{_LINK}{_TRUSTED} AND visitor IN"  # noqa: S608 - constants of ours
    f" (SELECT visitor FROM events WHERE {_TRUSTED} AND customer IN :customers)"
).bindparams(bindparam("customers", expanding=True))


@dataclass(slots=True)
class Person:
    """The ids of one person, with the numbers that stand for them in the ledger.

    Attributes:
        visitors: text → number; `customers` likewise.
    """

    visitors: dict[str, int] = field(default_factory=dict)
    customers: dict[str, int] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        """All numbers, in order."""
        return sorted([*self.visitors.values(), *self.customers.values()])

    @property
    def texts(self) -> list[str]:
        """All ids, longest first."""
        return sorted({*self.visitors, *self.customers}, key=len, reverse=True)


def person_of(session: Session, person_id: str) -> Person:
    """Everybody a visitor (or customer) id is known to be; empty when the ledger does not know it.

    A visitor brings its customer along, and a customer all visitors that are its own; a visitor of somebody
    else who once logged in here is not among them.

    Args:
        session: reads the ledger; all links are looked through.
        person_id: as the shop sent it.
    """
    known = {kind: number for number, kind in session.execute(_NUMBERS, {"id": person_id})}
    customers = {known["customer"]} if "customer" in known else set()
    visitors = {known["visitor"]} if "visitor" in known else set()
    if visitors:
        customers |= set(_owners(_links(session, _OF_VISITORS, visitors=[*visitors])).values())
    if customers:
        found = _links(session, _OF_CUSTOMERS_VISITORS, customers=[*customers])
        visitors |= {visitor for visitor, owner in _owners(found).items() if owner in customers}
    return _with_unused(session, _named(session, [*visitors, *customers]))


def _with_unused(session: Session, person: Person) -> Person:
    """The person with the numbers that a referral gave their ids as the other kind: nobody has used them."""
    known = {"ids": person.texts, "numbers": person.numbers}
    for number, kind, text_ in session.execute(_UNUSED, known).all() if person.numbers else ():
        (person.visitors if kind == "visitor" else person.customers)[text_] = number
    return person


def _links(session: Session, statement: TextClause, **values: Sequence[int]) -> list[Link]:
    return [Link(*row) for row in session.execute(statement, values)]


def _owners(links: Sequence[Link]) -> dict[int, int]:
    return resolve(links, "customer").unit_of


def _named(session: Session, numbers: Sequence[int]) -> Person:
    person = Person()
    for number, kind, text_ in session.execute(_TEXTS, {"numbers": numbers}) if numbers else ():
        (person.visitors if kind == "visitor" else person.customers)[text_] = number
    return person
