"""Money of other systems: decimals in whole units become minor units exactly, or not at all."""

from decimal import Decimal, InvalidOperation
from typing import Any

from app.ledger.currencies import MINOR_DIGITS
from app.ledger.events import MONEY_BOUND
from app.ledger.intake import Unfit

_LARGEST = Decimal(MONEY_BOUND)


def to_minor(value: Any, currency: str, field: str) -> int | None:
    """Money in whole units as minor units, exactly.

    Args:
        value: an integer, a Decimal or a decimal text; None stays None.
        currency: ISO 4217.
        field: named where it cannot be.

    Raises:
        Unfit: no number, or more digits than the currency has.

    >>> to_minor("2990.50", "RUB", "total"), to_minor(2990, "JPY", "total")
    (299050, 2990)
    """
    if value is None:
        return None
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) > _LARGEST:
        raise Unfit("invalid", f"{field}: not an amount of money")
    minor = amount.scaleb(MINOR_DIGITS[currency])
    if minor != minor.to_integral_value():
        digits = MINOR_DIGITS[currency]
        raise Unfit("inexact_money", f"{field}: {currency} has {digits} digits after the point")
    return int(minor)


def currency_of(value: Any) -> str:
    """A known currency.

    Raises:
        Unfit: it is missing or unknown.
    """
    if value is None:
        raise Unfit("missing_field", "currency: required")
    if value not in MINOR_DIGITS:
        raise Unfit("unknown_currency", "currency: not an ISO 4217 code in capitals, for example RUB")
    return str(value)
