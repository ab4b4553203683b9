"""One error budget over variants × primaries: Dunnett over the treatments, Holm over the primaries, closed.

Every comparison of a primary is one hypothesis. While all are open, each is read at the one-look Dunnett
level of alpha / number of primaries; whenever one is rejected, the others are read again, from their first
look on, at the level of those still open. Levels only rise as hypotheses leave, so the family keeps alpha.
Source: Dunnett (1955); Marcus, Peritz & Gabriel (1976); Goeman & Solari (2010), Annals of Statistics 38.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from stats.multiplicity import dunnett_level, dunnett_pvalue
from stats.plan import AnalysisPlan, Metric
from stats.readings import cell_labels
from stats.results import Look
from stats.sequential.group_sequential import HalfTest
from stats.sequential.spending import Spending, parse_spending

Side = Literal["upper", "lower"]
Hypothesis = tuple[str, str]  # label of a primary, treatment
Address = tuple[str, str]  # label of a metric's cells, treatment


class Crossing(NamedTuple):
    """First crossing of one side of a comparison.

    Attributes:
        look: the look that crossed.
        side: `upper` or `lower`.
        boundary: |z| that was reached, at the level of the step that rejected.
        earlier: information and boundary of the looks before it on that side, at the same level.
    """

    look: Look
    side: Side
    boundary: float
    earlier: tuple[tuple[float, float], ...] = ()


class Closed(NamedTuple):
    """What closed testing has made of all looks so far.

    Attributes:
        crossings: (label, treatment) → at most one crossing per side, the written one first; addresses
            without one are left out.
        open_at: hypothesis → the hypotheses that were open at the last step that read it.
    """

    crossings: dict[Address, tuple[Crossing, ...]]
    open_at: dict[Hypothesis, frozenset[Hypothesis]]


def family(plan: AnalysisPlan) -> frozenset[Hypothesis]:
    """All hypotheses that share alpha: every primary with every treatment."""
    return frozenset(
        (metric.label, treatment)
        for metric in plan.metrics
        if metric.role == "primary"
        for treatment in plan.treatments
    )


def level(plan: AnalysisPlan, metric: Metric, still_open: frozenset[Hypothesis] | None = None) -> float:
    """Two-sided level of one comparison while a set of hypotheses is open.

    Args:
        plan: weights and alpha.
        metric: a secondary metric or guardrail is read at alpha; it decides nothing by itself.
        still_open: hypotheses not yet rejected, the metric's own among them; None means all.

    Returns:
        Dunnett's level over the open treatments of the metric, at alpha / number of open primaries.

    >>> primary = Metric("conversion_rate", "primary", "proportion", 7)
    >>> plan = AnalysisPlan("x", 1, ("a", "b", "c", "d"), "a", (0.25,) * 4, (primary,))
    >>> round(level(plan, primary), 4)
    0.0188
    """
    if metric.role != "primary":
        return plan.alpha
    shares, primaries = _open_shares(plan, metric, still_open)
    return dunnett_level(plan.weight(plan.control), shares, plan.alpha / primaries)


def family_pvalue(
    plan: AnalysisPlan, metric: Metric, pvalue: float, still_open: frozenset[Hypothesis] | None = None
) -> float:
    """P-value of one comparison on the scale of alpha: at most alpha exactly where `level` is reached.

    Args:
        plan: weights.
        metric: as in `level`.
        pvalue: two-sided, of the comparison by itself.
        still_open: as in `level`.
    """
    if metric.role != "primary":
        return pvalue
    shares, primaries = _open_shares(plan, metric, still_open)
    return min(1.0, primaries * dunnett_pvalue(plan.weight(plan.control), shares, pvalue))


def closed_testing(plan: AnalysisPlan, looks: Iterable[Look]) -> Closed:
    """First crossings of every comparison, by the looks as written and then by closed testing.

    Rejects, raises the level of those still open and reads them again, until nothing more is rejected.

    Args:
        plan: the plan.
        looks: all looks so far, in order.
    """
    by_address = _by_address(looks)
    crossed = {address: _written(series) for address, series in by_address.items()}
    still_open = family(plan)
    read_with = dict.fromkeys(still_open, still_open)
    while True:
        left = frozenset(h for h in still_open if not _is_rejected(plan, h, crossed))
        if left == still_open or not left:
            return Closed({a: found for a, found in crossed.items() if found}, read_with)
        still_open = left
        read_with |= dict.fromkeys(left, left)
        for metric, treatment in _comparisons(plan, left):
            alpha = level(plan, metric, left)
            for label in cell_labels(plan, metric):
                address = (label, treatment)
                known = crossed.get(address, ())
                crossed[address] = _reread(plan, by_address.get(address, ()), alpha, known)


def _is_rejected(
    plan: AnalysisPlan, hypothesis: Hypothesis, crossed: dict[Address, tuple[Crossing, ...]]
) -> bool:
    """Whether all labels of a hypothesis (two with an unknown margin) have crossed on one side."""
    metric = next(m for m in plan.metrics if m.label == hypothesis[0] and m.role == "primary")
    sides = [{c.side for c in crossed.get((label, hypothesis[1]), ())} for label in cell_labels(plan, metric)]
    return bool(set.intersection(*sides))


def _comparisons(plan: AnalysisPlan, still_open: frozenset[Hypothesis]) -> list[tuple[Metric, str]]:
    return [
        (metric, treatment)
        for metric in plan.metrics
        if metric.role == "primary"
        for treatment in plan.treatments
        if (metric.label, treatment) in still_open
    ]


def _open_shares(
    plan: AnalysisPlan, metric: Metric, still_open: frozenset[Hypothesis] | None
) -> tuple[list[float], int]:
    hypotheses = family(plan) if still_open is None else still_open
    shares = [plan.weight(t) for t in plan.treatments if (metric.label, t) in hypotheses]
    return shares, len({label for label, _ in hypotheses})


def _by_address(looks: Iterable[Look]) -> dict[Address, tuple[Look, ...]]:
    found: dict[Address, list[Look]] = {}
    for look in looks:
        found.setdefault((look.metric, look.treatment), []).append(look)
    return {address: tuple(series) for address, series in found.items()}


def _written(looks: Sequence[Look]) -> tuple[Crossing, ...]:
    """First crossing per side as written."""
    first: dict[Side, Crossing] = {}
    for look in looks:
        if look.crossed is not None and look.crossed not in first:
            history = _history(looks, look.crossed, look.number)
            first[look.crossed] = Crossing(look, look.crossed, history[-1][1], history[:-1])
    return tuple(first.values())


def _history(looks: Sequence[Look], side: Side, through: int) -> tuple[tuple[float, float], ...]:
    """Information and |boundary| of the looks that tested a side, up to a number."""
    tested = ((look.information, getattr(look, side)) for look in looks if look.number <= through)
    return tuple((information, abs(bound)) for information, bound in tested if bound is not None)


def _reread(
    plan: AnalysisPlan, looks: Sequence[Look], alpha: float, known: tuple[Crossing, ...]
) -> tuple[Crossing, ...]:
    """Crossings at a higher level, each half over its own looks, beside those already known."""
    spending = parse_spending(plan.spending)
    found = list(known)
    sides: tuple[tuple[Side, float], ...] = (("upper", 1.0), ("lower", -1.0))
    for side, sign in sides:
        tested = [look for look in looks if getattr(look, side) is not None]
        if any(crossing.side == side for crossing in known) or not tested:
            continue
        history = tuple((look.information, look.fraction) for look in tested)
        bounds = _half_boundaries(history, alpha / 2, spending, plan.open_ended_share)
        pairs = tuple((look.information, bound) for look, bound in zip(tested, bounds, strict=True))
        first = next((k for k, look in enumerate(tested) if sign * look.z >= bounds[k]), None)
        if first is not None:
            found.append(Crossing(tested[first], side, bounds[first], pairs[:first]))
    return tuple(found)


@lru_cache(maxsize=1024)
def _half_boundaries(
    history: tuple[tuple[float, float], ...], alpha: float, spending: Spending, tail: float
) -> tuple[float, ...]:
    """Kept because written looks never change while pages ask for their claims again and again."""
    half = HalfTest(spending, alpha, tail)
    return tuple(half.look(information, fraction).boundary for information, fraction in history)
