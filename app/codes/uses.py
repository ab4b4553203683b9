"""Uses of codes: taken, given back. Every change is one guarded statement."""

from typing import Any

from app.codes import budget, refusals
from app.codes.person import Person, Who
from app.codes.stored import USE_COLUMNS, Code, Use
from app.codes.terms import CodeTerms
from app.errors import Conflict, Gone
from app.ledger.transaction import Entry, Transaction

_TAKE = "UPDATE codes SET uses_left = uses_left - 1 WHERE id = :code AND (uses_left IS NULL OR uses_left > 0)"
_RETURN = "UPDATE codes SET uses_left = uses_left + 1 WHERE id = :code"
_ADD = (
    "INSERT INTO code_uses (code, experiment, order_id, unit, visitor, customer, state, amount_minor,"
    " held_minor, of_claim, with_order, expires_at_us, at_us) SELECT :code, :experiment, :order_id, :unit,"
    " CAST(:visitor AS BIGINT), CAST(:customer AS BIGINT), :state,"
    " CAST(:amount_minor AS BIGINT), CAST(:held_minor AS BIGINT), CAST(:of_claim AS BOOLEAN), FALSE,"
    " CAST(:expires_at_us AS BIGINT), CAST(:now_us AS BIGINT)"
    " WHERE {allowed} ON CONFLICT (code, order_id) DO UPDATE SET unit = excluded.unit,"
    " visitor = excluded.visitor, customer = excluded.customer, state = excluded.state,"
    " amount_minor = excluded.amount_minor, held_minor = excluded.held_minor,"
    " of_claim = excluded.of_claim, with_order = FALSE,"
    " expires_at_us = excluded.expires_at_us, at_us = excluded.at_us WHERE code_uses.state = 'given_back'"
    " RETURNING {columns}"
)
_NOT_TOO_OFTEN = (
    "(SELECT count(*) FROM code_uses WHERE code = :code AND unit IN {mine} AND state <> 'given_back')"
    " < CAST(:most AS BIGINT)"
)
_OTHERS_RESERVED = "SELECT 1 FROM code_uses WHERE code = :code AND state = 'reserved' LIMIT 1"
_TAKE_HELD = (
    "UPDATE code_claims SET held_uses = held_uses - 1, held_minor = held_minor - :minor"
    " WHERE experiment = :experiment AND unit = :unit AND code = :code"
    " AND held_uses > 0 AND held_minor >= :minor"
)
_HOLD_AGAIN = (
    "UPDATE code_claims SET held_uses = held_uses + 1, held_minor = held_minor + :minor"
    " WHERE experiment = :experiment AND unit = :unit AND code = :code"
    " AND (valid_until_us IS NULL OR valid_until_us > :now_us)"
)
_REDEEM_RESERVED = (
    "UPDATE code_uses SET state = 'redeemed', amount_minor = :amount_minor, held_minor = 0,"
    " expires_at_us = NULL, at_us = :now_us, visitor = :visitor, customer = :customer"
    " WHERE id = :id AND state = 'reserved' AND expires_at_us > :now_us RETURNING {columns}"
)
_GIVE_BACK = (
    "UPDATE code_uses SET state = 'given_back', held_minor = 0, expires_at_us = NULL, at_us = :now_us"
    " WHERE id = :id AND state = :state"
)
_WITH_ORDER = "UPDATE code_uses SET with_order = :with_order WHERE id = :id AND state = 'given_back'"
_REDEEM_AGAIN = (
    "UPDATE code_uses SET state = 'redeemed', of_claim = :of_claim, with_order = FALSE, at_us = :now_us"
    " WHERE id = :id AND state = 'given_back' AND with_order"
)
_USED = "SELECT count(*) FROM code_uses WHERE code = :code AND unit IN {mine} AND state <> 'given_back'"
_LEFT = "SELECT 1 FROM codes WHERE id = :code AND (uses_left IS NULL OR uses_left > 0)"


def _used(transaction: Transaction, code: Code, who: Who) -> int:
    mine, numbers = who.among(transaction)
    return int(transaction.one(_USED.format(mine=mine), code=code.id, **numbers)[0])


