"""Orders that come to nothing give their codes' uses back, in whatever order their events arrive.

A use follows what the ledger holds of its order: taken while something of the order is left, given back once
it is cancelled or wholly refunded. So the same events end in the same uses and budgets, whether the
cancellation came before the order, before the redemption or after both.
"""

from collections.abc import Sequence
from typing import Final

from app.codes import uses
from app.codes.book import Terms
from app.codes.stored import CODE_AND_USE, Code, Use, code_and_use
from app.codes.terms import CodeTerms
from app.ledger.rows import Item
from app.ledger.transaction import Follower, Transaction

_TELLING: Final = frozenset({"order", "order_updated", "order_cancelled", "refund"})
_USES = (
    f"SELECT {CODE_AND_USE} FROM code_uses u JOIN codes c ON c.id = u.code"  # noqa: S608 - names of ours only
    " WHERE u.order_id = :order_id AND (u.state = 'redeemed' OR u.with_order) ORDER BY u.id"
)
_WITH_USES = (
    "SELECT DISTINCT order_id FROM code_uses WHERE order_id IN {keys} AND (state = 'redeemed' OR with_order)"
)
_ENDINGS = (
    "SELECT (SELECT min(occurred_at_us) FROM events WHERE order_id = :order_id AND type = 'order_cancelled'),"
    " refunded, refunded_us FROM (SELECT sum(amount_minor) AS refunded, max(occurred_at_us) AS refunded_us"
    " FROM events WHERE order_id = :order_id AND type = 'refund') refunds"
)
_STATE = "SELECT items_minor - discount_minor AS paid, occurred_at_us, event_id FROM events"
_PAID = (
    f"SELECT paid FROM ({_STATE} WHERE order_id = :order_id AND type = 'order'"  # noqa: S608 - names of ours only
    f" UNION ALL {_STATE} WHERE order_id = :order_id AND type = 'order_updated') states"
    " ORDER BY occurred_at_us DESC, event_id DESC LIMIT 1"
)
_REDEEMED = (
    "SELECT occurred_at_us FROM events WHERE type = 'redemption' AND experiment = :experiment"
    " AND order_id = :order_id ORDER BY seq DESC LIMIT 1"
)


def giving_back(terms_of: Terms) -> Follower:
    """What the writer calls with new events: it settles the uses of the orders they tell of.

    Args:
        terms_of: experiment and variant → the terms of its codes, which may say that nothing is given back.
    """

    def follow(transaction: Transaction, items: Sequence[Item]) -> None:
        told = {item.content["order_id"] for item in items if item.content["type"] in _TELLING}
        for (order_id,) in transaction.among(_WITH_USES, sorted(told)) if told else ():
            settle(transaction, order_id, terms_of)

    return follow


def settle(transaction: Transaction, order_id: str, terms_of: Terms) -> None:
    """Bring the uses of an order in line with what the ledger holds of it."""
    rows = transaction.run(_USES, order_id=order_id).fetchall()
    if not rows:
        return
    ended_at_us = ended_us(transaction, order_id)
    for row in rows:
        code, use = code_and_use(row)
        terms = terms_of(code.experiment, code.variant, transaction)
        if terms is None or not terms.gives_back:
            continue
        if ended_at_us is not None and use.state == "redeemed":
            _give_back(transaction, terms, code, use, ended_at_us)
        elif ended_at_us is None and use.state == "given_back":
            _take_again(transaction, terms, code, use)


def _give_back(transaction: Transaction, terms: CodeTerms, code: Code, use: Use, ended_at_us: int) -> None:
    if uses.give_back_with_order(transaction, terms, code, use):
        _write(transaction, "reversal", terms, code, use, ended_at_us)


def _take_again(transaction: Transaction, terms: CodeTerms, code: Code, use: Use) -> None:
    redeemed = transaction.one(_REDEEMED, experiment=code.experiment, order_id=use.order_id)
    if uses.take_again(transaction, terms, code, use):
        _write(transaction, "redemption", terms, code, use, None if redeemed is None else redeemed[0])


def _write(  # noqa: PLR0913, PLR0917 - what the ledger says of a use
    transaction: Transaction, kind: str, terms: CodeTerms, code: Code, use: Use, at_us: int | None
) -> None:
    people, currency = (use.visitor, use.customer), terms.offer.get("currency")
    uses.write_use(transaction, kind, code, people, use.order_id, use.amount_minor, currency, at_us=at_us)


def ended_us(transaction: Transaction, order_id: str) -> int | None:
    """When the order came to nothing: cancelled, or refunded to the last of what was paid for its goods.

    A partial refund leaves something, and so does a refund of an order that has not arrived yet: what it was
    part of is not known.

    Returns:
        Microseconds since 1970 UTC, by the shop's own times; None while something of the order is left.
    """
    cancelled_us, refunded, refunded_us = transaction.one(_ENDINGS, order_id=order_id)
    if cancelled_us is not None:
        return int(cancelled_us)
    paid = None if refunded is None else transaction.one(_PAID, order_id=order_id)
    return int(refunded_us) if paid is not None and refunded >= paid[0] else None
