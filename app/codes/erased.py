"""Ids of orders that hold a person's id, in the uses of codes: renamed as in the ledger."""

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, text
from sqlmodel import Session

_USES = text(
    "SELECT id, order_id FROM code_uses WHERE visitor IN :numbers OR customer IN :numbers OR unit IN :numbers"
).bindparams(bindparam("numbers", expanding=True))
_RENAME = text("UPDATE code_uses SET order_id = :order_id WHERE id = :id")


def rename_orders(session: Session, numbers: Sequence[int], renamed: Callable[[str], str]) -> int:
    """Rename orders of a person who is being erased; how many uses were changed.

    Args:
        session: an open writing transaction that holds the ledger's lock.
        numbers: that stand for the person.
        renamed: id of an order → what the ledger calls it from now on.
    """
    if not numbers:
        return 0
    found = session.execute(_USES, {"numbers": list(numbers)}).all()
    changes = [
        {"id": id_, "order_id": renamed(order_id)} for id_, order_id in found if renamed(order_id) != order_id
    ]
    if changes:
        session.execute(_RENAME, changes)
    return len(changes)
