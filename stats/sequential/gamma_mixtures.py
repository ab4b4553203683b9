"""Mixture boundaries for sums that are not normal: sub-exponential and sub-Poisson (counts, event times).

As `mixtures`, with a gamma prior in place of the normal one; c is the scale of the heavier tail.
Source: Howard, Ramdas, McAuliffe & Sekhon (2021), propositions 9 and 10. Oracle: confseq.
"""

import math
from collections.abc import Callable

from scipy.special import gammainc, gammaincc, gammaln

from stats.arguments import check_finite, check_not_negative, check_positive, check_share

Mixture = Callable[[float, float, float, float], float]
_TOLERANCE = 1e-10


def gamma_exponential_log_mixture(s: float, v: float, rho: float, c: float) -> float:
    """Logarithm of the gamma mixture for a sub-exponential sum.

    Args:
        s: centred sum, above −(v + ρ) / c.
        v: intrinsic time, ≥ 0.
        rho: precision of the prior, > 0 (`mixtures.one_step_rho` at 2 · alpha).
        c: scale, > 0.

    Returns:
        ln of the e-value.

    Raises:
        ValueError: an argument is outside its range.

    >>> abs(gamma_exponential_log_mixture(0.0, 0.0, 1.0, 2.0)) < 1e-12
    True
    """
    _check(v, rho, c)
    check_finite(s=s)
    prior, time = rho / c**2, (v + rho) / c**2
    reach = (c * s + v + rho) / c**2
    if not reach > 0.0:
        raise ValueError(f"s is {s}; it must be above {-(v + rho) / c}")
    leading = prior * math.log(prior) - gammaln(prior) - math.log(gammainc(prior, prior))
    gain = gammaln(time) + math.log(gammainc(time, reach)) - time * math.log(reach)
    return float(leading + gain + (c * s + v) / c**2)


def gamma_poisson_log_mixture(s: float, v: float, rho: float, c: float) -> float:
    """Logarithm of the gamma mixture for a sub-Poisson sum.

    Args:
        s: centred sum, above −(v + ρ) / c.
        v: intrinsic time, ≥ 0.
        rho: precision of the prior, > 0.
        c: size of one jump, > 0.

    Returns:
        ln of the e-value.

    Raises:
        ValueError: an argument is outside its range.

    >>> abs(gamma_poisson_log_mixture(0.0, 0.0, 1.0, 2.0)) < 1e-12
    True
    """
    _check(v, rho, c)
    check_finite(s=s)
    prior, time = rho / c**2, (v + rho) / c**2
    reach = s / c + time
    if not reach > 0.0:
        raise ValueError(f"s is {s}; it must be above {-(v + rho) / c}")
    leading = prior * math.log(prior) - gammaln(prior) - math.log(gammaincc(prior, prior))
    gain = gammaln(reach) + math.log(gammaincc(reach, time)) - reach * math.log(time)
    return float(leading + gain + v / c**2)


def gamma_exponential_bound(v: float, alpha: float, rho: float, c: float) -> float:
    """The sub-exponential sum that is reached at any time with probability alpha at most.

    Args:
        v: intrinsic time, > 0.
        alpha: one-sided error, in (0, 1).
        rho: precision of the prior, > 0.
        c: scale, > 0.

    Raises:
        ValueError: an argument is outside its range.
    """
    return _bound(gamma_exponential_log_mixture, v, alpha, rho, c)


def gamma_poisson_bound(v: float, alpha: float, rho: float, c: float) -> float:
    """The sub-Poisson sum that is reached at any time with probability alpha at most; as the one above."""
    return _bound(gamma_poisson_log_mixture, v, alpha, rho, c)


def _bound(mixture: Mixture, v: float, alpha: float, rho: float, c: float) -> float:
    from scipy.optimize import brentq

    check_share("alpha", alpha)
    target, top = math.log(1.0 / alpha), math.sqrt(v) if v > 0 else c
    while mixture(top, v, rho, c) < target:
        top *= 2.0
    return float(brentq(lambda s: mixture(s, v, rho, c) - target, 0.0, top, xtol=_TOLERANCE))


def _check(v: float, rho: float, c: float) -> None:
    check_not_negative(v=v)
    check_positive(rho=rho, c=c)
