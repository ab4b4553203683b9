"""Less noise from what was known before: CUPED on sums, regression adjustment on units.

A covariate must be fixed before the exposure (and known only from links that existed then), or the adjusted
difference is biased. Only the difference and its error change; the sequential test stays as it is.
Source: Deng, Xu, Kohavi & Walker (2013), WSDM; Lin (2013), Annals of Applied Statistics 7.
Oracles: tea-tasting, gbstats, R sandwich.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stats.arguments import check_whole
from stats.means import satterthwaite_df
from stats.results import Inconclusive

_LARGEST_LEVERAGE = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class PairedMoments:
    """Outcome and covariate of one arm.

    Attributes:
        n: units, ≥ 2.
        mean: of the outcome.
        variance: sample variance of the outcome, ≥ 0.
        covariate_mean: of the covariate.
        covariate_variance: sample variance of the covariate, ≥ 0.
        covariance: sample covariance of both.

    Raises:
        ValueError: n under 2, a negative variance, or a number that is not finite.
    """

    n: int
    mean: float
    variance: float
    covariate_mean: float
    covariate_variance: float
    covariance: float

    def __post_init__(self) -> None:
        """Refuse impossible moments."""
        check_whole(2, n=self.n)
        numbers = (self.mean, self.variance, self.covariate_mean, self.covariate_variance, self.covariance)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("every moment must be finite")
        if self.variance < 0 or self.covariate_variance < 0:
            raise ValueError("a variance must be 0 or more")

    @property
    def products(self) -> tuple[float, float]:
        """(Σ of products, Σ of squares) of the covariate around its arm's mean."""
        return (self.n - 1) * self.covariance, (self.n - 1) * self.covariate_variance


@dataclass(frozen=True, slots=True)
class AdjustedDifference:
    """A difference with the covariate taken out.

    Attributes:
        difference: treatment minus control, adjusted.
        standard_error: its standard error, > 0.
        df: Satterthwaite degrees of freedom.
        theta: slope of the outcome on the covariate.
        control_mean: control's mean, adjusted.
        treatment_mean: treatment's mean, adjusted.
        variance_kept: adjusted over unadjusted variance of the difference; 0.6 is worth 1.67 times the units.
    """

    difference: float
    standard_error: float
    df: float
    theta: float
    control_mean: float
    treatment_mean: float
    variance_kept: float


def cuped(control: PairedMoments, treatment: PairedMoments) -> AdjustedDifference | Inconclusive:
    """Adjust a difference of means by one covariate.

    Args:
        control: moments of control.
        treatment: moments of treatment.

    Returns:
        The adjusted difference; `Inconclusive("no_variance")` when the covariate, or what is left of the
        outcome, has no spread.
    """
    theta = _slope(control, treatment)
    if theta is None:
        return Inconclusive("no_variance", "the covariate is the same for every unit")
    units = control.n + treatment.n
    middle = (control.n * control.covariate_mean + treatment.n * treatment.covariate_mean) / units
    means = [arm.mean - theta * (arm.covariate_mean - middle) for arm in (control, treatment)]
    errors = [_residual_variance(arm, theta) / arm.n for arm in (control, treatment)]
    variance = sum(errors)
    plain = control.variance / control.n + treatment.variance / treatment.n
    if not variance > 0.0:
        return Inconclusive("no_variance", "the covariate explains every value")
    return AdjustedDifference(
        difference=means[1] - means[0],
        standard_error=math.sqrt(variance),
        df=satterthwaite_df(errors[0], control.n - 1, errors[1], treatment.n - 1),
        theta=theta,
        control_mean=means[0],
        treatment_mean=means[1],
        variance_kept=variance / plain,
    )


def _slope(control: PairedMoments, treatment: PairedMoments) -> float | None:
    """Slope over all units of both arms around their common mean."""
    between = control.n * treatment.n / (control.n + treatment.n)
    gap = treatment.covariate_mean - control.covariate_mean
    products = control.products[0] + treatment.products[0] + between * gap * (treatment.mean - control.mean)
    squares = control.products[1] + treatment.products[1] + between * gap**2
    return products / squares if squares > 0.0 else None


def _residual_variance(arm: PairedMoments, theta: float) -> float:
    return max(0.0, arm.variance + theta**2 * arm.covariate_variance - 2.0 * theta * arm.covariance)


@dataclass(frozen=True, slots=True)
class RegressionEstimate:
    """Effect of treatment in a linear regression.

    Attributes:
        difference: coefficient of treatment.
        standard_error: heteroskedasticity-robust (HC2).
        classical_error: under equal variances, for `regression_pvalue`.
        df: rows minus coefficients.
    """

    difference: float
    standard_error: float
    classical_error: float
    df: int


def regression_adjusted(
    outcome: Sequence[float], treated: Sequence[bool | int], covariates: Sequence[Sequence[float]]
) -> RegressionEstimate | Inconclusive:
    """Ordinary least squares of the outcome on treatment and covariates, with HC2 errors.

    Args:
        outcome: one number per unit.
        treated: 1 for treatment, 0 for control, per unit.
        covariates: one sequence per covariate, each with a number per unit.

    Returns:
        The estimate; `Inconclusive("no_variance")` when the columns are linearly dependent (one arm empty, a
        covariate without spread), there are too few units, or one unit alone decides a coefficient.

    Raises:
        ValueError: lengths differ, or a number is not finite.
    """
    y = np.asarray(outcome, dtype=np.float64)
    columns = [
        np.ones_like(y),
        np.asarray(treated, dtype=np.float64),
        *(np.asarray(c, float) for c in covariates),
    ]
    if any(column.shape != y.shape for column in columns):
        raise ValueError("outcome, treated and every covariate must have one number per unit")
    design = np.column_stack(columns)
    if not (np.isfinite(design).all() and np.isfinite(y).all()):
        raise ValueError("every number must be finite")
    rows, width = design.shape
    if rows <= width or np.linalg.matrix_rank(design) < width:
        return Inconclusive("no_variance", "the columns are linearly dependent, or there are too few units")
    if _largest_leverage(design) > _LARGEST_LEVERAGE:
        return Inconclusive("no_variance", "one unit alone decides a coefficient, so its error is unknown")
    return _fit(design, y)


def _largest_leverage(design: np.ndarray) -> float:
    """How much of its own value a unit predicts, 0 … 1; HC2 divides by what is left."""
    basis = np.linalg.qr(design)[0]
    return float(np.max(np.sum(basis**2, axis=1)))


def _fit(design: np.ndarray, y: np.ndarray) -> RegressionEstimate:
    from statsmodels.regression.linear_model import OLS

    fitted = OLS(y, design).fit()
    return RegressionEstimate(
        difference=float(fitted.params[1]),
        standard_error=float(fitted.HC2_se[1]),
        classical_error=float(fitted.bse[1]),
        df=int(fitted.df_resid),
    )
