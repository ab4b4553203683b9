"""Quantiles (a median basket) that may be read at any time: bounds, an interval, an A/B test.

No assumption on the distribution: only the share of values below a point is used.
Source: Howard & Ramdas (2022), "Sequential estimation of quantiles with applications to A/B testing and
best-arm identification", Bernoulli 28. Oracle: confseq.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, expit, logit, zeta

from stats.arguments import check_positive, check_share
from stats.sequential.mixtures import one_step_rho

_Floats = NDArray[np.float64]
_HALF = 0.5


def empirical_process_bound(t: float, alpha: float, t_min: float, a: float = 0.85) -> float:
    """How far the empirical distribution may ever stray from the true one, at all points and sizes at once.

    Args:
        t: sample size.
        alpha: error, in (0, 1).
        t_min: size from which the bound is meant, ≥ 1.
        a: leading constant, above 1/√2.

    Returns:
        A distance in [0, ∞); infinity below `t_min`.

    Raises:
        ValueError: an argument is outside its range.
    """
    check_share("alpha", alpha)
    check_positive(t=t)
    if not t_min >= 1.0:
        raise ValueError(f"t_min is {t_min}; it must be 1 or more")
    if not a > math.sqrt(_HALF):
        raise ValueError(f"a is {a}; it must be above {math.sqrt(_HALF):.4f}")
    if t < t_min:
        return math.inf
    return a * math.sqrt((math.log(1.0 + math.log(t / t_min)) + _stitching_constant(alpha, a)) / t)


def _stitching_constant(alpha: float, a: float) -> float:
    """The constant at which the best union bound over epochs equals alpha."""
    from scipy.optimize import brentq

    return float(brentq(lambda c: math.log(_smallest_error(c, a) / alpha), 1.0, 200.0, xtol=1e-12))


def _smallest_error(c: float, a: float) -> float:
    """The bound at the best ratio of epochs; 4 where none is of use."""
    from scipy.optimize import minimize_scalar

    def error(eta: float) -> float:
        room = a - math.sqrt(2.0 * (eta - 1.0) / c)
        gamma = 2.0 / eta * room**2
        if room <= 0.0 or gamma <= 1.0:
            return 4.0
        return 4.0 * math.exp(-gamma * c) * (1.0 + 1.0 / ((gamma - 1.0) * math.log(eta)))

    grid = np.geomspace(1e-4, 2.0 * a * a - 1.0, 400)[:-1] + 1.0
    best = int(np.argmin([error(float(eta)) for eta in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    found = minimize_scalar(error, bounds=(low, high), method="bounded", options={"xatol": 1e-12})
    return float(min(found.fun, error(float(grid[best]))))


def double_stitching_bound(  # noqa: PLR0913, PLR0917 - the arguments of the published function
    quantile: float,
    t: float,
    alpha: float,
    t_opt: float,
    delta: float = 0.5,
    s: float = 1.4,
    eta: float = 2.0,
) -> float:
    """How far the count of values below any quantile may stray, over all quantiles and sizes at once.

    Args:
        quantile: p, in (0, 1).
        t: sample size, > 0.
        alpha: error, in (0, 1).
        t_opt: size from which the bound is meant, > 0.
        delta: fineness over quantiles, > 0.
        s: exponent of the spending over epochs, > 1.
        eta: ratio of epochs, > 1.

    Returns:
        A number of observations; divided by t, a distance on the scale of shares.

    Raises:
        ValueError: an argument is outside its range.
    """
    check_share("alpha", alpha)
    check_share("quantile", quantile)
    check_positive(t=t, t_opt=t_opt, delta=delta)
    used = max(t, t_opt)
    shifted = float(expit(logit(quantile) + 2.0 * delta * math.sqrt(t_opt * eta / used)))
    reached = quantile if quantile >= _HALF else min(_HALF, shifted)
    variance = reached * (1.0 - reached)
    place = math.sqrt(used / t_opt) * abs(float(logit(quantile))) / (2.0 * delta) + 1.0
    whole = float(zeta(s))
    union = math.log(2.0 * whole * (2.0 * whole + 1.0) / (alpha * math.log(eta) ** s))
    spent = s * math.log(math.log(eta * used / t_opt)) + s * math.log(place) + union
    k1 = (eta**0.25 + eta**-0.25) / math.sqrt(2.0)
    linear = (math.sqrt(eta) + 1.0) / 2.0 * (1.0 - 2.0 * quantile) / 3.0 * spent
    gap = delta * math.sqrt(eta * used * variance / t_opt)
    return gap + math.sqrt(k1**2 * variance * used * spent + linear**2) + linear


def quantile_interval(
    values: Sequence[float] | _Floats, quantile: float, alpha: float, t_opt: float
) -> tuple[float, float]:
    """Interval for a quantile that holds at all sample sizes at once.

    Args:
        values: observations so far, at least one.
        quantile: p, in (0, 1).
        alpha: 1 − coverage, in (0, 1).
        t_opt: size from which it should be tight, > 0.

    Returns:
        (low, high) among the values; an end is infinite while nothing can be said.

    Raises:
        ValueError: an argument is outside its range or a value is not a number.
    """
    ordered = _sorted(values)
    n = ordered.size
    below = quantile - double_stitching_bound(1.0 - quantile, n, alpha, t_opt) / n
    above = quantile + double_stitching_bound(quantile, n, alpha, t_opt) / n
    low = -math.inf if below <= 0.0 else float(ordered[min(n - 1, math.ceil(below * n) - 1)])
    high = math.inf if above >= 1.0 else float(ordered[min(n - 1, math.floor(above * n))])
    return low, high


def quantile_pvalue(
    control: Sequence[float] | _Floats,
    treatment: Sequence[float] | _Floats,
    quantile: float,
    t_opt: float,
    alpha_opt: float = 0.05,
) -> float:
    """P-value of equal quantiles in two arms, to be read at any time.

    Args:
        control: values of control, at least one.
        treatment: values of the treatment, at least one.
        quantile: p, in (0, 1).
        t_opt: size of an arm at which the test should be sharpest, > 0.
        alpha_opt: level at which it should be sharpest, in (0, 1).

    Returns:
        In (0, 1]: the common quantile least refuted by both arms, by the product of their mixtures.

    Raises:
        ValueError: an argument is outside its range or a value is not a number.
    """
    check_share("quantile", quantile)
    check_share("alpha_opt", alpha_opt)
    arms = [_sorted(control), _sorted(treatment)]
    points = np.unique(np.concatenate(arms))
    rho = one_step_rho(quantile * (1.0 - quantile) * t_opt, alpha_opt)
    total = sum((_log_evidence(arm, points, quantile, rho) for arm in arms), np.zeros(points.size))
    return min(1.0, math.exp(-float(total.min())))


def _log_evidence(ordered: _Floats, points: _Floats, quantile: float, rho: float) -> _Floats:
    """Ln of the evidence of one arm against each point being the quantile (the least over ties)."""
    n = ordered.size
    below = np.searchsorted(ordered, points, side="left") / n
    up_to = np.searchsorted(ordered, points, side="right") / n
    return _log_mixture(np.clip(quantile, below, up_to), n, quantile, rho)


def _log_mixture(share: _Floats, n: int, quantile: float, rho: float) -> _Floats:
    """Two-sided beta-binomial mixture of `mixtures` at many shares; lowest close to the quantile itself."""
    g, h = quantile, 1.0 - quantile
    s, v = (share - quantile) * n, g * h * n
    r = max(rho - g * h, 1e-3 * g * h)
    found: _Floats = (
        -(v + h * s) / h * math.log(g)
        - (v - g * s) / g * math.log(h)
        + betaln((r + v - g * s) / g, (r + v + h * s) / h)
        - betaln(r / g, r / h)
    )
    return found


def _sorted(values: Sequence[float] | _Floats) -> _Floats:
    found = np.sort(np.asarray(values, dtype=np.float64))
    if found.size == 0 or not np.isfinite(found).all():
        raise ValueError("values must be finite numbers, at least one")
    return found
