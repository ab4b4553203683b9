"""The deeds on a code as a shopper types it: validate, reserve, redeem, roll back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.clock import MICROSECONDS, isoformat
from app.codes import budget, refusals, uses
from app.codes.basket import Basket, discount
from app.codes.book import Terms
from app.codes.expiry import free_reservations, free_what_expired
from app.codes.giving_back import ended_us, settle
from app.codes.person import Person, Who
from app.codes.stored import Code, Use, claim_of, find
from app.codes.terms import DAY_US, CodeTerms
from app.errors import Refusal
from app.ledger.rows import Identifier
from app.ledger.transaction import Transaction
from app.offers.past import orders_of, with_orders


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
        code, use = find(transaction, self.digest, self.order_id)
        terms = self.terms_of(code.experiment, code.variant, transaction)
        if terms is None:
            raise refusals.unknown()
        return code, terms, use

    def _check(self, transaction: Transaction, code: Code, terms: CodeTerms, *, is_held: bool) -> int | None:
        """Refuse what the terms refuse; the moment the code ends.

        A reservation that still runs may be redeemed after the code's end.
        """
        of_many = code.owner is None and code.kind == "shared"
        of_orders = code.owner is None and terms.needs_order
        who = self.person.who(transaction, terms.unit) if terms.bound or of_many or of_orders else None
        claim = claim_of(transaction, code, who) if who is not None and of_many else None
        ends = [*(claim or ()), code.valid_until_us, terms.ends_at_us]
        if who is not None and of_orders and claim is None:
            ends.append(self._order_end_us(transaction, terms, who))
        end_us = min((end for end in ends if end is not None), default=None)
        if terms.bound and who is not None and claim is None and code.owner not in who.numbers:
            raise refusals.not_yours()
        if end_us is not None and transaction.now_us >= end_us and not is_held:
            raise refusals.expired()
        if terms.starts_at_us is not None and transaction.now_us < terms.starts_at_us:
            since = isoformat(terms.starts_at_us)
            raise refusals.not_applicable("not_yet_valid", f"it may be used from {since} on")
        return end_us

    def _order_end_us(self, transaction: Transaction, terms: CodeTerms, who: Who) -> int:
        """When a code that nobody claimed ends for this person: so many days after the last order."""
        orders = [one for one in orders_of(transaction, who.numbers) if one.order_id != self.order_id]
        last_us = with_orders(self.basket.history, orders, None, transaction.now_us).last_order_at_us
        if last_us is None or last_us < terms.ready.since_us:
            detail = "it is valid some days after an order, and no order since the start is known"
            raise refusals.not_applicable("no_order", detail)
        return last_us + (terms.order_days or 0) * DAY_US

    def _discount_minor(self, transaction: Transaction, terms: CodeTerms, held: Use | None) -> int:
        """The discount of this order; a running reservation keeps its moment, and its sum if none is said."""
        if held is not None and self.basket.is_silent:
            return held.amount_minor
        at_us = transaction.now_us if held is None else held.at_us
        return discount(self._informed(transaction, terms, at_us), terms, at_us)

    def _informed(self, transaction: Transaction, terms: CodeTerms, at_us: int) -> Basket:
        """The basket with what the ledger knows of earlier orders, where the terms ask for them."""
        basket = self.basket
        asking = any(ready.asks_history for ready in (terms.ready, *basket.beside))
        if basket.cart is None or not asking:
            return basket
        who = self.person.who(transaction, terms.unit)
        orders = [one for one in orders_of(transaction, who.numbers) if one.order_id != self.order_id]
        return basket._replace(history=with_orders(basket.history, orders, basket.cart.currency, at_us))

    def _held(self, transaction: Transaction, use: Use | None) -> Use | None:
        """The order's reservation, if it still runs."""
        runs = use is not None and use.state == "reserved" and (use.expires_at_us or 0) > transaction.now_us
        return use if runs else None

    def _take(  # noqa: PLR0913, PLR0917 - what a use is
        self,
        transaction: Transaction,
        code: Code,
        terms: CodeTerms,
        use: Use | None,
        state: str,
        amount_minor: int,
    ) -> Use | Refusal:
        """One use for this order, or the refusal; a spent budget freezes the experiment."""
        may_lack = use is not None or code.uses_left == 0 or uses.most_of_one(terms, code) is not None
        if may_lack:
            free_reservations(transaction, terms, code)
        if not terms.scopes:  # nothing is caught below, so nothing needs to be undone
            return self._taken(transaction, code, terms, state, amount_minor)
        try:
            with transaction.savepoint():
                return self._taken(transaction, code, terms, state, amount_minor)
        except refusals.BudgetSpent as refusal:
            if not free_what_expired(transaction, terms):
                for scope in terms.scopes:
                    budget.close(transaction, terms, scope)
                return refusal  # an answer, not a raise: the freeze stays
        return self._taken(transaction, code, terms, state, amount_minor)

    def _taken(
        self, transaction: Transaction, code: Code, terms: CodeTerms, state: str, amount_minor: int
    ) -> Use:
        expires_at_us = transaction.now_us + self.ttl_seconds * MICROSECONDS if state == "reserved" else None
        return uses.take(
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
        use: Use,
        end_us: int | None,
    ) -> Done:
        froze = budget.close_if_full(transaction, terms, lambda: free_what_expired(transaction, terms))
        return Done(status, code, terms, use, use.amount_minor, end_us, froze)


