"""What a code takes off an order: worked out by the engine of the quotes, so that quote and till agree."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from app.codes import refusals
from app.codes.terms import CodeTerms
from app.errors import Refusal
from app.offers.carts import NOTHING_KNOWN, Cart, History
from app.offers.quotes import Applied, Blocked
from app.offers.quoting import KnownCode, quote
from app.offers.ready import Ready

_TYPED: Final = "typed"
_OTHERS_WON: Final = frozenset({"stacking", "worse_together"})
_WHATEVER_IS_GIVEN: Final = frozenset({"below_minimum", "currency_mismatch"})
_OUR_WORDS: Final = {"below_minimum": "below_min_order", "currency_mismatch": "currency"}
_FIELDS: Final = {"below_minimum": "cart", "currency_mismatch": "cart.currency", "nothing_to_give": "cart"}
_DETAILS: Final = {
    "nothing_to_give": "there is nothing in this order that it could take off",
    "history_unknown": "its terms need the shopper's history: send attributes, or discount_minor",
    "not_a_member": "its terms need the membership among attributes",
}


class Basket(NamedTuple):
    """What the shop says of the order.

    Attributes:
        cart: the order, as of `app.offers.carts.check_cart`; None: none came.
        discount_minor: what the shop gives, or None.
        history: what is known of the shopper's earlier orders.
        beside: offers of the shopper with which this one may be combined; the quote would weigh them too.
        knows_delivery: whether the cart said what delivery costs.
    """

    cart: Cart | None = None
    discount_minor: int | None = None
    history: History = NOTHING_KNOWN
    beside: Sequence[Ready] = ()
    knows_delivery: bool = True

    @property
    def is_silent(self) -> bool:
        """Whether it says nothing of the order."""
        return self.cart is None and self.discount_minor is None


def discount(basket: Basket, terms: CodeTerms, now_us: int) -> int:
    """The discount of an order by a code, items and delivery together, in minor units.

    What the shop gives, if it says so. Else what a quote of the same cart gives for the same code; where the
    quote would take another offer in its place, what the code gives by itself, as the shop has chosen it.
    Without a cart, the most that it can be.

    Args:
        basket: what is known of the order.
        terms: of the code.
        now_us: the moment that counts, microseconds since 1970 UTC.

    Raises:
        Invalid: the code is not good for this order (`not_applicable`); `reason` says why.
        Gone: the offer's own time is over.
    """
    given = basket.discount_minor
    if given is not None and terms.most_minor is not None and given > terms.most_minor:
        detail = f"at most {terms.most_minor} minor units"
        raise refusals.not_applicable("over_max_discount", detail, "discount_minor")
    worked_out = None if basket.cart is None else _worked_out(basket, basket.cart, terms, now_us)
    if isinstance(worked_out, Blocked):
        if given is None or worked_out.reason in _WHATEVER_IS_GIVEN:
            raise _refusal(worked_out, terms)
        return given
    if given is not None:
        return given
    return terms.unsaid_minor if worked_out is None else worked_out


def _worked_out(basket: Basket, cart: Cart, terms: CodeTerms, now_us: int) -> int | Blocked | None:
    """The discount, None where the cart does not tell, or why the offer does not apply."""
    found = _quoted(basket, cart, terms, now_us)
    if isinstance(found, Applied):
        return found.discount_minor + found.shipping_discount_minor
    if found.reason == "not_on_carts":
        return 0
    is_untold = found.reason == "nothing_to_give" and terms.offer["kind"] == "free_delivery"
    return None if is_untold and not basket.knows_delivery else found


def _quoted(basket: Basket, cart: Cart, terms: CodeTerms, now_us: int) -> Applied | Blocked:
    """What the quote says of the code among the shopper's offers; where others won, of the code alone."""
    if basket.beside and terms.ready.partners:
        found = _said(basket, cart, terms, now_us, basket.beside)
        if isinstance(found, Applied) or found.reason not in _OTHERS_WON:
            return found
    return _said(basket, cart, terms, now_us, ())


def _said(
    basket: Basket, cart: Cart, terms: CodeTerms, now_us: int, others: Sequence[Ready]
) -> Applied | Blocked:
    ready = replace(terms.ready, code=_TYPED, key=(terms.experiment, terms.variant, _TYPED))
    said = quote(cart, others, now_us, basket.history, [KnownCode(_TYPED, ready, None)])
    every: tuple[Applied | Blocked, ...] = (*said.applied, *said.blocked)
    return next(one for one in every if one.code == _TYPED)


def _refusal(blocked: Blocked, terms: CodeTerms) -> Refusal:
    reason = "nothing_to_give" if blocked.reason in _OTHERS_WON else blocked.reason
    if reason == "expired":
        return refusals.expired()
    details = {
        "below_minimum": f"{blocked.missing_minor} minor units short of {terms.offer.get('min_order_minor')}",
        "currency_mismatch": f"the offer is in {terms.offer.get('currency')}",
        **_DETAILS,
    }
    detail = details.get(reason, f"the offer does not apply to this order: {reason}")
    return refusals.not_applicable(_OUR_WORDS.get(reason, reason), detail, _FIELDS.get(reason))
