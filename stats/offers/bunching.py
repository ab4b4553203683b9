"""Do baskets gather just above a threshold? The share of orders in a band above it, arm against arm.

Against a control without this threshold the excess is what the offer moved: baskets filled up to reach it,
or, where control has a lower threshold, baskets that stop at the cheaper one. Randomised arms need no model
of how baskets would have looked, unlike bunching estimates from one group.
Source: difference of two independent shares, Newcombe (1998) intervals; Kleven (2016) for the idea.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stats.arguments import check_share
from stats.results import Inconclusive

_LEAST_ORDERS = 30


@dataclass(frozen=True, slots=True)
class BasketCounts:
    """Orders of one arm around a threshold.

    Attributes:
        orders: all orders, ≥ 0.
        just_below: orders in the band below the threshold.
        just_above: orders in the band from the threshold on.
    """

    orders: int
    just_below: int
    just_above: int

    def __post_init__(self) -> None:
        if min(self.just_below, self.just_above) < 0 or self.just_below + self.just_above > self.orders:
            raise ValueError(f"{self} counts more orders near the threshold than orders, or fewer than none")


@dataclass(frozen=True, slots=True)
class Bunching:
    """Excess share of orders near a threshold, treatment − control; explanatory, orders are not randomised.

    Attributes:
        above: excess share just above the threshold.
        above_interval: its Newcombe interval.
        below: excess share just below it (negative: filled up).
        below_interval: its Newcombe interval.
    """

    above: float
    above_interval: tuple[float, float]
    below: float
    below_interval: tuple[float, float]


def basket_counts(
    baskets_minor: Sequence[int], threshold_minor: int, band_share: float = 0.1
) -> BasketCounts:
    """Count baskets within a band of a threshold.

    Args:
        baskets_minor: one basket per order, minor units, ≥ 0.
        threshold_minor: T > 0.
        band_share: width of each band as a share of T, in (0, 1].

    Returns:
        Orders in [T − band, T) and [T, T + band).

    Raises:
        ValueError: an argument is outside its range.

    >>> basket_counts([90_000, 95_000, 100_000, 109_999, 110_000], 100_000)
    BasketCounts(orders=5, just_below=2, just_above=2)
    """
    if not threshold_minor > 0:
        raise ValueError(f"threshold_minor is {threshold_minor}; it must be above 0")
    if not 0.0 < band_share <= 1.0:
        raise ValueError(f"band_share is {band_share}; it must be above 0 and at most 1")
    negative = next((basket for basket in baskets_minor if basket < 0), None)
    if negative is not None:
        raise ValueError(f"a basket is {negative}; money of an order must be 0 or more")
    band = threshold_minor * band_share
    below = sum(threshold_minor - band <= basket < threshold_minor for basket in baskets_minor)
    above = sum(threshold_minor <= basket < threshold_minor + band for basket in baskets_minor)
    return BasketCounts(len(baskets_minor), below, above)


def bunching(control: BasketCounts, treatment: BasketCounts, alpha: float = 0.05) -> Bunching | Inconclusive:
    """Compare the shares of orders near a threshold.

    Args:
        control: counts of control at the treatment's threshold.
        treatment: counts of the treatment.
        alpha: 1 − coverage of each interval, in (0, 1).

    Returns:
        The excess, or `Inconclusive("too_few_orders")` under 30 orders in an arm.

    Raises:
        ValueError: alpha is outside its range.
    """
    check_share("alpha", alpha)
    if min(control.orders, treatment.orders) < _LEAST_ORDERS:
        return Inconclusive("too_few_orders", f"each arm needs {_LEAST_ORDERS} orders")
    above, above_interval = _excess(
        control.just_above, control.orders, treatment.just_above, treatment.orders, alpha
    )
    below, below_interval = _excess(
        control.just_below, control.orders, treatment.just_below, treatment.orders, alpha
    )
    return Bunching(above, above_interval, below, below_interval)


def _excess(
    control: int, n_control: int, treated: int, n_treated: int, alpha: float
) -> tuple[float, tuple[float, float]]:
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        treated, n_treated, control, n_control, method="newcomb", compare="diff", alpha=alpha
    )
    return treated / n_treated - control / n_control, (float(low), float(high))