class Validate(CodeDeed):
    """Whether the code could be used now; changes nothing but what time has freed."""

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        code, terms, use = self._found(transaction)
        if use is not None and use.state == "redeemed":
            return Done("redeemed", code, terms, use, use.amount_minor)
        held = self._held(transaction, use)
        end_us = self._check(transaction, code, terms, is_held=held is not None)
        amount_minor = self._discount_minor(transaction, terms, held)
        if held is not None:
            return Done("reserved", code, terms, held, amount_minor, end_us)
        free_reservations(transaction, terms, code)
        uses.check_left(transaction, terms, code, self.person.who(transaction, terms.unit))
        return Done("valid", code, terms, None, amount_minor, end_us)


class Reserve(CodeDeed):
    """Keep one use for an order for a while."""

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        code, terms, use = self._found(transaction)
        if use is not None and use.state == "redeemed":
            raise refusals.spent("this order has used it")
        held = self._held(transaction, use)
        end_us = self._check(transaction, code, terms, is_held=held is not None)
        if held is not None:
            return Done("reserved", code, terms, held, held.amount_minor, end_us)
        amount_minor = self._discount_minor(transaction, terms, None)
        taken = self._take(transaction, code, terms, use, "reserved", amount_minor)
        if isinstance(taken, Refusal):
            return taken
        return self._answer(transaction, "reserved", code, terms, taken, end_us)


class Redeem(CodeDeed):
    """Use the code for an order; the same order gets the same answer however often it asks."""

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        code, terms, use = self._found(transaction)
        if use is not None and _was_redeemed(transaction, use):
            return Done("redeemed", code, terms, use, use.amount_minor)
        held = self._held(transaction, use)
        end_us = self._check(transaction, code, terms, is_held=held is not None)
        amount_minor = self._discount_minor(transaction, terms, held)
        kept = use and uses.redeem_reserved(transaction, terms, use, self.person, amount_minor)
        taken = kept or self._take(transaction, code, terms, use, "redeemed", amount_minor)
        if isinstance(taken, Refusal):
            return taken
        people = self.person.visitor_number(transaction), self.person.customer_number(transaction)
        order_id, currency = str(self.order_id), terms.offer.get("currency")
        uses.write_use(
            transaction, "redemption", code, people, order_id, amount_minor, currency, at_us=self.at_us
        )
        if ended_us(transaction, order_id) is not None:  # its cancellation came before it
            settle(transaction, order_id, self.terms_of)
        return self._answer(transaction, "redeemed", code, terms, taken, end_us)


class Rollback(CodeDeed):
    """Give the order's use back; an order that has none gets the same answer."""

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        code, terms, use = self._found(transaction)
        if terms.bound and use is not None:
            self._refuse_strangers(transaction, code, terms, use)
        if use is not None and uses.give_back(transaction, terms, code, use) and use.state == "redeemed":
            people, currency = (use.visitor, use.customer), terms.offer.get("currency")
            uses.write_use(transaction, "reversal", code, people, use.order_id, use.amount_minor, currency)
        if use is not None and use.with_order:
            uses.forget_order(transaction, use)
        return Done("rolled_back", code, terms, None, 0)

    def _refuse_strangers(self, transaction: Transaction, code: Code, terms: CodeTerms, use: Use) -> None:
        who = self.person.who(transaction, terms.unit)
        if who.numbers.isdisjoint({code.owner, use.unit, use.visitor, use.customer}):
            raise refusals.not_yours()


def _was_redeemed(transaction: Transaction, use: Use) -> bool:
    """Whether the order has redeemed it: the answer stays when the order came to nothing afterwards."""
    is_back = use.with_order and use.state == "given_back"
    return use.state == "redeemed" or (is_back and ended_us(transaction, use.order_id) is not None)
