"""Why a code is refused: one exact word for the shop's server, one constant sentence for the shopper."""

from typing import Final

from app.errors import Conflict, Forbidden, Gone, Invalid, NotFound, Refusal

PUBLIC_MESSAGE: Final = "This code cannot be applied to this order."
"""The same for unknown, spent, expired and foreign codes: whoever guesses learns nothing."""

_SAID: Final = {"public_message": PUBLIC_MESSAGE}


def unknown() -> NotFound:
    """There is no such code."""
    return NotFound("there is no such code", "unknown", "code", dict(_SAID))


def spent(detail: str = "it was used as often as it may be") -> Conflict:
    """No use is left."""
    return Conflict(detail, "spent", "code", dict(_SAID))


def reserved() -> Conflict:
    """The last use is reserved by another order for a while."""
    return Conflict("another order has reserved its last use", "reserved", "code", dict(_SAID))


def expired() -> Gone:
    """Its time is over."""
    return Gone("its time is over", "expired", "code", dict(_SAID))


def not_yours() -> Forbidden:
    """It is bound to somebody else."""
    return Forbidden("it is bound to another customer", "not_yours", "code", dict(_SAID))


def not_applicable(reason: str, detail: str, field: str | None = None) -> Invalid:
    """It is good, but not for this order."""
    return Invalid(detail, "not_applicable", field, {**_SAID, "reason": reason})


def not_assigned(reason: str) -> Conflict:
    """The unit is in no variant with codes."""
    return Conflict(
        "this unit is in no variant that gives codes", "not_assigned", None, {**_SAID, "reason": reason}
    )


def without_codes() -> Conflict:
    """The variant's offer gives no codes."""
    return Conflict("the offer of this variant gives no codes", "no_codes", "variant")


def no_order() -> Conflict:
    """Its codes are for after an order, and there is none."""
    return Conflict(
        "no order since the start is known that would give this unit a code", "no_order", None, dict(_SAID)
    )


def none_left() -> Conflict:
    """Every code that the shop imported is given away."""
    return Conflict("every imported code is given away", "no_codes_left", None, dict(_SAID))


class BudgetSpent(Conflict):
    """Nothing is left of a budget."""


def budget() -> BudgetSpent:
    """Nothing is left of the budget."""
    return BudgetSpent("the budget is spent or promised", "budget", None, dict(_SAID))


def with_public_message(refusal: Refusal) -> Refusal:
    """Any other refusal of these doors says the same sentence to the shopper."""
    refusal.extra = {**refusal.extra, **_SAID}
    return refusal
