"""May the numbers be believed? Sample ratio, crossover, and what the engine noted on its way."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Literal

from stats.cell_view import CellView
from stats.plan import AnalysisPlan
from stats.results import Check, Crossover, SampleRatio, Trust
from stats.sample_ratio import chi_square_pvalue, sequential_pvalue

ALARM = 0.001  # error rate of each alarm (sample ratio, crossover, merged), over all days together
RED_NOTES = frozenset({"policies_contradict"})
QUIET_NOTES = frozenset({"exposures_forced", "exposures_of_bots", "budget_cut"})  # on purpose: told, no fault
TRAP_SHARE = 0.5  # under this share of units with an order at exposure, repeat purchase leaves most units out
TRAP_UNITS = 100  # fewer units say nothing of that share
Status = Literal["ok", "warning", "stop"]


def assess(plan: AnalysisPlan, view: CellView, as_of_day: int, notes: Mapping[str, int]) -> Trust:
    """The trust banner.

    Args:
        plan: variants and planned weights.
        view: the cells; entries up to `as_of_day` count.
        as_of_day: last closed shop day.
        notes: code → count of things found on the way (contradicting exposures, orders without margin, …).
            Each count above 0 is a warning; those in `RED_NOTES` are red, those in `QUIET_NOTES` fine.

    Returns:
        Status (the worst of its checks), sample ratio, crossover and checks in a fixed order.
    """
    ratio = _sample_ratio(plan, view, as_of_day)
    crossover = _crossover(plan, view, as_of_day)
    checks = (
        Check("sample_ratio", _red_below(ratio.pvalue), sum(ratio.counts.values())),
        Check("crossover", _red_below(crossover.pvalue), crossover.units),
        _merged(plan, view, as_of_day),
        *_selection_trap(plan, view, as_of_day),
        *(Check(key, _status_of(key), notes[key]) for key in sorted(notes) if notes[key] > 0),
    )
    return Trust(_worst(checks), ratio, crossover, checks)


def _sample_ratio(plan: AnalysisPlan, view: CellView, as_of_day: int) -> SampleRatio:
    days = [day for day in view.cohort_days if day <= as_of_day]
    counts = {variant: view.entries(variant, as_of_day).units for variant in plan.variants}
    pvalue = sequential_pvalue(_cumulated(plan, view, days, "units"), plan.weights) if days else 1.0
    chi_square = chi_square_pvalue(tuple(counts.values()), plan.weights) if days else None
    return SampleRatio(pvalue, counts, dict(zip(plan.variants, plan.weights, strict=True)), chi_square)


def _selection_trap(plan: AnalysisPlan, view: CellView, as_of_day: int) -> tuple[Check, ...]:
    """Warns where repeat purchase is asked of units most of whom had not ordered when they were exposed.

    If the first order follows the exposure, "repeat rate among buyers" compares different people in each arm:
    the offer chose who buys. Only units with an order at exposure are read, and the check counts the others.
    """
    if not any(metric.is_followed for metric in plan.metrics):
        return ()
    totals = [view.entries(variant, as_of_day) for variant in plan.variants]
    units, triggered = sum(t.units for t in totals), sum(t.triggered for t in totals)
    if units < TRAP_UNITS or triggered >= TRAP_SHARE * units:
        return ()
    return (Check("selection_trap", "warning", units - triggered),)


def _crossover(plan: AnalysisPlan, view: CellView, as_of_day: int) -> Crossover:
    """Crossover units by first variant, tested for a share that differs between arms.

    A person who comes back under another id is drawn again: first under v with weight w_v, then under another
    variant with 1 − w_v. So without an effect the crossover units fall on first variants as w_v (1 − w_v),
    and a multinomial test of that is a comparison of the arms’ shares, also at uneven weights.
    """
    days = [day for day in view.cohort_days if day <= as_of_day]
    totals = {variant: view.entries(variant, as_of_day) for variant in plan.variants}
    units = sum(total.units for total in totals.values())
    crossed = {variant: total.crossed_over for variant, total in totals.items()}
    number = sum(crossed.values())
    pvalue = None
    if number and len(plan.variants) > 1:
        odds = [weight * (1 - weight) for weight in plan.weights]
        weights = tuple(value / sum(odds) for value in odds)
        pvalue = sequential_pvalue(_cumulated(plan, view, days, "crossed_over"), weights)
    return Crossover(number, number / units if units else 0.0, crossed, pvalue)


def _merged(plan: AnalysisPlan, view: CellView, as_of_day: int) -> Check:
    """Units whose ids turned out to be one person: red where one arm has more than its planned share of them.

    Which id came first is drawn by weight, so without an effect merged units fall on variants by weight. An
    offer that makes people log in merges more of them, and the arms then hold different people.
    """
    days = [day for day in view.cohort_days if day <= as_of_day]
    counts = _cumulated(plan, view, days, "merged")
    number = sum(counts[-1]) if counts else 0
    return Check("merged", _red_below(sequential_pvalue(counts, plan.weights) if number else None), number)


def _cumulated(plan: AnalysisPlan, view: CellView, days: list[int], name: str) -> list[tuple[int, ...]]:
    columns = []
    for variant in plan.variants:
        daily = [getattr(view.entries(variant, day, day), name) for day in days]
        columns.append(list(accumulate(daily)))
    return list(zip(*columns, strict=True))


def _status_of(note: str) -> Status:
    if note in RED_NOTES:
        return "stop"
    return "ok" if note in QUIET_NOTES else "warning"


def _red_below(pvalue: float | None) -> Status:
    return "stop" if pvalue is not None and pvalue < ALARM else "ok"


def _worst(checks: tuple[Check, ...]) -> Status:
    found = {check.status for check in checks}
    return "stop" if "stop" in found else "warning" if "warning" in found else "ok"
