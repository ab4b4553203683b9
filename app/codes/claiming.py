"""Claiming: one unit gets one code of an experiment, however often it asks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.codes import budget, refusals
from app.codes.expiry import free_what_expired
from app.codes.person import Person
from app.codes.terms import DAY_US, CodeTerms
from app.codes.vault import Sealed
from app.ledger.rows import Identifier
from app.ledger.transaction import Entry, Transaction
from app.offers.carts import NOTHING_KNOWN, History
from app.offers.past import orders_of, with_orders

_CLAIM = (
    "SELECT k.variant, k.claimed_at_us, k.valid_until_us, c.digest, c.ciphertext FROM code_claims k"
    " JOIN codes c ON c.id = k.code WHERE k.experiment = :experiment AND k.unit = :unit"
)
_ADD_CODE = (
    "INSERT INTO codes (digest, ciphertext, experiment, variant, kind, owner, uses_left, valid_until_us,"
    " created_at_us) VALUES (:digest, :ciphertext, :experiment, :variant, :kind, :owner, :uses_left,"
    " :valid_until_us, :now_us) ON CONFLICT DO NOTHING RETURNING id"
)
_SHARED = (
    "SELECT id, digest, ciphertext, valid_until_us FROM codes"
    " WHERE experiment = :experiment AND variant = :variant AND kind = 'shared'"
)
_TAKE_OWN = (
    "UPDATE codes SET owner = :owner, valid_until_us ="
    " CASE WHEN valid_until_us < CAST(:valid_until_us AS BIGINT) THEN valid_until_us"
    " ELSE coalesce(CAST(:valid_until_us AS BIGINT), valid_until_us) END WHERE owner IS NULL AND id ="
    " (SELECT id FROM codes WHERE experiment = :experiment AND variant = :variant AND kind = 'own'"
    " AND owner IS NULL AND (uses_left IS NULL OR uses_left > 0)"
    " AND (valid_until_us IS NULL OR valid_until_us > :now_us)"
    " ORDER BY id LIMIT 1) RETURNING id, digest, ciphertext, valid_until_us"
)
_HAS_OWN = (
    "SELECT 1 FROM codes WHERE experiment = :experiment AND variant = :variant AND kind = 'own' LIMIT 1"
)
_ADD_CLAIM = (
    "INSERT INTO code_claims"
    " (experiment, unit, variant, code, claimed_at_us, valid_until_us, held_uses, held_minor) VALUES"
    " (:experiment, :unit, :variant, :code, :now_us, :valid_until_us, :held_uses, :held_minor)"
)
_DRAWS = 5


class Claimed(NamedTuple):
    """What a unit has.

    Attributes:
        variant: the unit's.
        sealed: its code.
        claimed_at_us: microseconds since 1970 UTC.
        valid_until_us: not to be used from then on; None: by the offer alone.
        froze: whether the budget closed the experiment with this claim.
    """

    variant: str
    sealed: Sealed
    claimed_at_us: int
    valid_until_us: int | None
    froze: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """The deed of a claim.

    Attributes:
        experiment: key.
        unit: id of the unit.
        person: who asks.
        terms: of the unit's variant; None where it has none, then only an earlier claim is answered.
        reason: why it has none.
        mint: makes a new code.
        flags: of the ledger row.
        at_us: when it happened, for the ledger row alone; None: now.
        since_us: earlier orders than the start trigger nothing.
        told: what the request says of earlier orders.
    """

    experiment: str
    unit: Identifier
    person: Person
    terms: CodeTerms | None
    reason: str
    mint: Callable[[], Sealed]
    flags: int = 0
    at_us: int | None = None
    since_us: int = 0
    told: History = NOTHING_KNOWN
    size: int = 1

    def identifiers(self) -> Sequence[Identifier]:
        """See `Deed`."""
        return [self.unit, *self.person.identifiers()]

    def run(self, transaction: Transaction) -> Any:
        """See `Deed`."""
        unit = transaction.number(self.unit)
        found = transaction.one(_CLAIM, experiment=self.experiment, unit=unit)
        if found is not None:
            return Claimed(found[0], Sealed(bytes(found[3]), bytes(found[4])), found[1], found[2])
        if self.terms is None:
            raise self._outside(transaction)
        try:
            return self._claimed(transaction, self.terms, unit)
        except refusals.BudgetSpent as refusal:
            if free_what_expired(transaction, self.terms):
                return self._claimed(transaction, self.terms, unit)
            for scope in self.terms.scopes:
                budget.close(transaction, self.terms, scope)
            return refusal  # an answer, not a raise: the freeze stays

    def _outside(self, transaction: Transaction) -> Exception:
        if self.reason == "FROZEN" and budget.is_closed(transaction, self.experiment):
            return refusals.budget()
        return refusals.not_assigned(self.reason)

    def _claimed(self, transaction: Transaction, terms: CodeTerms, unit: int) -> Claimed:
        with transaction.savepoint():
            now_us = transaction.now_us
            valid_until_us = terms.valid_until_us(now_us, self._ordered_us(transaction, terms))
            if valid_until_us is not None and valid_until_us <= now_us:
                raise refusals.expired()
            held_minor = terms.use_minor * terms.claimed_uses
            budget.move(transaction, terms, held_minor=held_minor, held_uses=terms.claimed_uses)
            code, sealed, valid_until_us = self._code(transaction, terms, unit, valid_until_us)
            is_counted = bool(terms.scopes)
            transaction.run(
                _ADD_CLAIM,
                experiment=self.experiment,
                unit=unit,
                variant=terms.variant,
                code=code,
                now_us=now_us,
                valid_until_us=valid_until_us,
                held_uses=terms.claimed_uses if is_counted else 0,
                held_minor=held_minor if is_counted else 0,
            )
        transaction.write(self._entry(transaction, terms, code))
        froze = budget.close_if_full(transaction, terms, lambda: free_what_expired(transaction, terms))
        return Claimed(terms.variant, sealed, now_us, valid_until_us, froze)

    def _ordered_us(self, transaction: Transaction, terms: CodeTerms) -> int | None:
        """Moment of the order that triggers the code, where it ends some days after one.

        Raises:
            Conflict: the terms want one, and none is known.
        """
        if terms.order_days is None:
            return None
        orders = orders_of(transaction, self.person.who(transaction, terms.unit).numbers)
        last_us = with_orders(self.told, orders, None, transaction.now_us).last_order_at_us
        is_triggering = last_us is not None and self.since_us <= last_us <= transaction.now_us
        if terms.needs_order and not is_triggering:
            raise refusals.no_order()
        is_over = last_us is not None and last_us + terms.order_days * DAY_US <= transaction.now_us
        return last_us if is_triggering and (terms.needs_order or not is_over) else None

    def _entry(self, transaction: Transaction, terms: CodeTerms, code: int) -> Entry:
        content = {
            "type": "claim",
            "occurred_at_us": transaction.now_us if self.at_us is None else self.at_us,
            "experiment": terms.experiment,
            "variant": terms.variant,
            "rest": budget.code_rest(code, is_claim=True),
        }
        visitor = self.person.visitor_number(transaction)
        return Entry(visitor, self.person.customer_number(transaction), content, self.flags)

    def _code(
        self, transaction: Transaction, terms: CodeTerms, unit: int, valid_until_us: int | None
    ) -> tuple[int, Sealed, int | None]:
        """The code of this claim and its end: the shared one, one of the shop's own, or a new one."""
        key = {"experiment": terms.experiment, "variant": terms.variant}
        if terms.issue == "shared":
            return self._shared(transaction, terms, key, valid_until_us)
        now_us = transaction.now_us
        own = transaction.one(_TAKE_OWN, **key, owner=unit, valid_until_us=valid_until_us, now_us=now_us)
        if own is not None:
            return own[0], Sealed(bytes(own[1]), bytes(own[2])), own[3]
        if transaction.one(_HAS_OWN, **key) is not None:
            raise refusals.none_left()
        return *self._new(transaction, terms, "personal", unit, valid_until_us), valid_until_us

    def _shared(
        self, transaction: Transaction, terms: CodeTerms, key: dict[str, str], valid_until_us: int | None
    ) -> tuple[int, Sealed, int | None]:
        found = transaction.one(_SHARED, **key)
        if found is None:
            return *self._new(transaction, terms, "shared", None, terms.ends_at_us), valid_until_us
        ends = [end for end in (valid_until_us, found[3]) if end is not None]
        return found[0], Sealed(bytes(found[1]), bytes(found[2])), min(ends, default=None)

    def _new(
        self,
        transaction: Transaction,
        terms: CodeTerms,
        kind: str,
        owner: int | None,
        valid_until_us: int | None,
    ) -> tuple[int, Sealed]:
        for _ in range(_DRAWS):
            sealed = self.mint()
            added = transaction.one(
                _ADD_CODE,
                digest=sealed.digest,
                ciphertext=sealed.ciphertext,
                experiment=terms.experiment,
                variant=terms.variant,
                kind=kind,
                owner=owner,
                uses_left=terms.uses,
                valid_until_us=valid_until_us,
                now_us=transaction.now_us,
            )
            if added is not None:
                return added[0], sealed
        raise RuntimeError("five random codes in a row exist already")
