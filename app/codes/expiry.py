"""Freeing what time has freed: reservations past their end, promises of codes past theirs."""

from app.codes import budget, uses
from app.codes.stored import CODE_AND_USE, Code, code_and_use
from app.codes.terms import CodeTerms
from app.ledger.transaction import Transaction

_OVER = (
    f"SELECT {CODE_AND_USE} FROM code_uses u JOIN codes c ON c.id = u.code"  # noqa: S608 - names of ours only
    " WHERE u.state = 'reserved' AND u.expires_at_us <= :now_us"
)
_OF_CODE = f"{_OVER} AND u.code = :code"
_OF_VARIANT = f"{_OVER} AND u.experiment = :experiment AND c.variant = :variant"
_CLAIMS_OVER = (
    " FROM code_claims WHERE experiment = :experiment AND variant = :variant AND held_uses > 0"
    " AND valid_until_us <= :now_us"
)
_HELD = f"SELECT coalesce(sum(held_minor), 0), coalesce(sum(held_uses), 0){_CLAIMS_OVER}"
_LET_GO = (
    "UPDATE code_claims SET held_uses = 0, held_minor = 0 WHERE experiment = :experiment"
    " AND variant = :variant AND held_uses > 0 AND valid_until_us <= :now_us"
)


def free_reservations(transaction: Transaction, terms: CodeTerms, code: Code) -> bool:
    """Give back what other orders reserved of a code and let expire; whether there was any."""
    over = transaction.run(_OF_CODE, now_us=transaction.now_us, code=code.id).fetchall()
    freed = [uses.give_back(transaction, terms, *code_and_use(row)) for row in over]
    return any(freed)


def free_what_expired(transaction: Transaction, terms: CodeTerms) -> bool:
    """Free what a variant's budgets hold for expired reservations and claims; whether there was any."""
    key = {"experiment": terms.experiment, "variant": terms.variant, "now_us": transaction.now_us}
    over = transaction.run(_OF_VARIANT, **key).fetchall()
    freed = [uses.give_back(transaction, terms, *code_and_use(row)) for row in over]
    minor, count = transaction.one(_HELD, **key)
    if count:
        transaction.run(_LET_GO, **key)
        budget.move(transaction, terms, held_minor=-int(minor), held_uses=-int(count))
    return any(freed) or bool(count)
