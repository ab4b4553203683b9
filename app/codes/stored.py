"""Codes and their uses as they are stored: the rows, and how they are found."""

from typing import Any, Final, NamedTuple

from app.codes import refusals
from app.codes.person import Who
from app.ledger.transaction import Transaction

_CLAIM_ENDS = (
    "SELECT valid_until_us FROM code_claims WHERE experiment = :experiment AND code = :code"
    " AND unit IN {mine} ORDER BY claimed_at_us DESC LIMIT 1"
)


class Code(NamedTuple):
    """A code as stored, without its text; see `tables.CodeRow`."""

    id: int
    experiment: str
    variant: str
    kind: str
    owner: int | None
    uses_left: int | None
    valid_until_us: int | None


class Use(NamedTuple):
    """One use of one code by one order; see `tables.UseRow`."""

    id: int
    code: int
    order_id: str
    unit: int
    visitor: int | None
    customer: int | None
    state: str
    amount_minor: int
    held_minor: int
    of_claim: bool
    with_order: bool
    expires_at_us: int | None
    at_us: int


USE_COLUMNS: Final = ", ".join(Use._fields)
CODE_AND_USE: Final = ", ".join(
    [f"c.{name}" for name in Code._fields] + [f"u.{name}" for name in Use._fields]
)
"""Columns of a row that `code_and_use` takes apart."""
_CODE_AND_USE = (
    f"SELECT {CODE_AND_USE}"  # noqa: S608 - names of ours only
    " FROM codes c LEFT JOIN code_uses u ON u.code = c.id AND u.order_id = :order_id WHERE c.digest = :digest"
)


def find(transaction: Transaction, digest: bytes | None, order_id: str | None) -> tuple[Code, Use | None]:
    """The code with this digest, and what the order did with it.

    Raises:
        NotFound: there is no such code.
    """
    values = {"digest": digest, "order_id": order_id}
    found = None if digest is None else transaction.one(_CODE_AND_USE, **values)
    if found is None:
        raise refusals.unknown()
    code, use = code_and_use(found)
    return code, None if use.id is None else use


def claim_of(transaction: Transaction, code: Code, who: Who) -> tuple[int | None] | None:
    """Until when the code is this person's by the last claim; None when there is no claim."""
    mine, numbers = who.among(transaction)
    values = {"experiment": code.experiment, "code": code.id, **numbers}
    found = transaction.one(_CLAIM_ENDS.format(mine=mine), **values)
    return None if found is None else (found[0],)


def code_and_use(row: Any) -> tuple[Code, Use]:
    """A row of the code's columns followed by the use's."""
    width = len(Code._fields)
    return Code(*row[:width]), Use(*row[width:])
