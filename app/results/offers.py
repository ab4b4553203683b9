"""The offers block of a result: what to count, which redemptions there are, which variants offer nothing."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from app.engine.port import OfferQuestion
from app.results.redeemed import standing
from stats.offers.abuse_report import Watched, counts_report
from stats.offers.code_names import codes_report
from stats.offers.leakage import DILUTION_SHARE, Pair
from stats.offers.reports import OfferTerms
from stats.plan import AnalysisPlan

SUSPECTED_NOTE, SUSPECTED_UNEVEN_NOTE = "suspected_units", "suspected_units_unevenly"
UNCONFIRMED_NOTE, UNEVEN_NOTE = "codes_unconfirmed", "codes_unconfirmed_unevenly"
LEAKAGE_NOTE = "leakage"  # the note under which diluted offers are named in the trust banner


def terms_of(definition: Mapping[str, Any]) -> OfferTerms:
    """Which variants of a definition offer nothing."""
    variants = definition["variants"]
    return OfferTerms(frozenset(variant["key"] for variant in variants if _offers_nothing(variant)))


def _offers_nothing(variant: Mapping[str, Any]) -> bool:
    return bool((variant.get("offer") or {"kind": "none"})["kind"] == "none")


def offer_question(plan: AnalysisPlan, closed_day: int) -> OfferQuestion | None:
    """What to count beside the metrics: profit at its own window, the curve over the longest.

    Returns:
        None for a plan without any sum per unit.
    """
    summed = [metric for metric in plan.metrics if not metric.is_followed]
    if not summed:
        return None
    profits = [metric for metric in summed if metric.key == "profit_per_unit"]
    longest = max(metric.window_days for metric in summed)
    return OfferQuestion((profits or summed)[0].window_days, longest, closed_day)


def leakage_matrix(redemptions: pa.Table | None, variants: tuple[str, ...]) -> dict[Pair, int]:
    """Redemptions by (code's variant, redeemer's variant or None); codes of unknown variants are left out."""
    if redemptions is None:
        return {}
    found = standing(redemptions)
    pairs = zip(found["code_variant"].to_pylist(), found["redeemer_variant"].to_pylist(), strict=True)
    return dict(Counter((code, redeemer) for code, redeemer in pairs if code in variants))


def leakage_note(matrix: Mapping[Pair, int]) -> dict[str, int]:
    """The count of leaked redemptions for the trust banner, where they are over the threshold."""
    total = sum(matrix.values())
    leaked = sum(count for (code, redeemer), count in matrix.items() if code != redeemer)
    return {LEAKAGE_NOTE: leaked} if total and leaked > DILUTION_SHARE * total else {}


def unconfirmed_codes(unconfirmed: pa.Table | None, variants: tuple[str, ...]) -> dict[str, int]:
    """Unconfirmed codes by their variant; codes of unknown variants are left out."""
    named = [] if unconfirmed is None else unconfirmed["code_variant"].to_pylist()
    counted = Counter(variant for variant in named if variant in variants)
    return {variant: counted[variant] for variant in variants if counted[variant]}


def unconfirmed_notes(matrix: Mapping[Pair, int], unconfirmed: Mapping[str, int]) -> dict[str, int]:
    """The counts of unconfirmed codes for the trust banner, where they are many or of one variant."""
    report = codes_report(matrix, unconfirmed)
    many, uneven = (report.unconfirmed if is_so else 0 for is_so in (report.many, report.uneven))
    counts = {UNCONFIRMED_NOTE: many, UNEVEN_NOTE: uneven}
    return {name: count for name, count in counts.items() if count}


def abuse_notes(plan: AnalysisPlan, found: Watched | None) -> dict[str, int]:
    """The counts of suspected units for the trust banner, where they are many or of one variant."""
    report = counts_report(plan, found)
    many, uneven = (report.suspected if is_so else 0 for is_so in (report.many, report.uneven))
    counts = {SUSPECTED_NOTE: many, SUSPECTED_UNEVEN_NOTE: uneven}
    return {name: count for name, count in counts.items() if count}
