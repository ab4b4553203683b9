"""Arguments refused by name: a caller's mistake is a ValueError that says which bound was left."""

import math


def check_share(name: str, value: float) -> None:
    """Refuse what does not lie strictly between 0 and 1: alpha, power, a quantile, a rate.

    >>> check_share("alpha", 1.0)
    Traceback (most recent call last):
    ...
    ValueError: alpha is 1.0; it must lie between 0 and 1
    """
    if not 0.0 < value < 1.0:
        raise ValueError(f"{name} is {value}; it must lie between 0 and 1")


def check_positive(**values: float) -> None:
    """Refuse whatever is not a finite number above 0, NaN included.

    >>> check_positive(n=10, sd=float("nan"))
    Traceback (most recent call last):
    ...
    ValueError: sd is nan; it must be a finite number above 0
    """
    for name, value in values.items():
        if not 0.0 < value < math.inf:
            raise ValueError(f"{name} is {value}; it must be a finite number above 0")


def check_not_negative(**values: float) -> None:
    """Refuse whatever is not a finite number of 0 or more, NaN included."""
    for name, value in values.items():
        if not 0.0 <= value < math.inf:
            raise ValueError(f"{name} is {value}; it must be a finite number, 0 or more")


def check_whole(least: int = 0, **values: float) -> None:
    """Refuse what is no whole number of at least `least`: units, events, counts; NaN and infinity included.

    >>> check_whole(units=2.5)
    Traceback (most recent call last):
    ...
    ValueError: units is 2.5; it must be a whole number, 0 or more
    """
    for name, value in values.items():
        if not (math.isfinite(value) and value == math.floor(value) and value >= least):
            raise ValueError(f"{name} is {value}; it must be a whole number, {least} or more")


def check_finite(**values: float) -> None:
    """Refuse NaN and infinity.

    >>> check_finite(difference=float("inf"))
    Traceback (most recent call last):
    ...
    ValueError: difference is inf; it must be finite
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}; it must be finite")


def check_number(**values: float) -> None:
    """Refuse NaN only: infinity is an answer of its own."""
    for name, value in values.items():
        if math.isnan(value):
            raise ValueError(f"{name} is not a number")
