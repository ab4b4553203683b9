"""Mixture boundaries: curves that a centred sum crosses at any time with probability alpha at most.

S is the running sum, v its intrinsic time (for a known variance v = n σ²). A mixture of likelihood ratios is
a supermartingale, so Ville's inequality bounds the time it first reaches 1 / alpha.
Source: Howard, Ramdas, McAuliffe & Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic confidence
sequences", Annals of Statistics 49. Oracles: confseq, ville.
"""

import math

from scipy.special import betainc, betaln, lambertw, log_ndtr, zeta

from stats.arguments import check_finite, check_not_negative, check_number, check_positive, check_share

_SMALLEST_PRIOR = 1e-3
_TOLERANCE = 1e-12


def best_rho(v_opt: float, alpha: float) -> float:
    """Precision ρ of the mixing normal that makes the two-sided boundary lowest at intrinsic time v_opt.

    Args:
        v_opt: where the boundary should be tightest, > 0.
        alpha: two-sided error, in (0, 1).

    Returns:
        ρ, exact: v / ρ = −W₋₁(−alpha² / e) − 1.

    Raises:
        ValueError: an argument is outside its range.

    >>> round(best_rho(5000, 0.05), 3)
    608.867
    """
    check_share("alpha", alpha)
    check_positive(v_opt=v_opt)
    return v_opt / (-float(lambertw(-(alpha**2) / math.e, k=-1).real) - 1.0)


def one_step_rho(v_opt: float, alpha: float) -> float:
    """`best_rho` by one step of its fixed point, as the confseq package has it; 2 · alpha for one side.

    >>> round(one_step_rho(100, 0.05), 5)
    12.60056
    """
    check_share("alpha", alpha)
    check_positive(v_opt=v_opt)
    gain = 2.0 * math.log(1.0 / alpha)
    return v_opt / (gain + math.log1p(gain))


def normal_log_mixture(s: float, v: float, rho: float, *, sides: int = 2) -> float:
    """Logarithm of the normal mixture (one side: of the half-normal mixture) at sum s and time v.

    Args:
        s: centred sum.
        v: intrinsic time, ≥ 0.
        rho: precision of the mixing normal, > 0.
        sides: 1 or 2.

    Returns:
        ln of the e-value: above ln(1 / alpha) the boundary is crossed.

    Raises:
        ValueError: an argument is outside its range.

    >>> normal_log_mixture(0.0, 0.0, 1.0)
    0.0
    """
    _check_sides(sides)
    check_number(s=s)
    check_positive(rho=rho)
    check_not_negative(v=v)
    spread = v + rho
    two_sided = 0.5 * math.log(rho / spread) + s**2 / (2.0 * spread)
    if sides == 2:  # noqa: PLR2004 - both sides
        return two_sided
    return two_sided + math.log(2.0) + float(log_ndtr(s / math.sqrt(spread)))


def normal_mixture_bound(v: float, alpha: float, rho: float, *, sides: int = 2) -> float:
    """The sum that is reached at any time with probability alpha at most.

    Args:
        v: intrinsic time, > 0.
        alpha: error over all sides, in (0, 1).
        rho: precision of the mixing normal, > 0.
        sides: 1 or 2.

    Returns:
        u(v); |S| ≥ u(v) (one side: S ≥ u(v)) is proof.

    Raises:
        ValueError: an argument is outside its range.

    >>> round(normal_mixture_bound(1000, 0.05, 100.0), 5)
    96.06402
    """
    check_share("alpha", alpha)
    check_positive(v=v)
    _check_sides(sides)
    check_positive(rho=rho)
    spread = v + rho
    closed = math.sqrt(spread * (math.log(spread / rho) + 2.0 * math.log(1.0 / alpha)))
    if sides == 2:  # noqa: PLR2004 - both sides
        return closed
    from scipy.optimize import brentq

    target = math.log(1.0 / alpha)
    found = brentq(lambda s: normal_log_mixture(s, v, rho, sides=1) - target, 0.0, closed, xtol=_TOLERANCE)
    return float(found)


def beta_binomial_log_mixture(  # noqa: PLR0913 - the arguments of the published function
    s: float, v: float, rho: float, g: float, h: float, *, sides: int = 2
) -> float:
    """Logarithm of the beta mixture for sums of observations that lie between −g and h.

    Args:
        s: centred sum.
        v: intrinsic time, ≥ 0 (n · g · h).
        rho: as of the normal mixture; the beta prior has r = ρ − g h.
        g: distance from the mean to the lower end, > 0.
        h: distance to the upper end, > 0.
        sides: 1 or 2.

    Returns:
        ln of the e-value; infinity where s cannot come from such observations.
    """
    _check_sides(sides)
    check_number(s=s)
    check_not_negative(v=v)
    check_positive(g=g, h=h, rho=rho)
    r = max(rho - g * h, _SMALLEST_PRIOR * g * h)
    edge = 1.0 if sides == 2 else h / (g + h)  # noqa: PLR2004 - both sides
    a, b = (r + v - g * s) / (g * (g + h)), (r + v + h * s) / (h * (g + h))
    if a <= 0.0 or b <= 0.0:
        return math.inf
    prior = _log_incomplete_beta(r / (g * (g + h)), r / (h * (g + h)), edge)
    return (
        v / (g * h) * math.log(g + h)
        - (v + h * s) / (h * (g + h)) * math.log(g)
        - (v - g * s) / (g * (g + h)) * math.log(h)
        + _log_incomplete_beta(a, b, edge)
        - prior
    )


