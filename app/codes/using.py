"""The deeds on a code as a shopper types it: validate, reserve, redeem, roll back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.clock import MICROSECONDS, isoformat
from app.codes import budget, refusals, uses
from app.codes.book import Terms
from app.codes.expiry import free_reservations, free_what_expired
from app.codes.giving_back import ended_us, settle
from app.codes.person import Person
from app.codes.terms import CodeTerms, discount_of
from app.codes.uses import Code, Use
from app.ledger.rows import Identifier
from app.ledger.transaction import Transaction


class Basket(NamedTuple):
    """What the shop says of the order.

    Attributes:
        items_minor: sum of the lines, or None when no cart came; `currency` likewise.
        discount_minor: what the shop gives, or None.
    """

    items_minor: int | None = None
    currency: str | None = None
    discount_minor: int | None = None


class Done(NamedTuple):
    """What became of a code.

    Attributes:
        status: valid, reserved, redeemed or rolled_back.
        code: the code; `use` what the order has of it, where there is one.
        terms: its terms.
        discount_minor: of this order.
        valid_until_us: end of the code, or None.
        froze: whether the budget closed the experiment with it.
    """

    status: str
    code: Code
    terms: CodeTerms
    use: Use | None
    discount_minor: int
    valid_until_us: int | None = None
    froze: bool = False


@dataclass(frozen=True, slots=True)
class CodeDeed:
    """What all deeds on a typed code share.

    Attributes:
        digest: of the code as typed; None: it can be no code.
        person: who wants to use it.
        order_id: for which order.
        basket: what is known of the order.
        terms_of: finds the terms.
        ttl_seconds: of a reservation.
        at_us: when it was redeemed, for the ledger row alone; None: now.
    """

    digest: bytes | None
    person: Person
    order_id: str | None
    basket: Basket
    terms_of: Terms
    ttl_seconds: int = 900
    at_us: int | None = None
    size: int = 1

    def identifiers(self) -> Sequence[Identifier]:
        """See `Deed`."""
        return self.person.identifiers()

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        raise NotImplementedError

    def _found(self, transaction: Transaction) -> tuple[Code, CodeTerms, Use | None]:
        code = uses.find_code(transaction, self.digest)
        terms = self.terms_of(code.experiment, code.variant, transaction)
        if terms is None:
            raise refusals.unknown()
        use = None if self.order_id is None else uses.find_use(transaction, code, self.order_id)
        return code, terms, use

    def _check(self, transaction: Transaction, code: Code, terms: CodeTerms, *, is_held: bool) -> int | None:
        """Refuse what the terms refuse; the moment the code ends.

        A reservation that still runs may be redeemed after the code's end.
        """
        unit = transaction.number(self.person.unit(terms.unit))
        end_us = code.valid_until_us if code.owner is not None else uses.claim_end_us(transaction, code, unit)
        end_us = min(
            (end for end in (end_us, code.valid_until_us, terms.ends_at_us) if end is not None), default=None
        )
        if terms.bound and not self._owns(transaction, code, unit):
            raise refusals.not_yours()
        if end_us is not None and transaction.now_us >= end_us and not is_held:
            raise refusals.expired()
        self._check_order(transaction, terms)
        return end_us

    def _owns(self, transaction: Transaction, code: Code, unit: int) -> bool:
        if code.owner is not None:
            return code.owner in self.person.numbers(transaction)
        held = {"experiment": code.experiment, "unit": unit, "code": code.id}
        return transaction.one(uses.HAS_CLAIM, **held) is not None

    def _check_order(self, transaction: Transaction, terms: CodeTerms) -> None:
        if terms.starts_at_us is not None and transaction.now_us < terms.starts_at_us:
            since = isoformat(terms.starts_at_us)
            raise refusals.not_applicable("not_yet_valid", f"it may be used from {since} on")
        offer, basket = terms.offer, self.basket
        currency = offer.get("currency")
        if basket.currency is not None and currency is not None and basket.currency != currency:
            raise refusals.not_applicable("currency", f"the offer is in {currency}", "cart.currency")
        least = offer.get("min_order_minor")
        if least is not None and basket.items_minor is not None and basket.items_minor < least:
            missing = least - basket.items_minor
            raise refusals.not_applicable(
                "below_min_order", f"{missing} minor units short of {least}", "cart"
            )
        most, given = terms.most_minor, basket.discount_minor
        if most is not None and given is not None and given > most:
            raise refusals.not_applicable(
                "over_max_discount", f"at most {most} minor units", "discount_minor"
            )

    def _discount_minor(self, terms: CodeTerms) -> int:
        """The discount given; else worked out from the cart; else the most it can be."""
        if self.basket.discount_minor is not None:
            return self.basket.discount_minor
        if self.basket.items_minor is not None:
            return discount_of(terms.offer, self.basket.items_minor)
        return terms.use_minor

    def _is_held(self, transaction: Transaction, use: Use | None) -> bool:
        return use is not None and use.state == "reserved" and (use.expires_at_us or 0) > transaction.now_us

    def _take(
        self, transaction: Transaction, code: Code, terms: CodeTerms, state: str, amount_minor: int
    ) -> Any:
        """One use for this order, or the refusal; a spent budget freezes the experiment."""
        free_reservations(transaction, terms, code)
        expires_at_us = transaction.now_us + self.ttl_seconds * MICROSECONDS if state == "reserved" else None
        try:
            self._taken(transaction, code, terms, state, amount_minor, expires_at_us)
        except refusals.BudgetSpent as refusal:
            if not free_what_expired(transaction, terms):
                for scope in terms.scopes:
                    budget.close(transaction, terms, scope)
                return refusal  # an answer, not a raise: the freeze stays
            self._taken(transaction, code, terms, state, amount_minor, expires_at_us)
        return None

    def _taken(  # noqa: PLR0913, PLR0917 - what a use is
        self,
        transaction: Transaction,
        code: Code,
        terms: CodeTerms,
        state: str,
        amount_minor: int,
        expires_at_us: int | None,
    ) -> None:
        with transaction.savepoint():
            uses.take(
                transaction,
                terms,
                code,
                self.person,
                order_id=str(self.order_id),
                state=state,
                amount_minor=amount_minor,
                expires_at_us=expires_at_us,
            )

    def _answer(  # noqa: PLR0913, PLR0917 - what the answer says
        self,
        transaction: Transaction,
        status: str,
        code: Code,
        terms: CodeTerms,
        amount_minor: int,
        end_us: int | None,
    ) -> Done:
        use = None if self.order_id is None else uses.find_use(transaction, code, self.order_id)
        froze = budget.close_if_full(transaction, terms, lambda: free_what_expired(transaction, terms))
        return Done(status, code, terms, use, amount_minor, end_us, froze)


class Validate(CodeDeed):
    """Whether the code could be used now; changes nothing but what time has freed."""

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        code, terms, use = self._found(transaction)
        if use is not None and use.state == "redeemed":
            return Done("redeemed", code, terms, use, use.amount_minor)
        is_held = self._is_held(transaction, use)
        end_us = self._check(transaction, code, terms, is_held=is_held)
        if is_held:
            return Done("reserved", code, terms, use, self._discount_minor(terms), end_us)
        free_reservations(transaction, terms, code)
        uses.check_left(transaction, terms, code, transaction.number(self.person.unit(terms.unit)))
        return Done("valid", code, terms, None, self._discount_minor(terms), end_us)


class Reserve(CodeDeed):
    """Keep one use for an order for a while."""

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        code, terms, use = self._found(transaction)
        if use is not None and use.state == "redeemed":
            raise refusals.spent("this order has used it")
        is_held = self._is_held(transaction, use)
        end_us = self._check(transaction, code, terms, is_held=is_held)
        if is_held:
            return Done("reserved", code, terms, use, use.amount_minor if use else 0, end_us)
        amount_minor = self._discount_minor(terms)
        refusal = self._take(transaction, code, terms, "reserved", amount_minor)
        return refusal or self._answer(transaction, "reserved", code, terms, amount_minor, end_us)


class Redeem(CodeDeed):
    """Use the code for an order; the same order gets the same answer however often it asks."""

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        code, terms, use = self._found(transaction)
        if use is not None and _was_redeemed(transaction, use):
            return Done("redeemed", code, terms, use, use.amount_minor)
        is_held = self._is_held(transaction, use)
        end_us = self._check(transaction, code, terms, is_held=is_held)
        amount_minor = self._discount_minor(terms)
        if use is None or not uses.redeem_reserved(transaction, terms, use, self.person, amount_minor):
            refusal = self._take(transaction, code, terms, "redeemed", amount_minor)
            if refusal is not None:
                return refusal
        people = self.person.visitor_number(transaction), self.person.customer_number(transaction)
        order_id, currency = str(self.order_id), terms.offer.get("currency")
        uses.write_use(
            transaction, "redemption", code, people, order_id, amount_minor, currency, at_us=self.at_us
        )
        settle(transaction, order_id, self.terms_of)  # its cancellation may have come before it
        return self._answer(transaction, "redeemed", code, terms, amount_minor, end_us)


class Rollback(CodeDeed):
    """Give the order's use back; an order that has none gets the same answer."""

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        code, terms, use = self._found(transaction)
        if use is not None and uses.give_back(transaction, terms, code, use) and use.state == "redeemed":
            people, currency = (use.visitor, use.customer), terms.offer.get("currency")
            uses.write_use(transaction, "reversal", code, people, use.order_id, use.amount_minor, currency)
        if use is not None and use.with_order:
            uses.forget_order(transaction, use)
        return Done("rolled_back", code, terms, None, 0)


def _was_redeemed(transaction: Transaction, use: Use) -> bool:
    """Whether the order has redeemed it: the answer stays when the order came to nothing afterwards."""
    is_back = use.with_order and use.state == "given_back"
    return use.state == "redeemed" or (is_back and ended_us(transaction, use.order_id) is not None)
