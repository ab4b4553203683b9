"""Two means: Welch's test on exact sums, with t statistics carried to z through their p-value."""

import math
from dataclasses import dataclass
from functools import cached_property

from scipy import special

from stats.contrasts import Arm
from stats.results import Inconclusive
from stats.summaries import Moments, check_sums

_FAR_Z = 30.0  # beyond it p-values leave double precision; Wallace's formula is within 0.3 % there


def t_to_z(t: float, df: float) -> float:
    """The standard normal deviate with the same tail probability as a t statistic.

    Args:
        t: a t statistic.
        df: its degrees of freedom, above 0.

    Raises:
        ValueError: an argument is not a number, or df not above 0.

    Source: p-value identity; in the far tail Wallace (1959), Annals of Mathematical Statistics 30.

    >>> round(t_to_z(2.2281388519649385, 10), 6)  # the two-sided 5 % point of t with 10 degrees of freedom
    1.959964
    """
    _check(t, df)
    wallace = (8 * df + 1) / (8 * df + 3) * math.sqrt(df * math.log1p(t * t / df))
    if wallace > _FAR_Z:
        return math.copysign(wallace, t)
    return math.copysign(-float(special.ndtri(float(special.stdtr(df, -abs(t))))), t)


def z_to_t(z: float, df: float) -> float:
    """The t statistic with the same tail probability as a standard normal deviate; inverse of `t_to_z`.

    Args:
        z: a standard normal deviate.
        df: degrees of freedom, above 0.

    Returns:
        The t statistic, ±inf where it leaves double precision.

    Raises:
        ValueError: an argument is not a number, or df not above 0.

    >>> round(z_to_t(1.959963984540054, 10), 6)
    2.228139
    """
    _check(z, df)
    if abs(z) > _FAR_Z:
        exponent = (z * (8 * df + 3) / (8 * df + 1)) ** 2 / df
        size = math.sqrt(df * math.expm1(exponent)) if exponent < math.log(1e300) else math.inf
        return math.copysign(size, z)
    return math.copysign(-float(special.stdtrit(df, float(special.ndtr(-abs(z))))), z)


def _check(statistic: float, df: float) -> None:
    if math.isnan(statistic) or not df > 0:
        raise ValueError(f"statistic {statistic} with df {df}; a number, and df above 0")


def satterthwaite_df(variance_1: float, df_1: float, variance_2: float, df_2: float) -> float:
    """Degrees of freedom of a sum of two estimated variances, at least one of them above 0.

    Source: Satterthwaite (1946), Biometrics Bulletin 2.

    >>> satterthwaite_df(1.0, 9, 1.0, 9)
    18.0
    """
    return (variance_1 + variance_2) ** 2 / (variance_1**2 / df_1 + variance_2**2 / df_2)


@dataclass(frozen=True)
class MeanContrast:
    """Difference of two means.

    Attributes:
        control: arm of control; `variance` is that of the mean.
        treatment: arm of the treatment.
        df_control: degrees of freedom of control's variance.
        df_treatment: degrees of freedom of the treatment's variance.
        pooled_variance: variance of one unit pooled over arms when the test pools under no effect, else None.

    Assumes independent units and means near normal; with `pooled_variance` the test is Student's and only the
    intervals stay Welch's, so at uneven weights an interval may touch 0 a little apart from the boundary.
    Source: Welch (1947), Biometrika 34; oracle: R `t.test`.
    """

    control: Arm
    treatment: Arm
    df_control: float
    df_treatment: float
    pooled_variance: float | None = None

    @cached_property
    def difference(self) -> float:
        """Mean of the treatment − mean of control."""
        return self.treatment.mean - self.control.mean

    @cached_property
    def welch_error(self) -> float:
        """Standard error with each arm's own variance."""
        return math.sqrt(self.control.variance + self.treatment.variance)

    @cached_property
    def df(self) -> float:
        """Satterthwaite degrees of freedom of `welch_error`."""
        return satterthwaite_df(
            self.control.variance, self.df_control, self.treatment.variance, self.df_treatment
        )

    @cached_property
    def standard_error(self) -> float:
        """Standard error of the tested statistic: Welch's, or pooled under no effect."""
        if self.pooled_variance is None:
            return self.welch_error
        return math.sqrt(self.pooled_variance * (1 / self.control.n + 1 / self.treatment.n))

    @cached_property
    def z(self) -> float:
        """The t statistic carried to z."""
        df = self.df if self.pooled_variance is None else self.df_control + self.df_treatment
        return t_to_z(self.difference / self.standard_error, df)

    def limit(self, z: float) -> float:
        """End of Welch's interval at boundary z (positive: lower end, negative: upper end)."""
        return self.difference - z_to_t(z, self.df) * self.welch_error

    def noninferiority_z(self, factor: float) -> float:
        """Welch statistic of treatment − factor × control, carried to z."""
        scaled = factor**2 * self.control.variance
        df = satterthwaite_df(scaled, self.df_control, self.treatment.variance, self.df_treatment)
        distance = self.treatment.mean - factor * self.control.mean
        return t_to_z(distance / math.sqrt(scaled + self.treatment.variance), df)


def compare_means(
    control: Moments, treatment: Moments, *, pooled: bool = False
) -> MeanContrast | Inconclusive:
    """Difference of two means from exact sums of capped values.

    Args:
        control: moments of control.
        treatment: moments of the treatment.
        pooled: pool the variance under no effect for z (uneven weights, heavy tails).

    Returns:
        The contrast; `Inconclusive` under two units per arm (`no_units`) or without spread (`no_variance`).

    Raises:
        ValueError: sums that no units can have.

    >>> tens, twenties = Moments(units=2, total=20, squares=208), Moments(units=2, total=40, squares=808)
    >>> contrast = compare_means(tens, twenties)
    >>> contrast.difference, contrast.standard_error, contrast.df
    (10.0, 2.8284271247461903, 2.0)
    """
    check_sums(control)
    check_sums(treatment)
    if control.units < 2 or treatment.units < 2:  # noqa: PLR2004 - a variance needs two units
        return Inconclusive("no_units", "an arm has fewer than two mature units")
    var_c, var_t = control.variance or 0.0, treatment.variance or 0.0
    if var_c + var_t == 0:
        return Inconclusive("no_variance", "every unit has the same value")
    df_c, df_t = control.units - 1, treatment.units - 1
    return MeanContrast(
        Arm(control.units, control.total / control.units, var_c / control.units),
        Arm(treatment.units, treatment.total / treatment.units, var_t / treatment.units),
        df_c,
        df_t,
        (df_c * var_c + df_t * var_t) / (df_c + df_t) if pooled else None,
    )
