"""Profit per unit by component, break-even, and what one more order earned."""

from collections.abc import Mapping

from stats.offers.cells import OfferArmCell
from stats.offers.reports import Ends, ProfitArm, ProfitComparison, ProfitReport
from stats.plan import AnalysisPlan
from stats.readings import unusable_reason
from stats.results import Comparison, MetricResult

PROFIT = "profit_per_unit"


def profit_report(
    plan: AnalysisPlan,
    metrics: tuple[MetricResult, ...],
    arms: Mapping[str, OfferArmCell],
    notes: Mapping[str, int],
) -> ProfitReport:
    """Where profit comes from, arm by arm.

    Args:
        plan: the plan; without a profit metric there is nothing to say (`no_economics`).
        metrics: results; the profit metric's comparisons carry the sequential intervals.
        arms: counts by variant at the window of the profit metric.
        notes: the engine's counts, to name what orders lack.
    """
    metric = next((metric for metric in plan.metrics if metric.key == PROFIT), None)
    if metric is None:
        return ProfitReport(inconclusive="no_economics")
    empty = ProfitReport(window_days=metric.window_days, currency=plan.currency)
    if any(variant not in arms for variant in plan.variants):
        return _with_reason(empty, "no_mature_units")
    if any(arm.unusable for arm in arms.values()):
        return _with_reason(empty, unusable_reason(metric, dict(notes)))
    found = {variant: profit_arm(arms[variant]) for variant in plan.variants}
    result = next(result for result in metrics if result.key == PROFIT)
    return ProfitReport(
        window_days=metric.window_days,
        currency=plan.currency,
        arms=tuple(found.values()),
        comparisons=tuple(
            _comparison(found[plan.control], found[tested.treatment], tested) for tested in result.comparisons
        ),
    )


def _with_reason(empty: ProfitReport, reason: str) -> ProfitReport:
    return ProfitReport(empty.window_days, empty.currency, inconclusive=reason)


def profit_arm(arm: OfferArmCell) -> ProfitArm:
    """The components per unit of one arm.

    >>> profit_arm(OfferArmCell("a", units=2, orders=1, margin_lo=90, margin_hi=100, discount=20)).profit
    (35.0, 40.0)
    """
    costs = arm.discount + arm.gift + arm.delivery + arm.messages + arm.exposure + arm.points
    profit = (arm.margin_lo - costs - arm.refunded_lo, arm.margin_hi - costs - arm.refunded_hi)
    return ProfitArm(
        variant=arm.variant,
        units=arm.units,
        orders=arm.orders,
        margin=(arm.margin_lo / arm.units, arm.margin_hi / arm.units),
        discount=arm.discount / arm.units,
        gift=arm.gift / arm.units,
        delivery=arm.delivery / arm.units,
        messages=arm.messages / arm.units,
        exposure=arm.exposure / arm.units,
        points=arm.points / arm.units,
        refunded=(arm.refunded_lo / arm.units, arm.refunded_hi / arm.units),
        profit=(profit[0] / arm.units, profit[1] / arm.units),
    )


def _comparison(control: ProfitArm, treated: ProfitArm, tested: Comparison) -> ProfitComparison:
    gap = (treated.profit[0] - control.profit[0], treated.profit[1] - control.profit[1])
    before, after = control.orders / control.units, treated.orders / treated.units
    return ProfitComparison(
        treatment=tested.treatment,
        control=tested.control,
        difference=tested.difference,
        interval=tested.interval,
        anytime_interval=tested.anytime_interval,
        raw_difference=gap,
        orders_uplift=after / before - 1 if before else None,
        break_even_uplift=(break_even_uplift(control, treated, 0), break_even_uplift(control, treated, 1)),
        profit_per_incremental_order=_per_order(gap, after - before),
        inconclusive=tested.inconclusive,
    )


def break_even_uplift(control: ProfitArm, treated: ProfitArm, end: int) -> float | None:
    """By how much orders per unit must grow for the treatment to earn what control earns.

    Costs that come without an order (messages, exposure, points) stay; every order earns what the treatment's
    orders earned on average.

    Args:
        control: the other arm.
        treated: the arm with the offer.
        end: 0: at the lower end of the margin, 1: at the upper.

    Returns:
        Relative growth over control's orders, −1 or more; None without orders or where they earn nothing.

    >>> nothing = dict(gift=0.0, delivery=0.0, messages=0.0, exposure=0.0, points=0.0, refunded=(0.0, 0.0))
    >>> control = ProfitArm("c", 100, 10, (40.0, 40.0), discount=0.0, profit=(40.0, 40.0), **nothing)
    >>> treated = ProfitArm("t", 100, 11, (44.0, 44.0), discount=11.0, profit=(33.0, 33.0), **nothing)
    >>> round(break_even_uplift(control, treated, 0), 4)
    0.3333
    """
    fixed = treated.messages + treated.exposure + treated.points
    orders = treated.orders / treated.units
    earned = (treated.profit[end] + fixed) / orders if orders else 0.0
    if earned <= 0.0 or not control.orders:
        return None
    needed = max(0.0, (control.profit[end] + fixed) / earned)
    return needed / (control.orders / control.units) - 1


def _per_order(gap: Ends, more_orders: float) -> Ends | None:
    return (gap[0] / more_orders, gap[1] / more_orders) if more_orders > 0 else None
