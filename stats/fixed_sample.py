"""Comparisons read once, at a size fixed before: exact and interval methods that the libraries keep.

Two shares by Newcombe, Miettinen–Nurminen (score) or Agresti–Caffo; thin ones by Fisher's exact test; rates
by the conditional exact test; equivalence by two one-sided tests. Read daily, none of these keeps its error.
Source: statsmodels and scipy, but for score methods: those of statsmodels 0.15.0 use a wrong coefficient and
fail where an arm has no success, so they are solved by `stats.proportions`. Oracles: R, published tables.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from scipy.special import ndtr, ndtri

from stats.arguments import check_finite, check_positive, check_share, check_whole
from stats.proportions import ProportionContrast
from stats.results import Inconclusive

_HALVINGS = 200
_LARGEST_RATIO = 1e12
ShareMethod = Literal["newcomb", "score", "agresti-caffo"]
RatioMethod = Literal["log", "log-adjusted", "score"]
OneShareMethod = Literal["wilson", "jeffreys", "agresti_coull"]


@dataclass(frozen=True, slots=True)
class Count:
    """Successes of one arm.

    Attributes:
        successes: from 0 to units.
        units: ≥ 1.

    Raises:
        ValueError: outside these bounds.
    """

    successes: int
    units: int

    def __post_init__(self) -> None:
        """Refuse impossible counts."""
        check_whole(1, units=self.units)
        check_whole(successes=self.successes)
        if self.successes > self.units:
            raise ValueError(
                f"{self.successes} successes of {self.units} units; from 0 to the units, 1 or more"
            )

    @property
    def share(self) -> float:
        """Successes / units."""
        return self.successes / self.units


def share_interval(
    count: Count, alpha: float = 0.05, method: OneShareMethod = "wilson"
) -> tuple[float, float]:
    """Interval for one share.

    Args:
        count: successes and units.
        alpha: 1 − coverage, in (0, 1).
        method: `wilson`, `jeffreys` or `agresti_coull`.

    Raises:
        ValueError: alpha is outside its range, or the method is unknown.

    >>> [round(end, 4) for end in share_interval(Count(30, 100))]
    [0.2189, 0.3958]
    """
    from statsmodels.stats.proportion import proportion_confint

    check_share("alpha", alpha)
    if method not in get_args(OneShareMethod):
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(get_args(OneShareMethod))}")
    low, high = proportion_confint(count.successes, count.units, alpha=alpha, method=method)
    return max(0.0, float(low)), min(1.0, float(high))


def difference_interval(
    control: Count, treatment: Count, alpha: float = 0.05, method: ShareMethod = "newcomb"
) -> tuple[float, float]:
    """Interval for the difference of two shares, treatment minus control.

    Args:
        control: successes and units.
        treatment: successes and units.
        alpha: 1 − coverage, in (0, 1).
        method: `newcomb` (Newcombe's hybrid score), `score` (Miettinen–Nurminen) or `agresti-caffo`.

    Raises:
        ValueError: alpha is outside its range.

    >>> [round(end, 4) for end in difference_interval(Count(1, 34), Count(7, 34))]
    [0.0189, 0.3404]
    """
    check_share("alpha", alpha)
    if method == "score":
        contrast, z = (
            _contrast(control, treatment),
            -float(ndtri(alpha / 2)) / _correction(control, treatment),
        )
        return contrast.limit(z), contrast.limit(-z)
    low, high = _two_shares(control, treatment, "diff", method, alpha)
    return max(-1.0, low), min(1.0, high)


def ratio_interval(
    control: Count, treatment: Count, alpha: float = 0.05, method: RatioMethod = "score"
) -> tuple[float, float] | Inconclusive:
    """Interval for treatment's share over control's.

    Args:
        control: successes and units.
        treatment: successes and units.
        alpha: 1 − coverage, in (0, 1).
        method: `log`, `log-adjusted` or `score`.

    Returns:
        The interval; `Inconclusive("zero_control_mean")` when control has no success. By logarithms also
        `Inconclusive("no_units")` when treatment has none and `Inconclusive("no_variance")` when all succeed.

    Raises:
        ValueError: alpha is outside its range.

    >>> [round(end, 4) for end in ratio_interval(Count(1, 34), Count(7, 34))]
    [1.2086, 43.033]
    """
    check_share("alpha", alpha)
    if control.successes == 0:
        return Inconclusive("zero_control_mean", "control has no success, so there is no relative change")
    if treatment.successes == 0 and method == "log":
        return Inconclusive("no_units", "treatment has no success, so its logarithm is undefined")
    if method == "score":
        return _score_ratio(control, treatment, alpha)
    if control.successes == control.units and treatment.successes == treatment.units:
        return Inconclusive("no_variance", "every unit of both arms succeeds")
    return _two_shares(control, treatment, "ratio", method, alpha)


def _contrast(control: Count, treatment: Count) -> ProportionContrast:
    return ProportionContrast(treatment.successes, treatment.units, control.successes, control.units)


def _correction(control: Count, treatment: Count) -> float:
    """Miettinen & Nurminen's factor √((N − 1) / N) on the score."""
    n = control.units + treatment.units
    return math.sqrt((n - 1) / n)


def _score_ratio(control: Count, treatment: Count, alpha: float) -> tuple[float, float]:
    z = -float(ndtri(alpha / 2)) / _correction(control, treatment)
    low = _ratio_at(_contrast(control, treatment), z) if treatment.successes else 0.0
    return low, _ratio_at(_contrast(control, treatment), -z)


def _ratio_at(contrast: ProportionContrast, z: float) -> float:
    """The ratio whose score is z, by bisection of its logarithm: the score falls as the ratio rises."""
    low, high = 1 / _LARGEST_RATIO, _LARGEST_RATIO
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if contrast.noninferiority_z(middle) > z else (low, middle)
    return low


def _two_shares(
    control: Count, treatment: Count, compare: str, method: str, alpha: float
) -> tuple[float, float]:
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        *(treatment.successes, treatment.units, control.successes, control.units),
        compare=compare,
        method=method,
        alpha=alpha,
    )
    return float(low), float(high)