def beta_binomial_bound(  # noqa: PLR0913 - the arguments of the published function
    v: float, alpha: float, rho: float, g: float, h: float, *, sides: int = 2
) -> float:
    """The sum of observations between −g and h that is reached at any time with probability alpha at most."""
    from scipy.optimize import brentq

    check_share("alpha", alpha)
    check_positive(v=v)
    target = math.log(1.0 / alpha)

    def excess(s: float) -> float:
        return min(beta_binomial_log_mixture(s, v, rho, g, h, sides=sides), 1e6) - target

    top = math.sqrt(v)
    while excess(top) < 0.0:
        top *= 2.0
    return float(brentq(excess, 0.0, top, xtol=1e-10))


def bernoulli_confidence_sequence(successes: int, n: int, alpha: float, t_opt: float) -> tuple[float, float]:
    """Interval for a share that holds at all sample sizes at once.

    Args:
        successes: from 0 to n.
        n: trials, ≥ 1.
        alpha: 1 − coverage, in (0, 1).
        t_opt: sample size at which the interval should be tightest, > 0.

    Returns:
        (low, high) within [0, 1].

    Raises:
        ValueError: an argument is outside its range.

    >>> [round(end, 5) for end in bernoulli_confidence_sequence(700, 1000, 0.05, 100)]
    [0.65163, 0.74595]
    """
    check_share("alpha", alpha)
    check_positive(t_opt=t_opt)
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"successes is {successes} of n = {n}; it must lie from 0 to n, and n be 1 or more")
    high = _share_end(successes, n, alpha, t_opt)
    low = 1.0 - _share_end(n - successes, n, alpha, t_opt)
    return low, high


def _share_end(successes: int, n: int, alpha: float, t_opt: float) -> float:
    """The largest share that is not refuted."""
    from scipy.optimize import brentq

    target = math.log(1.0 / alpha)

    def excess(share: float) -> float:
        variance = share * (1.0 - share)
        rho = one_step_rho(variance * t_opt, alpha)
        found = beta_binomial_log_mixture(successes - n * share, n * variance, rho, share, 1.0 - share)
        return min(found, 1e6) - target

    seen = min(max(successes / n, 1e-12), 1.0 - 1e-12)
    top = 1.0 - 1e-9
    return 1.0 if excess(top) < 0.0 else float(brentq(excess, seen, top, xtol=1e-12))


def poly_stitching_bound(  # noqa: PLR0913, PLR0917 - the arguments of the published function
    v: float, alpha: float, v_min: float, c: float = 0.0, s: float = 1.4, eta: float = 2.0
) -> float:
    """One-sided boundary that grows like √(v log log v), from v_min on.

    Args:
        v: intrinsic time, > 0.
        alpha: one-sided error, in (0, 1).
        v_min: time from which the boundary is meant, > 0.
        c: scale of a sub-gamma sum, 0 for sub-Gaussian ones.
        s: exponent of the spending over epochs, > 1.
        eta: ratio of epochs, > 1.

    >>> round(poly_stitching_bound(100, 0.05, 10, 3), 4)
    64.4875
    """
    check_share("alpha", alpha)
    check_positive(v=v)
    check_positive(v_min=v_min)
    check_finite(c=c)
    if not (1.0 < s < math.inf and 1.0 < eta < math.inf):
        raise ValueError(f"s is {s} and eta {eta}; both must be finite numbers above 1")
    used = max(v, v_min)
    epochs = s * math.log(math.log(eta * used / v_min))
    spent = epochs + math.log(float(zeta(s)) / (alpha * math.log(eta) ** s))
    k1 = (eta**0.25 + eta**-0.25) / math.sqrt(2.0)
    linear = (math.sqrt(eta) + 1.0) / 2.0 * c * spent
    return math.sqrt(k1**2 * used * spent + linear**2) + linear


def _log_incomplete_beta(a: float, b: float, edge: float) -> float:
    whole = float(betaln(a, b))
    return whole if edge >= 1.0 else whole + math.log(float(betainc(a, b, edge)))


def _check_sides(sides: int) -> None:
    if sides not in {1, 2}:
        raise ValueError(f"sides is {sides}; it must be 1 or 2")
