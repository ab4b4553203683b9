"""What a result says of suspected abuse: counts by variant, alarms, and the effect with and without them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scipy.special import chdtrc

from stats.cell_view import CellView
from stats.looks import pairings
from stats.offers.misuse_reports import AbuseEffect, AbuseReport, AbuseRow
from stats.plan import AnalysisPlan
from stats.readings import Pairing, read
from stats.results import Inconclusive

MANY_SHARE: Final = 0.01
"""Above this share of suspected units the effect is worth reading without them."""
FEW: Final = 10
UNEVEN: Final = 0.001
_Z: Final = 1.959963984540054  # one reading, 95 %


@dataclass(frozen=True, slots=True)
class Watched:
    """What was found by looking at fingerprints.

    Attributes:
        units: variant → exposed units.
        self_referral: variant → units suspected of it; `velocity` likewise, none in both.
        redemptions: variant → redemptions by suspected units.
        crowded: cards and devices shared by too many people to say anything.
    """

    units: Mapping[str, int]
    self_referral: Mapping[str, int]
    velocity: Mapping[str, int]
    redemptions: Mapping[str, int]
    crowded: int


def counts_report(plan: AnalysisPlan, found: Watched | None) -> AbuseReport:
    """Counts and alarms; `no_fingerprints` where no order carried one."""
    if found is None:
        return AbuseReport(inconclusive="no_fingerprints")
    rows = tuple(_row(variant, found) for variant in plan.variants)
    suspected, units = sum(row.suspected for row in rows), sum(row.units for row in rows)
    share, pvalue = suspected / units if units else None, _pvalue(rows)
    is_told = suspected >= FEW
    return AbuseReport(
        suspected=suspected,
        share=share,
        rows=rows,
        crowded_marks=found.crowded,
        many=is_told and share is not None and share > MANY_SHARE,
        pvalue=pvalue,
        uneven=is_told and pvalue is not None and pvalue < UNEVEN,
    )


def effects(plan: AnalysisPlan, view: CellView, without: CellView, day: int) -> tuple[AbuseEffect, ...]:
    """The deciding metrics with everybody and without suspected units, as one reading each (95 %).

    Leaving units out by what they did after they were drawn is no randomised comparison: if an offer tempts
    more people to cheat, what is left differs between the arms. A sensitivity line, never a decision.

    Args:
        plan: its primaries are read.
        view: the cells of everybody.
        without: the cells without suspected units.
        day: last closed shop day.
    """
    return tuple(
        AbuseEffect(
            metric=pairing.metric.key,
            window_days=pairing.metric.window_days,
            treatment=pairing.treatment,
            everybody=_ends(plan, view, pairing, day),
            without=_ends(plan, without, pairing, day),
        )
        for pairing in pairings(plan)
        if pairing.metric.role == "primary"
    )


def _ends(
    plan: AnalysisPlan, view: CellView, pairing: Pairing, day: int
) -> tuple[float, float, float] | None:
    """Difference, lower and upper end; None where there is no number."""
    found = read(plan, view, pairing, day)
    if isinstance(found, Inconclusive):
        return None
    contrast = found.contrast
    return contrast.difference, contrast.limit(_Z), contrast.limit(-_Z)


def _row(variant: str, found: Watched) -> AbuseRow:
    referred, hurried = found.self_referral.get(variant, 0), found.velocity.get(variant, 0)
    return AbuseRow(
        variant=variant,
        units=found.units.get(variant, 0),
        suspected=referred + hurried,
        self_referral=referred,
        velocity=hurried,
        redemptions=found.redemptions.get(variant, 0),
    )


def _pvalue(rows: Sequence[AbuseRow]) -> float | None:
    """Pearson's test that all variants have the same share of suspected units."""
    counted = [row for row in rows if row.units]
    suspected, units = sum(row.suspected for row in counted), sum(row.units for row in counted)
    if len(counted) < 2 or not 0 < suspected < units:  # noqa: PLR2004 - a comparison needs two
        return None
    share = suspected / units
    parts = ((row.suspected - row.units * share) ** 2 / (row.units * share * (1 - share)) for row in counted)
    return float(chdtrc(len(counted) - 1, sum(parts)))
