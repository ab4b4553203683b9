"""What each method says of one comparison, in one shape: the same difference read five ways.

Only the group-sequential reading decides in Offerlab; the others are what other tools would show, and say
when they may be read. Works on any metric's contrast (a share, a mean, a ratio, a repeat rate).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtr, ndtri

from stats.arguments import check_positive, check_share
from stats.bayes import compare_normal
from stats.contrasts import Contrast
from stats.sequential.confidence_sequences import asymptotic_half_width, asymptotic_pvalue, tuned_rho
from stats.sequential.group_sequential import HalfTest, repeated_pvalue
from stats.sequential.mixtures import best_rho, normal_log_mixture, normal_mixture_bound
from stats.sequential.spending import parse_spending

Valid = Literal["once", "at_looks", "any_time", "given_prior"]
SPENDING, TAIL = "kim-demets:2", 0.1


@dataclass(frozen=True, slots=True)
class Statement:
    """One method's reading of a difference.

    Attributes:
        method: `fixed_size`, `group_sequential`, `confidence_sequence`, `normal_mixture` or `posterior`.
        valid: when it keeps its error: `once` at a size fixed before, `at_looks` of a plan, at `any_time`, or
            `given_prior` (peeking is not controlled).
        difference: treatment − control.
        low: lower end of the two-sided interval.
        high: upper end.
        pvalue: two-sided; None where the method has none.
        chance_to_win: posterior probability of a positive difference, else None.
    """

    method: str
    valid: Valid
    difference: float
    low: float
    high: float
    pvalue: float | None = None
    chance_to_win: float | None = None


def statements(
    contrast: Contrast,
    planned_units: float,
    earlier: Sequence[tuple[float, float]] = (),
    alpha: float = 0.05,
) -> tuple[Statement, ...]:
    """Read one comparison by every method.

    Args:
        contrast: both arms as they stand.
        planned_units: units over both arms at which the test was to end, > 0.
        earlier: (information, units over planned units) of the looks before this one, in order.
        alpha: two-sided error rate, in (0, 1).

    Returns:
        One statement per method, the deciding one first.

    Raises:
        ValueError: an argument is outside its range, or the looks' information does not grow.

    >>> from stats.proportions import ProportionContrast
    >>> found = statements(ProportionContrast(x_t=560, n_t=10_000, x_c=500, n_c=10_000), 20_000)
    >>> [(s.method, s.valid, round(s.pvalue, 3)) for s in found[:2]]
    [('group_sequential', 'at_looks', 0.065), ('fixed_size', 'once', 0.058)]
    """
    check_positive(planned_units=planned_units)
    check_share("alpha", alpha)
    return (
        _group_sequential(contrast, planned_units, earlier, alpha),
        _fixed_size(contrast, alpha),
        _confidence_sequence(contrast, planned_units, alpha),
        _normal_mixture(contrast, planned_units, alpha),
        _posterior(contrast, alpha),
    )


def _group_sequential(
    contrast: Contrast, planned: float, earlier: Sequence[tuple[float, float]], alpha: float
) -> Statement:
    looks = [*earlier, (1 / contrast.standard_error**2, _units(contrast) / planned)]
    spending = parse_spending(SPENDING)
    half = HalfTest(spending, alpha / 2, TAIL)
    boundary = [half.look(information, fraction).boundary for information, fraction in looks][-1]
    sides = [repeated_pvalue(sign * contrast.z, looks, spending, TAIL) for sign in (1, -1)]
    low, high = contrast.limit(boundary), contrast.limit(-boundary)
    pvalue = min(1.0, 2 * min(sides))
    return Statement("group_sequential", "at_looks", contrast.difference, low, high, pvalue)


def _fixed_size(contrast: Contrast, alpha: float) -> Statement:
    z, pvalue = -float(ndtri(alpha / 2)), 2 * float(ndtr(-abs(contrast.z)))
    ends = contrast.limit(z), contrast.limit(-z)
    return Statement("fixed_size", "once", contrast.difference, *ends, pvalue)


def _confidence_sequence(contrast: Contrast, planned: float, alpha: float) -> Statement:
    n, variance, rho = _units(contrast), _variance_of_a_unit(contrast), tuned_rho(planned, alpha)
    half = asymptotic_half_width(variance, n, rho, alpha)
    pvalue = asymptotic_pvalue(contrast.difference, variance, n, rho)
    return _around("confidence_sequence", "any_time", contrast.difference, half, pvalue)


def _normal_mixture(contrast: Contrast, planned: float, alpha: float) -> Statement:
    n, variance = _units(contrast), _variance_of_a_unit(contrast)
    time, rho = n * variance, best_rho(planned * variance, alpha)
    half = normal_mixture_bound(time, alpha, rho) / n
    pvalue = min(1.0, math.exp(-normal_log_mixture(n * contrast.difference, time, rho)))
    return _around("normal_mixture", "any_time", contrast.difference, half, pvalue)


def _posterior(contrast: Contrast, alpha: float) -> Statement:
    """With a flat prior."""
    mean, spread, found = compare_normal(contrast.difference, _error(contrast))
    half = -float(ndtri(alpha / 2)) * spread
    return Statement("posterior", "given_prior", mean, mean - half, mean + half, None, found.chance_to_win)


def _around(method: str, valid: Valid, difference: float, half: float, pvalue: float) -> Statement:
    return Statement(method, valid, difference, difference - half, difference + half, pvalue)


def _units(contrast: Contrast) -> int:
    return contrast.control.n + contrast.treatment.n


def _error(contrast: Contrast) -> float:
    """With each arm's own variance."""
    return math.sqrt(contrast.control.variance + contrast.treatment.variance)


def _variance_of_a_unit(contrast: Contrast) -> float:
    """N × error², so that the difference behaves as the mean of n units."""
    return _units(contrast) * _error(contrast) ** 2