def check_left(transaction: Transaction, terms: CodeTerms, code: Code, who: Who) -> None:
    """Refuse a code of which this person could use nothing now; takes nothing.

    Raises:
        Conflict: spent, or reserved by other orders.
    """
    if transaction.one(_LEFT, code=code.id) is None:
        raise _none_left(transaction, code)
    most = terms.uses_per_customer
    if most is not None and _used(transaction, code, who) >= most:
        raise refusals.spent("this customer used it as often as one may")


def _none_left(transaction: Transaction, code: Code) -> Exception:
    is_reserved = transaction.one(_OTHERS_RESERVED, code=code.id) is not None
    return refusals.reserved() if is_reserved else refusals.spent()


def take(  # noqa: PLR0913 - what a use is
    transaction: Transaction,
    terms: CodeTerms,
    code: Code,
    person: Person,
    *,
    order_id: str,
    state: str,
    amount_minor: int,
    expires_at_us: int | None = None,
) -> Use:
    """Take one use: of the code, of what its redeemer may use, of the budget. All of it or, refused, nothing.

    Raises:
        Conflict: nothing is left of one of them.
    """
    most = most_of_one(terms, code)
    who = person.who(transaction, terms.unit) if most is not None or person.customer_id else None
    unit = person.unit_number(transaction, terms.unit) if who is None else who.unit
    if transaction.changed(_TAKE, code=code.id) == 0:
        raise _none_left(transaction, code)
    of_claim, held_minor = _take_from_budget(transaction, terms, code, unit, state, amount_minor)
    allowed, numbers = _bounded(transaction, most, who)
    added = transaction.one(
        _ADD.format(allowed=allowed, columns=USE_COLUMNS),
        **numbers,
        code=code.id,
        experiment=code.experiment,
        order_id=order_id,
        unit=unit,
        visitor=person.visitor_number(transaction),
        customer=person.customer_number(transaction),
        state=state,
        amount_minor=amount_minor,
        held_minor=held_minor,
        of_claim=of_claim,
        expires_at_us=expires_at_us,
        now_us=transaction.now_us,
    )
    if added is None:
        raise refusals.spent("this customer used it as often as one may")
    return Use(*added)


def _bounded(transaction: Transaction, most: int | None, who: Who | None) -> tuple[str, dict[str, Any]]:
    """The condition that a person has used the code less often than one may, and the values of its names."""
    if most is None or who is None:
        return "TRUE", {}
    mine, numbers = who.among(transaction)
    return _NOT_TOO_OFTEN.format(mine=mine), {**numbers, "most": most}


def most_of_one(terms: CodeTerms, code: Code) -> int | None:
    """How often one person may use the code; None where all together may not use it more often than that."""
    most, all_together = terms.uses_per_customer, terms.uses
    is_ours = code.kind in {"personal", "pool"}  # an imported code may have uses of its own
    return (
        None if is_ours and most is not None and all_together is not None and all_together <= most else most
    )


def _take_from_budget(  # noqa: PLR0913, PLR0917 - what a use costs
    transaction: Transaction, terms: CodeTerms, code: Code, unit: int, state: str, amount_minor: int
) -> tuple[bool, int]:
    """Whether a claim's promise paid for it, and what is held for a reservation."""
    if not terms.scopes:
        return False, 0
    values = {"experiment": code.experiment, "unit": code.owner or unit, "code": code.id}
    of_claim = transaction.changed(_TAKE_HELD, **values, minor=terms.use_minor) > 0
    freed_minor, freed_uses = (terms.use_minor, 1) if of_claim else (0, 0)
    if state == "redeemed":
        moved = {"held_minor": -freed_minor, "held_uses": -freed_uses}
        budget.move(transaction, terms, **moved, spent_minor=terms.charge(amount_minor), spent_uses=1)
        return of_claim, 0
    held_minor = terms.charge(amount_minor)
    if of_claim:  # what was promised stays promised, should the basket grow
        held_minor = max(terms.use_minor, held_minor)
    budget.move(transaction, terms, held_minor=held_minor - freed_minor, held_uses=1 - freed_uses)
    return of_claim, held_minor


