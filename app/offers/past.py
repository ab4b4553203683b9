"""What the ledger knows of a shopper's earlier orders, joined with what the shop says of them."""

from collections.abc import Collection, Mapping, Sequence

from app.ledger.histories import Purchase, Reader, purchases_of
from app.offers.carts import History


def orders_of(reader: Reader, numbers: Collection[int]) -> list[Purchase]:
    """The orders of a person that count: paid, not cancelled, not wholly refunded; oldest first.

    An order that names a customer is the customer's, whoever's device it came from; one that names only a
    visitor is that of the visitor's customer.

    Args:
        reader: reads the ledger.
        numbers: of all ids of the person.
    """
    found = purchases_of(reader, sorted(numbers))
    return [one for one in found if one.counts and one.belongs_to(numbers)]


def with_orders(told: History, orders: Sequence[Purchase], currency: str | None, now_us: int) -> History:
    """What is known when the ledger was asked too: of two counts the larger, of two last orders the later.

    The shop may know orders of before the service; the ledger knows those that the shop's pages have not
    heard of yet. Sums are of one currency; an order in another one counts as an order.

    Args:
        told: what the request says.
        orders: as of `orders_of`.
        currency: of the cart, or None.
        now_us: the present moment; an order of a clock that is ahead is one of now.
    """
    spent_minor = sum(one.net_minor for one in orders if one.currency == currency)
    last_us, last_minor = _last(orders, currency, now_us)
    if told.last_order_at_us is not None and (last_us is None or told.last_order_at_us >= last_us):
        last_us, last_minor = told.last_order_at_us, told.last_order_minor
    return told._replace(
        orders_count=max(told.orders_count or 0, len(orders)),
        purchases_minor=max(told.purchases_minor or 0, spent_minor),
        last_order_at_us=last_us,
        last_order_minor=last_minor,
        pieces=_pieces(orders),
        vouches=told.vouches and not orders,
    )


def _last(orders: Sequence[Purchase], currency: str | None, now_us: int) -> tuple[int | None, int | None]:
    """Moment of the last order, and its items after the discounts that the shop itself made, less refunds."""
    if not orders:
        return None, None
    last = orders[-1]
    own_minor = last.discount_minor if last.own_discount_minor is None else last.own_discount_minor
    items_minor = max(0, last.items_minor - own_minor - last.refunded_minor)
    return min(last.occurred_us, now_us), items_minor if last.currency == currency else None


def _pieces(orders: Sequence[Purchase]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for one in orders:
        for sku, count in one.pieces.items():
            found[sku] = found.get(sku, 0) + count
    return found
