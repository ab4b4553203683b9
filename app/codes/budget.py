"""Budgets: held at a claim, spent at a redemption, never a minor unit more than the cap.

Every step is one guarded UPDATE per budget inside the writer's transaction; nothing is read first.
"""

from collections.abc import Callable

from app.codes.refusals import budget as spent_refusal
from app.codes.terms import CodeTerms, Scope
from app.experiments.freezing import freeze_for_budget
from app.ledger.transaction import Transaction

_OPEN = (
    "INSERT INTO code_budgets (experiment, variant, money_cap, uses_cap)"
    " VALUES (:experiment, :variant, :money, :uses) ON CONFLICT (experiment, variant) DO NOTHING"
)
_MOVE = (
    "UPDATE code_budgets SET money_held = money_held + :held_minor, uses_held = uses_held + :held_uses,"
    " money_spent = money_spent + :spent_minor, uses_spent = uses_spent + :spent_uses"
    " WHERE experiment = :experiment AND variant = :variant"
)
_FITS = (
    " AND (money_cap IS NULL OR money_spent + money_held + :held_minor + :spent_minor <= money_cap)"
    " AND (uses_cap IS NULL OR uses_spent + uses_held + :held_uses + :spent_uses <= uses_cap)"
)
_FULL = (
    "SELECT 1 FROM code_budgets WHERE experiment = :experiment AND variant = :variant"
    " AND (money_cap - money_spent - money_held < :next_minor"
    " OR uses_cap - uses_spent - uses_held < :next_uses)"
)
_CLOSE = (
    "UPDATE code_budgets SET closed_at_us = :now_us"
    " WHERE experiment = :experiment AND variant = :variant AND closed_at_us IS NULL"
)
_CLOSED = "SELECT 1 FROM code_budgets WHERE experiment = :experiment AND closed_at_us IS NOT NULL LIMIT 1"


def move(  # noqa: PLR0913 - what moves, in money and in uses
    transaction: Transaction,
    terms: CodeTerms,
    *,
    held_minor: int = 0,
    held_uses: int = 0,
    spent_minor: int = 0,
    spent_uses: int = 0,
) -> None:
    """Move money and uses between free, held and spent, in every budget of the terms at once.

    What takes more out of a budget than it brings back must fit; what frees some always does.

    Args:
        transaction: the writer's.
        terms: whose budgets.
        held_minor: added to what is held, minor units; negative: released.
        held_uses: the same in uses.
        spent_minor: added to what is spent, minor units; negative: taken back.
        spent_uses: the same in uses.

    Raises:
        BudgetSpent: it does not fit into one of them.
    """
    moved = {"held_minor": held_minor, "held_uses": held_uses, "spent_minor": spent_minor}
    moved["spent_uses"] = spent_uses
    takes = held_minor + spent_minor > 0 or held_uses + spent_uses > 0
    for scope in terms.scopes:
        key = {"experiment": terms.experiment, "variant": scope.variant}
        transaction.run(_OPEN, **key, money=scope.money_minor, uses=scope.uses)
        if transaction.changed(_MOVE + (_FITS if takes else ""), **key, **moved) == 0:
            raise spent_refusal()


def close_if_full(transaction: Transaction, terms: CodeTerms, free: Callable[[], bool]) -> bool:
    """Enrol nobody new, in any arm, when a further claim would not fit; whether that is so now.

    Args:
        transaction: the writer's.
        terms: whose budgets.
        free: frees what time has freed, before it is called full; whether there was any.
    """
    full = _full(transaction, terms)
    if full and free():
        full = _full(transaction, terms)
    for scope in full:
        close(transaction, terms, scope)
    return bool(full)


def _full(transaction: Transaction, terms: CodeTerms) -> list[Scope]:
    return [scope for scope in terms.scopes if _is_full(transaction, terms.experiment, scope)]


def _is_full(transaction: Transaction, experiment: str, scope: Scope) -> bool:
    values = {"next_minor": max(scope.next_minor, 1), "next_uses": max(scope.next_uses, 1)}
    return transaction.one(_FULL, experiment=experiment, variant=scope.variant, **values) is not None


def close(transaction: Transaction, terms: CodeTerms, scope: Scope) -> None:
    """Freeze the experiment because of this budget, once."""
    key = {"experiment": terms.experiment, "variant": scope.variant}
    transaction.run(_OPEN, **key, money=scope.money_minor, uses=scope.uses)
    if transaction.changed(_CLOSE, **key, now_us=transaction.now_us):
        freeze_for_budget(transaction, terms.experiment, scope.variant or None, transaction.now_us)


def is_closed(transaction: Transaction, experiment: str) -> bool:
    """Whether a budget has closed the experiment."""
    return transaction.one(_CLOSED, experiment=experiment) is not None


def code_rest(code: int, claimed_by: int | None = None, *, is_claim: bool = False) -> str:
    """What a ledger row says of a code beside its columns, as JSON.

    >>> code_rest(7)
    '{"claimed_by": null, "code": 7}'
    """
    if is_claim:
        return f'{{"code": {code}}}'
    return f'{{"claimed_by": {"null" if claimed_by is None else claimed_by}, "code": {code}}}'