def redeem_reserved(
    transaction: Transaction, terms: CodeTerms, use: Use, person: Person, amount_minor: int
) -> Use | None:
    """Turn a reservation that still runs into a redemption; None where it does not run.

    Raises:
        BudgetSpent: the discount is larger than what was reserved, and does not fit.
    """
    changed = transaction.one(
        _REDEEM_RESERVED.format(columns=USE_COLUMNS),
        id=use.id,
        amount_minor=amount_minor,
        now_us=transaction.now_us,
        visitor=person.visitor_number(transaction),
        customer=person.customer_number(transaction),
    )
    if changed is None:
        return None
    if terms.scopes:
        freed = {"held_minor": -use.held_minor, "held_uses": -1}
        budget.move(transaction, terms, **freed, spent_minor=terms.charge(amount_minor), spent_uses=1)
    return Use(*changed)


def give_back(transaction: Transaction, terms: CodeTerms, code: Code, use: Use) -> bool:
    """Give a reserved or redeemed use back, with its money; whether there was one to give back."""
    values = {"id": use.id, "now_us": transaction.now_us, "state": use.state}
    if use.state == "given_back" or transaction.changed(_GIVE_BACK, **values) == 0:
        return False
    transaction.run(_RETURN, code=code.id)
    if terms.scopes:
        _return_to_budget(transaction, terms, code, use)
    return True


def give_back_with_order(transaction: Transaction, terms: CodeTerms, code: Code, use: Use) -> bool:
    """The same because the order came to nothing: should that change, the use is taken again."""
    given = give_back(transaction, terms, code, use)
    if given:
        transaction.run(_WITH_ORDER, id=use.id, with_order=True)
    return given


def forget_order(transaction: Transaction, use: Use) -> None:
    """The shop rolled the use back itself: it is not taken again."""
    transaction.run(_WITH_ORDER, id=use.id, with_order=False)


def take_again(transaction: Transaction, terms: CodeTerms, code: Code, use: Use) -> bool:
    """Take a use that was given back with its order again, where one is still to be had; whether it was."""
    most = terms.uses_per_customer
    if most is not None and _used(transaction, code, Who(use.unit, frozenset({use.unit}))) >= most:
        return False
    try:
        with transaction.savepoint():
            if transaction.changed(_TAKE, code=code.id) == 0:
                raise refusals.spent()
            of_claim, _ = _take_from_budget(transaction, terms, code, use.unit, "redeemed", use.amount_minor)
            transaction.run(_REDEEM_AGAIN, id=use.id, of_claim=of_claim, now_us=transaction.now_us)
    except Conflict:
        return False  # somebody else has it, or the budget is spent
    return True


def _return_to_budget(transaction: Transaction, terms: CodeTerms, code: Code, use: Use) -> None:
    """Free what the use took, then promise it to the owner's claim again where that still lives and fits."""
    if use.state == "reserved":
        budget.move(transaction, terms, held_minor=-use.held_minor, held_uses=-1)
    else:
        budget.move(transaction, terms, spent_minor=-terms.charge(use.amount_minor), spent_uses=-1)
    if not use.of_claim:
        return
    values = {"experiment": code.experiment, "unit": code.owner or use.unit, "code": code.id}
    try:
        with transaction.savepoint():
            budget.move(transaction, terms, held_minor=terms.use_minor, held_uses=1)
            now_us = transaction.now_us
            if transaction.changed(_HOLD_AGAIN, **values, minor=terms.use_minor, now_us=now_us) == 0:
                raise refusals.expired()
    except (refusals.BudgetSpent, Gone):
        return  # nothing is held for it then; a later use must fit by itself


def write_use(  # noqa: PLR0913, PLR0917 - what the ledger says of a use
    transaction: Transaction,
    kind: str,
    code: Code,
    people: tuple[int | None, int | None],
    order_id: str,
    amount_minor: int,
    currency: str | None,
    at_us: int | None = None,
) -> None:
    """The ledger row of a redemption or a reversal, under the code's variant; dated now without `at_us`."""
    content = {
        "type": kind,
        "occurred_at_us": transaction.now_us if at_us is None else at_us,
        "experiment": code.experiment,
        "variant": code.variant,
        "order_id": order_id,
        "currency": currency,
        "discount_minor": amount_minor,
        "rest": budget.code_rest(code.id, code.owner),
    }
    given = {name: value for name, value in content.items() if value is not None}
    transaction.write(Entry(*people, given))
