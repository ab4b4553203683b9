"""Which unit stands for an id: first-touch alias resolution. Pure; the order of arrival does not matter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple


class Link(NamedTuple):
    """One observation that a visitor and a customer are the same person.

    Attributes:
        visitor: integer key of the visitor id.
        customer: integer key of the customer id; keys of both kinds come from one space and never coincide.
        occurred_us: when, microseconds since 1970 UTC.
        event_id: id of the event that carried the link; breaks ties.
    """

    visitor: int
    customer: int
    occurred_us: int
    event_id: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who stands for whom.

    Attributes:
        unit_of: key of an id → key of its unit. For `visitor`: linked visitors and customers → canonical
            visitor. For `customer`: linked visitors → their customer. An id that is not named has no link:
            a visitor (or, for `customer`, a customer) is its own unit.
        contradicting: links that name another customer than the visitor's first; flagged, never merged.
    """

    unit_of: dict[int, int]
    contradicting: int


def resolve(links: Sequence[Link], unit: Literal["visitor", "customer"]) -> Resolution:
    """Resolve links to canonical units.

    A visitor belongs to the customer of its earliest link by (occurred_us, event_id). Links that agree with
    that are valid; the others are counted as contradicting. The canonical visitor of a customer is the
    visitor of its earliest valid link, and stands for every visitor of that customer.

    Args:
        links: in any order; an event seen twice counts twice only if it contradicts.
        unit: what the experiment randomises.

    Returns:
        The units and the number of contradicting links.

    Raises:
        ValueError: `unit` is neither `visitor` nor `customer`.

    >>> phone, laptop, anna = 1, 2, 100
    >>> resolve([Link(laptop, anna, 20, "b"), Link(phone, anna, 10, "a")], "visitor").unit_of
    {100: 1, 1: 1, 2: 1}
    >>> resolve([Link(phone, anna, 10, "a"), Link(phone, 200, 30, "c")], "visitor")
    Resolution(unit_of={100: 1, 1: 1}, contradicting=1)
    """
    if unit not in {"visitor", "customer"}:
        raise ValueError(f"unit is {unit!r}; it must be 'visitor' or 'customer'")
    ordered = sorted(links, key=lambda link: (link.occurred_us, link.event_id, link.visitor, link.customer))
    owner = _owners(ordered)
    contradicting = sum(owner[link.visitor] != link.customer for link in ordered)
    if unit == "customer":
        return Resolution(unit_of=owner, contradicting=contradicting)
    return Resolution(unit_of=_canonical_visitors(owner), contradicting=contradicting)


def _owners(ordered: Sequence[Link]) -> dict[int, int]:
    """Visitor → customer of its earliest link, in the order of those links."""
    owner: dict[int, int] = {}
    for link in ordered:
        owner.setdefault(link.visitor, link.customer)
    return owner


def _canonical_visitors(owner: dict[int, int]) -> dict[int, int]:
    """Every id of a customer → the visitor of the customer's earliest valid link.

    A visitor's first link is always valid, so a customer's earliest valid link is the earliest first link
    of its visitors: the first of them in `owner`.
    """
    unit_of: dict[int, int] = {}
    for visitor, customer in owner.items():
        unit_of[visitor] = unit_of.setdefault(customer, visitor)
    return unit_of
