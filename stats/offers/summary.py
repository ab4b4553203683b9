"""From counts to the offers block of a result: leakage, redeemers, profit, subsidy, pull-forward."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stats.cell_view import CellView
from stats.fixed_sample import Count, share_interval
from stats.offers.cells import OfferArmCell, OfferCells
from stats.offers.code_names import codes_report
from stats.offers.leakage import DILUTION_SHARE, Pair, leakage
from stats.offers.money import profit_report
from stats.offers.pulled import pull_forward_report
from stats.offers.reports import (
    FullPrice,
    LeakageCell,
    LeakageReport,
    OfferTerms,
    SubsidyReport,
    SubsidyRow,
)
from stats.offers.subsidy import OfferArm, subsidy
from stats.offers.takers import redeemers_report
from stats.plan import AnalysisPlan
from stats.results import Inconclusive, MetricResult


@dataclass(frozen=True)
class OfferScene:
    """What the offers block is made from.

    Attributes:
        plan: the plan.
        view: the cells of the metrics.
        cells: the counts about the offers.
        metrics: results of the metrics, for the sequential difference in profit.
        terms: which variants offer nothing.
        matrix: redemptions by (code's variant, redeemer's variant or None).
        unconfirmed: codes that only orders name, by variant.
        day: last closed shop day.
    """

    plan: AnalysisPlan
    view: CellView
    cells: OfferCells
    metrics: tuple[MetricResult, ...]
    terms: OfferTerms
    matrix: Mapping[Pair, int]
    unconfirmed: Mapping[str, int]
    day: int


def offers_block(scene: OfferScene) -> dict[str, Any]:
    """The block: the contract's parts in its order, then ours."""
    leaked = leakage_report(scene.matrix)
    arms = {arm.variant: arm for arm in scene.cells.arms}
    return {
        "leakage": leaked,
        "redeemers": redeemers_report(
            scene.plan,
            scene.view,
            scene.cells.takers,
            terms=scene.terms,
            leaked_share=leaked.share or 0.0,
            day=scene.day,
        ),
        "profit": profit_report(scene.plan, scene.metrics, arms, scene.view.notes),
        "subsidy": subsidy_report(scene.plan, arms, scene.terms),
        "pull_forward": pull_forward_report(scene.plan, scene.cells),
        "codes": codes_report(scene.matrix, scene.unconfirmed),
    }


def leakage_report(matrix: Mapping[Pair, int]) -> LeakageReport:
    """The matrix code's variant × redeemer's variant, with the alarm.

    >>> leakage_report({("a", "a"): 9, ("a", None): 1}).share
    0.1
    """
    found = leakage(matrix)
    if isinstance(found, Inconclusive):
        return LeakageReport(inconclusive=found.reason)
    cells = sorted(matrix.items(), key=lambda item: (item[0][0], item[0][1] is None, item[0][1] or ""))
    return LeakageReport(
        redemptions=found.redemptions,
        leaked=found.leaked,
        share=found.share,
        interval=found.interval,
        threshold=DILUTION_SHARE,
        diluted=found.diluted,
        by_code={code: found.by_code[code] for code in sorted(found.by_code)},
        matrix=tuple(LeakageCell(code, redeemer, count) for (code, redeemer), count in cells),
    )


def subsidy_report(plan: AnalysisPlan, arms: Mapping[str, OfferArmCell], terms: OfferTerms) -> SubsidyReport:
    """Bounds for each treatment with an offer against a control without one; full-price shares of all."""
    shares = tuple(_full_price(variant, arms.get(variant)) for variant in plan.variants)
    if not any(arm.redeemers for arm in arms.values()):
        return SubsidyReport(full_price=shares, inconclusive="no_redemptions")
    if plan.control not in terms.without_offer:
        return SubsidyReport(full_price=shares, inconclusive="control_has_offer")
    offering = [variant for variant in plan.treatments if variant not in terms.without_offer]
    rows = tuple(_subsidy_row(variant, arms.get(plan.control), arms.get(variant)) for variant in offering)
    reasons = {row.inconclusive for row in rows}
    return SubsidyReport(rows, shares, reasons.pop() if len(reasons) == 1 else None)


def _full_price(variant: str, arm: OfferArmCell | None) -> FullPrice:
    if arm is None or arm.orders == 0:
        return FullPrice(variant, 0, 0, None, None)
    counted = Count(arm.full_price_orders, arm.orders)
    share = arm.full_price_orders / arm.orders
    return FullPrice(variant, arm.orders, arm.full_price_orders, share, share_interval(counted, 0.05))


def _subsidy_row(variant: str, control: OfferArmCell | None, treated: OfferArmCell | None) -> SubsidyRow:
    if control is None or treated is None:
        return SubsidyRow(variant, 0, 0, inconclusive="no_mature_units")
    offer = OfferArm(treated.units, treated.buyers, treated.redeemers)
    usual = subsidy(control.units, control.buyers, offer)
    cautious = subsidy(control.units, control.buyers, offer, nobody_put_off=False)
    if isinstance(usual, Inconclusive) or isinstance(cautious, Inconclusive):
        reason = usual.reason if isinstance(usual, Inconclusive) else "no_redemptions"
        return SubsidyRow(variant, treated.redeemers, treated.units, inconclusive=reason)
    return SubsidyRow(
        variant,
        treated.redeemers,
        treated.units,
        low=usual.low,
        high=usual.high,
        interval=usual.interval,
        cautious_low=cautious.low,
        cautious_interval=cautious.interval,
    )
