"""What every comparison of two arms can answer, whatever the metric; and uplift, for display."""

import math
from typing import NamedTuple, Protocol


class Arm(NamedTuple):
    """One arm of a comparison.

    Attributes:
        n: units (survival: units ever at risk).
        mean: mean per unit on the tested scale.
        variance: variance of `mean` (not of one unit).
    """

    n: int
    mean: float
    variance: float


class Contrast(Protocol):
    """A difference treatment − control with everything a look needs.

    A boundary z is met by `z` exactly where `limit(boundary)` meets 0 (but for uneven weights, see `means`).
    """

    @property
    def control(self) -> Arm:
        """The control arm."""
        ...

    @property
    def treatment(self) -> Arm:
        """The treatment arm."""
        ...

    @property
    def difference(self) -> float:
        """Mean of treatment − mean of control."""
        ...

    @property
    def standard_error(self) -> float:
        """Standard error of the tested statistic, above 0."""
        ...

    @property
    def z(self) -> float:
        """Standardised difference, standard normal when there is no effect."""
        ...

    def limit(self, z: float) -> float:
        """The difference that would stand z standard errors below the observed one: an interval's end."""
        ...

    def noninferiority_z(self, factor: float) -> float:
        """Standardised treatment − factor × control."""
        ...


_FARTHEST_LOG = 300.0  # ratios beyond e^300 are no ratios any more, and leave double precision soon


class Uplift(NamedTuple):
    """Relative effect treatment / control − 1 with its ends; for display, never for a test."""

    point: float
    low: float | None
    high: float | None


def uplift(control: Arm, treatment: Arm, z_low: float | None, z_high: float | None) -> Uplift | None:
    """Uplift by the delta method on the logarithm of the ratio of means.

    Args:
        control: arm with a mean above 0.
        treatment: arm with a mean above 0.
        z_low: standard errors from the point down to the lower end, ≥ 0; None leaves the end open.
        z_high: the same up to the upper end.

    Returns:
        The uplift, or None where a mean is not positive (a ratio of them says nothing). The upper end is open
        where a mean is so near 0, against its error, that no finite ratio bounds it.

    Source: delta method for log(m_T) − log(m_C) with independent arms.

    >>> uplift(Arm(10, 2.0, 0.0), Arm(10, 3.0, 0.0), 2.0, 2.0)
    Uplift(point=0.5, low=0.5, high=0.5)
    """
    if control.mean <= 0 or treatment.mean <= 0:
        return None
    ratio = treatment.mean / control.mean
    spread = math.hypot(*(math.sqrt(arm.variance) / arm.mean for arm in (control, treatment)))
    low = None if z_low is None else ratio * math.exp(-min(z_low * spread, _FARTHEST_LOG)) - 1
    beyond = z_high is None or z_high * spread > _FARTHEST_LOG
    high = None if z_high is None or beyond else ratio * math.exp(z_high * spread) - 1
    return Uplift(ratio - 1, low, high)


def fieller_uplift(control: Arm, treatment: Arm, z: float) -> Uplift | None:
    """Uplift with Fieller's interval: the ratios r for which treatment − r · control is not refuted.

    Args:
        control: arm with a mean above 0.
        treatment: arm of the treatment.
        z: standard errors to each side, > 0.

    Returns:
        The uplift; both ends are None where control's mean is within z errors of 0: no bounded
        interval. None where control's mean is not positive.

    Source: Fieller (1954), JRSS B 16.

    >>> [round(end, 6) for end in fieller_uplift(Arm(10, 2.0, 0.0), Arm(10, 3.0, 0.01), 2.0)]
    [0.5, 0.4, 0.6]
    """
    if control.mean <= 0:
        return None
    point, least = treatment.mean / control.mean - 1, z**2 * control.variance / control.mean**2
    if least >= 1.0:
        return Uplift(point, None, None)
    centre = (1 + point) / (1 - least)
    spread = treatment.variance / control.mean**2 * (1 - least) + (1 + point) ** 2 * least / z**2
    half = z * math.sqrt(spread) / (1 - least)
    return Uplift(point, centre - half - 1, centre + half - 1)


def delta_uplift(control: Arm, treatment: Arm) -> tuple[float, float] | None:
    """Uplift with its standard error by the plain delta method, as platforms that test relative lift have it.

    For comparing numbers with theirs only: as a test it keeps no error rate in a small shop, and finds losses
    more easily than gains (measured in docs/methods/validity.md).

    Args:
        control: arm with a mean other than 0.
        treatment: arm of the treatment.

    Returns:
        (treatment / control − 1, its standard error), or None where control's mean is 0.

    >>> delta_uplift(Arm(10, 2.0, 0.04), Arm(10, 3.0, 0.0))
    (0.5, 0.15)
    """
    if control.mean == 0:
        return None
    variance = treatment.variance / control.mean**2 + treatment.mean**2 * control.variance / control.mean**4
    return treatment.mean / control.mean - 1, math.sqrt(variance)
