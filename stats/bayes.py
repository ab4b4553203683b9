"""Posteriors of a difference, with the loss to expect from choosing wrongly.

Peeking is not controlled: stopping at the first posterior above a threshold finds winners that are not there.
Shown beside the sequential test, never instead of it.
Oracles: adaptive quadrature of the exact posteriors; gbstats.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.special import betainc, betaln, ndtr

from stats.arguments import check_whole

_WIDTHS = 12.0  # posterior standard deviations that are integrated over


@dataclass(frozen=True, slots=True)
class Posterior:
    """What a posterior says of treatment against control.

    Attributes:
        chance_to_win: probability that treatment is better.
        loss_treatment: expected loss of choosing treatment, in the unit of the difference, ≥ 0.
        loss_control: expected loss of choosing control, likewise.
    """

    chance_to_win: float
    loss_treatment: float
    loss_control: float


def compare_shares(
    control: tuple[int, int], treatment: tuple[int, int], prior: tuple[float, float] = (1.0, 1.0)
) -> Posterior:
    """Beta-binomial posteriors of two shares.

    Args:
        control: (successes, units).
        treatment: (successes, units).
        prior: parameters of the beta prior of both, > 0; (1, 1) is uniform.

    Returns:
        Losses on the scale of the share.

    Raises:
        ValueError: successes outside 0 … units, or a prior that is not above 0.

    >>> found = compare_shares((49, 100), (51, 100))
    >>> round(found.chance_to_win, 6), round(found.loss_treatment, 6)
    (0.610771, 0.019116)
    """
    if not all(0.0 < part < math.inf for part in prior):
        raise ValueError(f"prior is {prior}; both parts must be finite numbers above 0")
    a, b = (_posterior(arm, prior) for arm in (control, treatment))
    return Posterior(
        chance_to_win=_integral(b, lambda x: float(betainc(*a, x))),
        loss_treatment=_expected_excess(a, b),
        loss_control=_expected_excess(b, a),
    )


def _posterior(arm: tuple[int, int], prior: tuple[float, float]) -> tuple[float, float]:
    successes, units = arm
    check_whole(successes=successes, units=units)
    if successes > units:
        raise ValueError(f"successes is {successes} of {units} units; it must lie from 0 to the units")
    return prior[0] + successes, prior[1] + units - successes


def _expected_excess(over: tuple[float, float], under: tuple[float, float]) -> float:
    """E max(X − Y, 0) = ∫ P(X > t) P(Y < t) dt: no difference of nearly equal numbers."""
    from scipy.integrate import quad

    low, high = _range(over, under)
    found = quad(
        lambda t: (1.0 - float(betainc(*over, t))) * float(betainc(*under, t)),
        low,
        high,
        epsabs=1e-13,
        limit=200,
    )
    return float(found[0])


def _integral(of: tuple[float, float], inner: Callable[[float], float]) -> float:
    from scipy.integrate import quad

    norm = float(betaln(*of))
    low, high = _range(of, of)

    def weighted(x: float) -> float:
        if not 0.0 < x < 1.0:
            return 0.0
        return math.exp((of[0] - 1.0) * math.log(x) + (of[1] - 1.0) * math.log1p(-x) - norm) * inner(x)

    return min(1.0, max(0.0, float(quad(weighted, low, high, epsabs=1e-13, limit=200)[0])))


def _range(*arms: tuple[float, float]) -> tuple[float, float]:
    """Where the posteriors have their mass."""
    ends = []
    for a, b in arms:
        mean, spread = a / (a + b), math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1.0)))
        ends += [mean - _WIDTHS * spread, mean + _WIDTHS * spread]
    return max(0.0, min(ends)), min(1.0, max(ends))


def compare_normal(
    difference: float, standard_error: float, prior: tuple[float, float] | None = None
) -> tuple[float, float, Posterior]:
    """Normal posterior of a difference, on whatever scale it comes.

    Args:
        difference: estimate, treatment minus control.
        standard_error: its standard error, > 0.
        prior: (mean, variance) of a normal prior, variance > 0; None: flat.

    Returns:
        Posterior mean and standard deviation, and what follows from them.

    Raises:
        ValueError: an argument is outside its range.

    >>> mean, spread, found = compare_normal(0.05, 0.03571589)
    >>> round(found.chance_to_win, 4), round(found.loss_control, 4)
    (0.9192, 0.0513)
    """
    if not (0.0 < standard_error < math.inf and math.isfinite(difference)):
        raise ValueError(
            f"difference {difference} ± {standard_error}; both must be finite, the error above 0"
        )
    mean, variance = difference, standard_error**2
    if prior is not None:
        if not (math.isfinite(prior[0]) and prior[1] > 0.0):
            raise ValueError(f"prior is {prior}; its mean must be finite, its variance above 0")
        precision = 1.0 / variance + 1.0 / prior[1]
        mean, variance = (difference / variance + prior[0] / prior[1]) / precision, 1.0 / precision
    spread = math.sqrt(variance)
    gain = _normal_excess(mean, spread)
    return mean, spread, Posterior(float(ndtr(mean / spread)), _normal_excess(-mean, spread), gain)


def _normal_excess(mean: float, spread: float) -> float:
    """E max(X, 0)."""
    z = mean / spread
    return mean * float(ndtr(z)) + spread * math.exp(-(z**2) / 2.0) / math.sqrt(2.0 * math.pi)
