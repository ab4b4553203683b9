"""The effect on those who took the offer, metric by metric, from integer sums."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from stats.cell_view import CellView
from stats.offers.cells import TakerCell, Taking
from stats.offers.reports import OfferTerms, RedeemerRow, RedeemersReport
from stats.plan import AnalysisPlan, Metric
from stats.readings import Pairing, cell_labels, last_mature_day
from stats.redeemers import LARGEST_LEAKAGE, TakenMoments, redeemer_effect
from stats.results import Inconclusive
from stats.summaries import Moments

_LEAST_UNITS = 2
_ORDERING = frozenset(
    {"conversion_rate"}
)  # redeeming is ordering: its effect on redeemers is 1 by definition
_TAKING = frozenset({"redemption_rate"})  # what taking does to taking is no question
_Takers = Mapping[tuple[str, str], TakerCell]


def redeemers_report(  # noqa: PLR0913 - everything it depends on is named here
    plan: AnalysisPlan,
    view: CellView,
    takers: Sequence[TakerCell],
    *,
    terms: OfferTerms,
    leaked_share: float,
    day: int,
) -> RedeemersReport:
    """Complier effects of each treatment with an offer against a control without one.

    Args:
        plan: the plan.
        view: the cells of its metrics.
        takers: counts of units that took the offer.
        terms: which variants offer nothing.
        leaked_share: share of redemptions by people of another variant; above 5 % the effect is refused.
        day: last closed shop day.
    """
    if not takers and leaked_share == 0.0:
        return RedeemersReport(inconclusive="no_redemptions")
    if plan.control not in terms.without_offer:
        return RedeemersReport(inconclusive="control_has_offer")
    if leaked_share > LARGEST_LEAKAGE:
        return RedeemersReport(inconclusive="leakage")
    how: Taking = "claimed" if any(cell.how == "claimed" for cell in takers) else "redeemed"
    counted = {(cell.metric, cell.variant): cell for cell in takers if cell.how == how}
    if not counted:
        return RedeemersReport(inconclusive="no_redemptions")
    rows = [
        _row(plan, view, counted, Pairing(metric, label, treatment), day)
        for treatment in plan.treatments
        if treatment not in terms.without_offer
        for metric in plan.metrics
        if _may_be_asked(metric, how)
        for label in cell_labels(plan, metric)
    ]
    return RedeemersReport(how, tuple(rows))


def _may_be_asked(metric: Metric, how: Taking) -> bool:
    if metric.key in _TAKING:
        return False
    return metric.kind in {"mean", "proportion"} and (how == "claimed" or metric.key not in _ORDERING)


def _row(plan: AnalysisPlan, view: CellView, takers: _Takers, pairing: Pairing, day: int) -> RedeemerRow:
    metric, label, treatment = pairing
    last = last_mature_day(plan, metric, day)
    arms = [
        _taken(view.moments(label, variant, last), takers.get((label, variant)))
        for variant in (plan.control, treatment)
    ]
    treated = view.moments(label, treatment, last)
    took = takers.get((label, treatment))
    empty = RedeemerRow(
        metric=metric.key,
        window_days=metric.window_days,
        treatment=treatment,
        margin_end=_end(label),
        takers=took.units if took else 0,
        units=treated.units,
        about=metric.about,
    )
    for arm in arms:
        if isinstance(arm, str):
            return replace(empty, inconclusive=arm)
    control, offered = (arm for arm in arms if isinstance(arm, TakenMoments))
    return _with_effect(empty, control, offered)


def _taken(moments: Moments, takers: TakerCell | None) -> TakenMoments | str:
    """The sums of one arm, or why there are none."""
    if moments.units < _LEAST_UNITS:
        return "no_mature_units"
    if moments.unusable or (takers is not None and takers.unusable):
        return "unusable"
    return TakenMoments(
        n=moments.units,
        taken=takers.units if takers else 0,
        total=moments.total,
        squares=moments.squares,
        total_of_takers=takers.total if takers else 0,
    )


def _with_effect(empty: RedeemerRow, control: TakenMoments, treated: TakenMoments) -> RedeemerRow:
    found = redeemer_effect(control, treated)
    if isinstance(found, Inconclusive):
        return replace(empty, inconclusive=found.reason)
    return replace(
        empty,
        effect=found.effect,
        standard_error=found.standard_error,
        interval=found.interval,
        anderson_rubin=tuple((_finite(low), _finite(high)) for low, high in found.anderson_rubin),
        first_stage=found.first_stage,
        first_stage_f=_finite(found.first_stage_f),
        weak=found.is_weak,
        pvalue=found.pvalue,
    )


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _end(label: str) -> Literal["lo", "hi"] | None:
    if label.endswith("#lo"):
        return "lo"
    return "hi" if label.endswith("#hi") else None
