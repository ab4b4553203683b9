"""Do the exposed units fall to the variants as planned? A test that may be read at any time.

Source: Lindon & Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022).
Oracles: savvi, sequential-analysis.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import chdtrc, gammaln

from stats.arguments import check_positive, check_whole

DEFAULT_CONCENTRATION = 1000.0  # k: a priori the true shares lie within about ±3 points of the planned ones
_SUM_TOLERANCE = 1e-6


def log_bayes_factor(
    counts: Sequence[int], weights: Sequence[float], concentration: float = DEFAULT_CONCENTRATION
) -> float:
    """Logarithm of the evidence that the shares are not the planned ones.

    Dirichlet(k·θ0) mixture against θ0:
    ln B = lnΓ(k) − lnΓ(k+n) + Σ [lnΓ(kθ_i + n_i) − lnΓ(kθ_i) − n_i ln θ_i].

    Args:
        counts: exposed units per variant so far, ≥ 0.
        weights: planned shares θ0, > 0, sum 1.
        concentration: k > 0; larger looks for smaller deviations.

    Returns:
        ln B; 0 without units. exp(−ln B) is below α at any time with probability α at most.

    Assumes: units are assigned independently with the planned shares.

    Raises:
        ValueError: if lengths differ or a value is outside its range.

    >>> round(log_bayes_factor([1390, 1610], [0.5, 0.5], concentration=100), 6)
    6.09613
    """
    _check(counts, weights, concentration)
    seen = np.asarray(counts, dtype=np.float64)
    planned = np.asarray(weights, dtype=np.float64)
    prior = concentration * planned
    total = float(gammaln(concentration) - gammaln(concentration + seen.sum()))
    return total + float(np.sum(gammaln(prior + seen) - gammaln(prior) - seen * np.log(planned)))


class SampleRatioState:
    """The sequential test, fed with cumulative counts.

    >>> state = SampleRatioState([0.5, 0.5])
    >>> state.update([5_000, 4_000]) < 0.001
    True
    >>> state.update([9_000, 9_000]) < 0.001  # an alarm stays
    True
    """

    def __init__(self, weights: Sequence[float], concentration: float = DEFAULT_CONCENTRATION) -> None:
        _check([0] * len(weights), weights, concentration)
        self._weights = tuple(weights)
        self._concentration = concentration
        self._counts = (0,) * len(self._weights)
        self._largest_log = 0.0

    def update(self, counts: Sequence[int]) -> float:
        """Take in cumulative counts and give the running minimum of the p-value.

        Args:
            counts: exposed units per variant so far; none may be below the last reading.

        Returns:
            The sequential p-value, in [0, 1].

        Raises:
            ValueError: if a count falls or is negative.
        """
        evidence = log_bayes_factor(counts, self._weights, self._concentration)
        if any(now < before for now, before in zip(counts, self._counts, strict=True)):
            raise ValueError(f"counts are {list(counts)}; none may fall below {list(self._counts)}")
        self._counts = tuple(counts)
        self._largest_log = max(self._largest_log, evidence)
        return self.pvalue

    @property
    def pvalue(self) -> float:
        """Running minimum of the p-value; 1 before the first unit, when there is no evidence."""
        return math.exp(-self._largest_log)


def sequential_pvalue(
    counts_by_time: Iterable[Sequence[int]],
    weights: Sequence[float],
    concentration: float = DEFAULT_CONCENTRATION,
) -> float:
    """Running minimum of the sample-ratio p-value over all readings.

    Args:
        counts_by_time: cumulative counts per variant at each reading, in order of time.
        weights: planned shares, > 0, sum 1.
        concentration: k > 0.

    Returns:
        The sequential p-value in [0, 1]; 1 without units, when there is no evidence.

    Raises:
        ValueError: if a count falls or a value is outside its range.

    >>> sequential_pvalue([[10, 10], [20, 20]], [0.5, 0.5])
    1.0
    """
    state = SampleRatioState(weights, concentration)
    for counts in counts_by_time:
        state.update(counts)
    return state.pvalue


def chi_square_pvalue(counts: Sequence[int], weights: Sequence[float]) -> float | None:
    """Pearson's chi-square p-value of one reading: for display only, it is not valid when read daily.

    Args:
        counts: exposed units per variant, ≥ 0.
        weights: planned shares, > 0, sum 1.

    Returns:
        The p-value; None without units.

    Raises:
        ValueError: if lengths differ or a value is outside its range.

    >>> round(chi_square_pvalue([60, 40], [0.5, 0.5]), 4)
    0.0455
    """
    _check(counts, weights, 1.0)
    total = sum(counts)
    if not total:
        return None
    statistic = sum(
        (seen - total * share) ** 2 / (total * share) for seen, share in zip(counts, weights, strict=True)
    )
    return float(chdtrc(len(weights) - 1, statistic))


def _check(counts: Sequence[int], weights: Sequence[float], concentration: float) -> None:
    if len(weights) < 2 or len(counts) != len(weights):  # noqa: PLR2004 -- a ratio needs two variants
        raise ValueError(
            f"{len(counts)} counts and {len(weights)} weights; they must be equal and at least 2"
        )
    if not all(share > 0.0 for share in weights) or abs(math.fsum(weights) - 1.0) > _SUM_TOLERANCE:
        raise ValueError(f"weights are {list(weights)}; they must be above 0 and sum to 1")
    for count in counts:
        check_whole(count=count)
    check_positive(concentration=concentration)
