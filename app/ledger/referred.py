"""Whom a referral names: ids on their way in, numbers in the row.

An id that comes as plain text is a visitor's or a customer's; which of the two only later events can show, so
the row keeps the number of both, and whoever reads it takes the one that has done something. So the answer
does not depend on what had arrived before. `{"customer_id": …}` and `{"visitor_id": …}` say it at once.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from app.ledger.events import Referral, Somebody

Kind = Literal["visitor", "customer"]
Identifier = tuple[Kind, str]
KINDS: Final[tuple[Kind, Kind]] = ("visitor", "customer")

_encode = msgspec.json.Encoder(order="sorted").encode


class Referred(NamedTuple):
    """Both sides of a referral, each by every id it may be.

    Attributes:
        referrer: who invited.
        invited: who came.
    """

    referrer: tuple[Identifier, ...]
    invited: tuple[Identifier, ...]

    def everybody(self) -> list[Identifier]:
        """The ids whose numbers the row needs."""
        return [*self.referrer, *self.invited]

    def is_one_person(self) -> bool:
        """Whether both sides may be one id."""
        return bool({*self.referrer} & {*self.invited})

    def rest(self, numbers: Mapping[Identifier, int]) -> str:
        """What the row says: for each side kind → number.

        >>> anna, boris = ("visitor", "anna"), ("customer", "boris")
        >>> Referred((anna,), (boris,)).rest({anna: 1, boris: 2})
        '{"invited":{"customer":2},"referrer":{"visitor":1}}'
        """
        sides = (("referrer", self.referrer), ("invited", self.invited))
        said = {name: {one[0]: numbers[one] for one in ids} for name, ids in sides}
        return _encode(said).decode()


def referred(event: Referral) -> Referred:
    """Whom an event names.

    Raises:
        ValueError: a side names no id, or two; the text begins with the field.
    """
    return Referred(_ids("referrer", event.referrer), _ids("invited", event.invited))


def _ids(field: str, named: str | Somebody) -> tuple[Identifier, ...]:
    if isinstance(named, str):
        return tuple((kind, named) for kind in KINDS)
    said = (("visitor", named.visitor_id), ("customer", named.customer_id))
    found: list[Identifier] = [(kind, text) for kind, text in said if text is not None]  # type: ignore[misc]  # the two kinds are spelled above
    if len(found) != 1:
        raise ValueError(f"{field}: name one of visitor_id and customer_id")
    return tuple(found)
