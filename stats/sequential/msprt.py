"""Mixture sequential probability ratio test for the difference of two normal streams of known variance.

Source: Johari, Koomen, Pekelis & Walsh (2017), "Peeking at A/B tests", KDD. Oracle: msprt.
"""

import math

from scipy.special import ndtr

from stats.arguments import check_finite, check_number, check_positive, check_share


def log_likelihood_ratio(difference: float, n: float, variance: float, mixing_variance: float) -> float:
    """Logarithm of the likelihood ratio: normal effects mixed, against no effect.

    Args:
        difference: mean of treatment minus mean of control.
        n: units per arm, > 0 (pairs, as the test was published).
        variance: σ² of one unit, > 0, the same in both arms.
        mixing_variance: τ² of the mixing normal, > 0.

    Returns:
        ln Λ; Λ ≥ 1 / alpha at any time rejects with error alpha at most.

    Raises:
        ValueError: an argument is outside its range.

    >>> round(log_likelihood_ratio(0.0, 100, 1.0, 0.25), 4)
    -1.3013
    """
    check_positive(n=n, variance=variance, mixing_variance=mixing_variance)
    check_finite(difference=difference)
    spread = 2.0 * variance + n * mixing_variance
    gain = mixing_variance * n**2 * difference**2 / (4.0 * variance * spread)
    return 0.5 * math.log(2.0 * variance / spread) + gain


def always_valid_pvalue(previous: float, log_ratio: float) -> float:
    """The running always-valid p-value: the smallest 1 / Λ so far.

    Args:
        previous: p-value of the look before, 1 before the first.
        log_ratio: ln Λ now.

    Raises:
        ValueError: an argument is not a number.

    >>> always_valid_pvalue(1.0, 3.0) == math.exp(-3.0), always_valid_pvalue(0.01, 0.0)
    (True, 0.01)
    """
    check_number(previous=previous, log_ratio=log_ratio)
    return min(previous, math.exp(-max(log_ratio, 0.0)))


def mixing_variance_for(alpha: float, variance: float, longest: float) -> float:
    """τ² that makes the test fastest on average for runs that are cut at a length.

    Args:
        alpha: error, in (0, 1).
        variance: σ² of one unit, > 0.
        longest: units per arm at which the test is given up, > 0.

    Returns:
        τ², in the squared unit of the metric.

    Raises:
        ValueError: an argument is outside its range.

    >>> round(mixing_variance_for(0.05, 1.0, 1000), 2)
    0.26
    """
    check_share("alpha", alpha)
    check_positive(variance=variance, longest=longest)
    b = 2.0 * math.log(1.0 / alpha) / math.sqrt(longest * variance)
    tail = float(ndtr(-b))
    density = math.exp(-(b**2) / 2.0) / math.sqrt(2.0 * math.pi)
    return variance * tail / (density / b - tail)
