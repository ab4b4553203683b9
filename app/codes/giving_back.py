"""Orders that are cancelled or wholly refunded give their codes' uses back, in the event's transaction."""

from collections.abc import Sequence

from app.codes import uses
from app.codes.book import Terms
from app.codes.uses import Code, Use
from app.ledger.rows import Item
from app.ledger.transaction import Follower, Transaction

_JOINED = ", ".join([f"c.{name}" for name in Code._fields] + [f"u.{name}" for name in Use._fields])
_USES = (
    f"SELECT {_JOINED} FROM code_uses u JOIN codes c ON c.id = u.code"  # noqa: S608 - names of ours only
    " WHERE u.order_id = :order_id AND u.state = 'redeemed'"
)
_STATE = "SELECT items_minor - discount_minor AS paid, occurred_at_us, event_id FROM events"
_PAID = (
    f"SELECT paid FROM ({_STATE} WHERE order_id = :order_id AND type = 'order'"  # noqa: S608 - names of ours only
    f" UNION ALL {_STATE} WHERE order_id = :order_id AND type = 'order_updated') states"
    " ORDER BY occurred_at_us DESC, event_id DESC LIMIT 1"
)
_REFUNDED = "SELECT sum(amount_minor) FROM events WHERE order_id = :order_id AND type = 'refund'"


def giving_back(terms_of: Terms) -> Follower:
    """What the writer calls with new events: it gives back the uses of orders that came to nothing.

    Args:
        terms_of: experiment and variant → the terms of its codes, which may say that nothing is given back.
    """

    def follow(transaction: Transaction, items: Sequence[Item]) -> None:
        ended: dict[str, bool] = {}
        for item in items:
            if item.content["type"] in {"order_cancelled", "refund"}:
                is_cancelled = item.content["type"] == "order_cancelled"
                ended[item.content["order_id"]] = ended.get(item.content["order_id"], False) or is_cancelled
        for order_id, is_cancelled in ended.items():
            _give_back(transaction, order_id, terms_of, is_cancelled=is_cancelled)

    return follow


def _give_back(
    transaction: Transaction,
    order_id: str,
    terms_of: Terms,
    *,
    is_cancelled: bool,
) -> None:
    rows = transaction.run(_USES, order_id=order_id).fetchall()
    if not rows or not (is_cancelled or _is_wholly_refunded(transaction, order_id)):
        return
    for row in rows:
        code, use = uses.code_and_use(row)
        terms = terms_of(code.experiment, code.variant, transaction)
        if terms is not None and terms.gives_back and uses.give_back(transaction, terms, code, use):
            people, currency = (use.visitor, use.customer), terms.offer.get("currency")
            uses.write_use(transaction, "reversal", code, people, use.order_id, use.amount_minor, currency)


def _is_wholly_refunded(transaction: Transaction, order_id: str) -> bool:
    """Whether nothing of what was paid for the goods is left; a partial refund keeps the use."""
    paid = transaction.one(_PAID, order_id=order_id)
    refunded = transaction.one(_REFUNDED, order_id=order_id)[0]
    return paid is not None and refunded is not None and refunded >= paid[0]
