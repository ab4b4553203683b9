"""How many units a test needs, and what it can find with those it gets.

Sizes are of a single look; a group-sequential plan multiplies them by its inflation factor
(`stats.sequential.designs.inflation_factor`). Oracles: R power.prop.test and power.t.test, statsmodels.
"""

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

from stats.arguments import check_not_negative, check_positive, check_share
from stats.one_look import t_units

MONTH_DAYS = 30.4
_MOST_UNITS = 1e12


@dataclass(frozen=True, slots=True)
class Duration:
    """How long a test takes.

    Attributes:
        entry_days: days of entry until the planned units are in.
        total_days: until the last of them has matured (window and settling included).
        feasible: whether it fits into the days allowed.
    """

    entry_days: int
    total_days: int
    feasible: bool


def units_for_shares(control: float, treatment: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Units per arm to find a difference of two shares, two-sided, pooled under no difference.

    Args:
        control: share of control, in (0, 1).
        treatment: share of treatment, in (0, 1), other than control's.
        alpha: two-sided type-I error, in (0, 1).
        power: in (alpha, 1).

    Returns:
        Units per arm, not rounded.

    Raises:
        ValueError: an argument is outside its range.

    >>> math.ceil(units_for_shares(0.05, 0.055))
    31234
    """
    _check(alpha, power)
    for name, share in (("control", control), ("treatment", treatment)):
        if not 0.0 < share < 1.0:
            raise ValueError(f"{name} is {share}; a share must lie between 0 and 1")
    if control == treatment:
        raise ValueError("control and treatment are equal; there is nothing to find")
    pooled = (control + treatment) / 2
    under_none = math.sqrt(2 * pooled * (1 - pooled))
    under_effect = math.sqrt(control * (1 - control) + treatment * (1 - treatment))
    z = float(ndtri(1 - alpha / 2)) * under_none + float(ndtri(power)) * under_effect
    return (z / (treatment - control)) ** 2


def power_of_shares(control: float, treatment: float, units: float, alpha: float = 0.05) -> float:
    """Power of that test with so many units per arm, both tails.

    >>> round(power_of_shares(0.05, 0.055, 31234), 4)
    0.8
    """
    _check(alpha, 1 - 1e-12)
    check_share("control", control)
    check_share("treatment", treatment)
    check_positive(units=units)
    pooled = (control + treatment) / 2
    under_none = math.sqrt(2 * pooled * (1 - pooled) / units)
    under_effect = math.sqrt((control * (1 - control) + treatment * (1 - treatment)) / units)
    edge, gap = float(ndtri(1 - alpha / 2)) * under_none, abs(treatment - control)
    return float(ndtr((gap - edge) / under_effect) + ndtr((-gap - edge) / under_effect))


def units_for_means(difference: float, sd: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Units per arm for the two-sample t-test, two-sided.

    Args:
        difference: smallest difference that matters, not 0.
        sd: standard deviation of one unit, > 0.
        alpha: two-sided type-I error, in (0, 1).
        power: in (alpha, 1).

    Returns:
        Units per arm, not rounded, at least 2.

    Raises:
        ValueError: an argument is outside its range.

    Source: noncentral t, as R power.t.test.

    >>> round(units_for_means(0.5, 2.0, 0.05, 0.9), 1)
    337.2
    """
    _check(alpha, power)
    if difference == 0.0 or not math.isfinite(difference):
        raise ValueError(f"difference is {difference}; it must be finite and not 0")
    check_positive(sd=sd)
    return t_units((difference / sd) ** 2 / 2, alpha / 2, power, lambda n: 2 * n - 2)


def detectable_share(control: float, units: float, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """The smallest rise of a share that so many units per arm find; None when no share up to 1 is enough.

    Args:
        control: share of control, in (0, 1).
        units: per arm, > 0.
        alpha: two-sided type-I error, in (0, 1).
        power: in (alpha, 1).

    Returns:
        Difference on the absolute scale.

    Raises:
        ValueError: an argument is outside its range.

    >>> round(detectable_share(0.05, 31234), 4)
    0.005
    """
    from scipy.optimize import brentq

    if not 0.0 < units <= _MOST_UNITS:
        raise ValueError(f"units is {units}; it must lie above 0 and at most {_MOST_UNITS:g}")
    top = 1.0 - control - 1e-9
    if units_for_shares(control, control + top, alpha, power) > units:
        return None
    found = brentq(lambda rise: units_for_shares(control, control + rise, alpha, power) - units, 1e-9, top)
    return float(found)


def duration(  # noqa: PLR0913, PLR0917 - what a shop knows about its test
    units: float, units_a_day: float, window_days: int, settle_days: int, min_days: int, longest_days: int
) -> Duration:
    """Days a test takes: entry in whole weeks, then the last window and settling.

    Args:
        units: planned mature units over all variants, > 0.
        units_a_day: new units a day over all variants, > 0.
        window_days: days a unit is watched, ≥ 0.
        settle_days: days until orders are final, ≥ 0.
        min_days: entry lasts so long at least, ≥ 1.
        longest_days: days the shop allows, ≥ 1.

    Raises:
        ValueError: an argument is outside its range.

    >>> duration(56_000, 2_000, 30, 7, 14, 90)
    Duration(entry_days=28, total_days=65, feasible=True)
    """
    if not (units > 0 and units_a_day > 0):
        raise ValueError(f"units {units} and units_a_day {units_a_day} must be above 0")
    if window_days < 0 or settle_days < 0 or min_days < 1 or longest_days < 1:
        raise ValueError("window_days and settle_days must be 0 or more, min_days and longest_days 1 or more")
    entry = 7 * math.ceil(max(units / units_a_day, min_days) / 7)
    total = entry + window_days + settle_days
    return Duration(entry, total, total <= longest_days)


def budget_needed(units: float, redemption_share: float, discount_minor: float) -> int:
    """Money an offer is expected to cost over a test, minor units, rounded up.

    Args:
        units: units that are offered it, ≥ 0.
        redemption_share: share of them that redeems, in [0, 1].
        discount_minor: mean discount of a redemption, minor units, ≥ 0.

    Raises:
        ValueError: an argument is outside its range.

    >>> budget_needed(28_000, 0.06, 25_000)
    42000000
    """
    check_not_negative(units=units, discount_minor=discount_minor)
    if not 0.0 <= redemption_share <= 1.0:
        raise ValueError(f"redemption_share is {redemption_share}; it must lie from 0 to 1")
    return math.ceil(round(units * redemption_share * discount_minor, 6))


def _check(alpha: float, power: float) -> None:
    check_share("alpha", alpha)
    if not alpha < power < 1.0:
        raise ValueError(f"power is {power}; it must lie between alpha and 1")


@dataclass(frozen=True, slots=True)
class BreakEven:
    """What an offer must bring to pay for itself.

    Attributes:
        extra_orders_per_unit: orders more per unit than control.
        uplift: the same as a share of control's orders per unit.
    """

    extra_orders_per_unit: float
    uplift: float

    def extra_orders(self, units: float) -> int:
        """Orders more that so many units of the treatment must bring, rounded up.

        >>> BreakEven(0.015, 0.3).extra_orders(1001)
        16
        """
        check_not_negative(units=units)
        return math.ceil(round(units * self.extra_orders_per_unit, 6))


def break_even(
    orders_per_unit: float, margin_minor: float, redemption_share: float, discount_minor: float
) -> BreakEven:
    """The rise in orders at which margin pays for the discounts.

    Every redemption costs its discount, also where the order would have come anyway; every extra order brings
    its margin before discount. Redemptions of the extra orders are part of `redemption_share`.

    Args:
        orders_per_unit: of control, above 0.
        margin_minor: goods margin of an order before discount, minor units, above 0.
        redemption_share: redemptions per unit of the treatment, ≥ 0.
        discount_minor: mean discount of a redemption, minor units, ≥ 0.

    Raises:
        ValueError: an argument is outside its range.

    >>> found = break_even(0.05, 100_000, 0.06, 25_000)
    >>> round(found.extra_orders_per_unit, 6), round(found.uplift, 6)
    (0.015, 0.3)
    """
    if not (0 < orders_per_unit < math.inf and 0 < margin_minor < math.inf):
        raise ValueError("orders_per_unit and margin_minor must be finite numbers above 0")
    if not (0 <= redemption_share < math.inf and 0 <= discount_minor < math.inf):
        raise ValueError("redemption_share and discount_minor must be finite numbers, 0 or more")
    extra = redemption_share * discount_minor / margin_minor
    return BreakEven(extra, extra / orders_per_unit)
