"""Asymptotic confidence sequences: intervals that hold at every moment at once; shown live, never deciding.

Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, "Time-uniform central limit theory and asymptotic
confidence sequences" (arXiv 2103.06476). Oracle: gbstats.
"""

import math

from stats.arguments import check_finite, check_not_negative, check_positive, check_share


def tuned_rho(planned_n: float, alpha: float) -> float:
    """The ρ that makes the sequence tightest near the planned size: √((−2 ln α + ln(1 − 2 ln α)) / N*).

    Args:
        planned_n: N*, units over both arms at which the width matters most, > 0.
        alpha: two-sided error rate in (0, 1).

    Returns:
        ρ > 0.

    Raises:
        ValueError: if an argument is outside its range.

    Source: eq. 161.

    >>> round(tuned_rho(1000, 0.05), 6)
    0.089085
    """
    check_share("alpha", alpha)
    if not planned_n > 0.0:
        raise ValueError(f"planned_n is {planned_n}; it must be above 0")
    log_alpha = math.log(alpha)
    return math.sqrt((-2.0 * log_alpha + math.log1p(-2.0 * log_alpha)) / planned_n)


def asymptotic_half_width(variance: float, n: float, rho: float, alpha: float) -> float:
    """Half-width of the two-sided sequence: √s² · √(2(nρ²+1)/(nρ)² · ln(√(nρ²+1)/α)).

    Args:
        variance: s², variance per unit; for a difference of two arms n × standard error².
        n: units seen; for two arms their sum, > 0.
        rho: tuning, > 0 (`tuned_rho`).
        alpha: two-sided error rate in (0, 1).

    Returns:
        Half the width, in the unit of the mean.

    Assumes: n is large enough for the central limit theorem at the first reading.

    Raises:
        ValueError: if an argument is outside its range.

    Source: theorem 2.2.

    >>> round(asymptotic_half_width(1.0, 1000, 0.1, 0.05), 4)
    0.0961
    """
    _check(variance, n, rho, alpha)
    return math.sqrt(variance * _spread(n, rho) * (0.5 * math.log1p(n * rho * rho) - math.log(alpha)))


def one_sided_half_width(variance: float, n: float, rho: float, alpha: float) -> float:
    """Distance from the estimate to the bound of a one-sided sequence (harm alarms of guardrails).

    Args:
        variance: s², as in `asymptotic_half_width`.
        n: units seen, > 0.
        rho: tuning, > 0; `tuned_rho(planned_n, 2 * alpha)` makes it tightest at the plan.
        alpha: one-sided error rate in (0, 0.5).

    Returns:
        The distance, in the unit of the mean.

    Raises:
        ValueError: if an argument is outside its range.

    Source: proposition B.1.

    >>> one_sided_half_width(1.0, 1000, 0.1, 0.05) < asymptotic_half_width(1.0, 1000, 0.1, 0.05)
    True
    """
    _check(variance, n, rho, 2.0 * alpha)
    return math.sqrt(variance * _spread(n, rho) * math.log1p(math.sqrt(n * rho * rho + 1.0) / (2.0 * alpha)))


def asymptotic_pvalue(difference: float, variance: float, n: float, rho: float) -> float:
    """The smallest alpha at which the two-sided sequence (with this ρ) excludes zero, at most 1.

    Args:
        difference: the estimate.
        variance: s² > 0, as in `asymptotic_half_width`.
        n: units seen, > 0.
        rho: tuning, > 0.

    Returns:
        An anytime-valid p-value in (0, 1].

    Raises:
        ValueError: if an argument is outside its range.

    >>> asymptotic_pvalue(0.0, 1.0, 1000, 0.1)
    1.0
    """
    _check(variance, n, rho, 0.5)
    check_finite(difference=difference)
    if variance == 0.0:
        raise ValueError("variance is 0; it must be above 0")
    exponent = 0.5 * math.log1p(n * rho * rho) - difference * difference / (variance * _spread(n, rho))
    return math.exp(min(0.0, exponent))


def _spread(n: float, rho: float) -> float:
    return 2.0 * (n * rho * rho + 1.0) / (n * rho) ** 2


def _check(variance: float, n: float, rho: float, alpha: float) -> None:
    check_share("alpha", alpha)
    check_not_negative(variance=variance)
    check_positive(n=n, rho=rho)