def exact_pvalue(control: Count, treatment: Count) -> float:
    """Fisher's exact test of equal shares, two-sided: for counts too thin for a normal approximation.

    >>> round(exact_pvalue(Count(1, 10), Count(7, 10)), 4)
    0.0198
    """
    from scipy.stats import fisher_exact

    table = [
        [treatment.successes, treatment.units - treatment.successes],
        [control.successes, control.units - control.successes],
    ]
    return float(fisher_exact(np.asarray(table)).pvalue)


def noninferiority_test(control: Count, treatment: Count, margin: float) -> tuple[float, float]:
    """One-sided score test that treatment's share is not lower than control's by `margin` or more.

    Args:
        control: successes and units.
        treatment: successes and units.
        margin: the loss that is still tolerable, as a share, in (0, 1).

    Returns:
        (z, p-value); small p-values prove non-inferiority. Miettinen–Nurminen's variance. z may be infinite
        where every unit of one arm succeeds and none of the other does.

    Raises:
        ValueError: the margin is outside its range.
    """
    if not 0.0 < margin < 1.0:
        raise ValueError(f"margin is {margin}; it must lie between 0 and 1")
    z = _contrast(control, treatment).score_z(-margin) * _correction(control, treatment)
    return z, float(ndtr(-z))


@dataclass(frozen=True, slots=True)
class RateComparison:
    """Two Poisson rates.

    Attributes:
        ratio: treatment's rate over control's.
        pvalue: two-sided, exact conditional.
        interval: of the ratio, exact conditional (Clopper–Pearson).
        score_z: z of the score test.
        score_pvalue: its two-sided p-value.
    """

    ratio: float
    pvalue: float
    interval: tuple[float, float]
    score_z: float
    score_pvalue: float


def compare_rates(
    control: tuple[int, float], treatment: tuple[int, float], alpha: float = 0.05
) -> RateComparison | Inconclusive:
    """Compare counts per exposure: orders per visitor-day, complaints per order.

    Args:
        control: (count ≥ 0, exposure > 0).
        treatment: (count ≥ 0, exposure > 0).
        alpha: 1 − coverage, in (0, 1).

    Returns:
        The comparison; `Inconclusive("zero_control_mean")` when control's count is 0.

    Raises:
        ValueError: a count, exposure or alpha is outside its range.
    """
    from scipy.stats import beta, binomtest
    from statsmodels.stats.rates import test_poisson_2indep

    check_share("alpha", alpha)
    for count, exposure in (control, treatment):
        check_whole(count=count)
        check_positive(exposure=exposure)
    if control[0] == 0:
        return Inconclusive("zero_control_mean", "control's count is 0, so there is no ratio")
    control, treatment = (int(control[0]), control[1]), (int(treatment[0]), treatment[1])
    total, planned = control[0] + treatment[0], treatment[1] / (control[1] + treatment[1])
    low = float(beta.ppf(alpha / 2, treatment[0], control[0] + 1)) if treatment[0] else 0.0
    high = float(beta.ppf(1 - alpha / 2, treatment[0] + 1, control[0]))
    odds = control[1] / treatment[1]
    score: Any = test_poisson_2indep(*treatment, *control, method="score")
    return RateComparison(
        ratio=treatment[0] / treatment[1] * control[1] / control[0],
        pvalue=float(binomtest(treatment[0], total, planned).pvalue),
        interval=(low / (1 - low) * odds, high / (1 - high) * odds),
        score_z=float(score.statistic),
        score_pvalue=float(score.pvalue),
    )


def equivalence_pvalue(difference: float, standard_error: float, df: float, low: float, high: float) -> float:
    """Two one-sided t-tests that a difference lies strictly between two bounds.

    Args:
        difference: estimate.
        standard_error: > 0.
        df: degrees of freedom of the error, > 0.
        low: lower bound.
        high: upper bound, above `low`.

    Returns:
        The larger of both p-values; below alpha proves equivalence.

    Raises:
        ValueError: an argument is outside its range.

    Source: Schuirmann (1987).
    """
    from scipy.special import stdtr

    check_finite(difference=difference)
    if not (standard_error > 0.0 and df > 0.0):
        raise ValueError(f"standard_error {standard_error} and df {df} must be above 0")
    if not low < high:
        raise ValueError(f"low is {low} and high {high}; low must be below high")
    return max(
        1.0 - float(stdtr(df, (difference - low) / standard_error)),
        float(stdtr(df, (difference - high) / standard_error)),
    )
