"""Did the offer add orders, or only move them? The cumulative effect by age, with one band for all ages.

At age k the effect is what the treatment has bought more than control, per unit, within k days of exposure.
An offer that only moves orders forward rises early and falls back to nothing.
Source: Montiel Olea & Plagborg-Møller (2019), "Simultaneous confidence bands", J. Applied Econometrics 34
(sup-t band); the covariance of the cumulative sums is that of the units themselves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from stats.arguments import check_share
from stats.results import Inconclusive

Diagnosis = Literal["adds", "pulls_forward", "takes_away", "unclear"]
_Floats = NDArray[np.float64]
_DRAWS = 20_000
_LEAST_UNITS = 2


@dataclass(frozen=True, eq=False)
class CurveArm:
    """Cumulative values of the units of one arm, all followed to the last age.

    Attributes:
        n: units, at least 2.
        mean: (ages,), mean cumulative value by each age.
        covariance: (ages, ages), of one unit's cumulative values.
    """

    n: int
    mean: _Floats
    covariance: _Floats

    @classmethod
    def of_units(cls, cumulative: Sequence[Sequence[float]] | _Floats) -> "CurveArm":
        """From one row per unit: cumulative value by age.

        Raises:
            ValueError: under two units, or a value that is not a finite number.
        """
        values = np.asarray(cumulative, dtype=np.float64)
        if values.ndim != 2 or len(values) < _LEAST_UNITS:  # noqa: PLR2004 - units by ages
            raise ValueError(
                f"cumulative has shape {values.shape}; it must be (units, ages), 2 units or more"
            )
        if not np.isfinite(values).all():
            raise ValueError("cumulative has a value that is not a finite number")
        return cls(len(values), values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False)))


@dataclass(frozen=True, eq=False)
class PullForward:
    """The cumulative effect by age.

    Attributes:
        effect: (ages,), treatment − control per unit by each age.
        standard_error: (ages,), of the effect at each age by itself.
        low: (ages,), lower edge of the simultaneous band.
        high: (ages,), upper edge.
        peak_age: place of the largest effect, 0-based.
        lost_share: share of the peak gone at the last age, in [0, ∞); None where the peak is not above 0.
        diagnosis: `adds` (the band is above 0 at the last age), `takes_away` (below 0 there),
            `pulls_forward` (it was above 0 at some age, is not at the last, and the fall between is
            significant), else `unclear`.
    """

    effect: _Floats
    standard_error: _Floats
    low: _Floats
    high: _Floats
    peak_age: int
    lost_share: float | None
    diagnosis: Diagnosis


def pull_forward(
    control: CurveArm, treatment: CurveArm, alpha: float = 0.05, seed: int = 0
) -> PullForward | Inconclusive:
    """Cumulative effect by age with a band that holds at all ages together.

    Args:
        control: curve of control.
        treatment: curve of the treatment, at the same ages.
        alpha: 1 − coverage of the whole band, in (0, 1).
        seed: of the draws behind the band's width (its error is about 0.01 standard errors).

    Returns:
        The curve, or `Inconclusive("no_variance")` where no age has any spread.

    Raises:
        ValueError: alpha is outside its range or the ages differ.
    """
    check_share("alpha", alpha)
    if control.mean.shape != treatment.mean.shape:
        sizes = f"control has {control.mean.size} ages, treatment {treatment.mean.size}"
        raise ValueError(f"{sizes}; give the same")
    effect = treatment.mean - control.mean
    covariance = control.covariance / control.n + treatment.covariance / treatment.n
    error = np.sqrt(np.diag(covariance))
    if not (error > 0.0).any():
        return Inconclusive("no_variance", "no unit bought anything at any age")
    width = band_multiplier(covariance, alpha, seed) * error
    low, high = effect - width, effect + width
    peak = int(np.argmax(effect))
    lost = None if effect[peak] <= 0.0 else max(0.0, 1.0 - float(effect[-1] / effect[peak]))
    return PullForward(effect, error, low, high, peak, lost, _diagnosis(effect, low, high, covariance, alpha))


def band_multiplier(covariance: _Floats, alpha: float, seed: int) -> float:
    """How many standard errors a band must be wide to hold everywhere at once.

    The 1 − alpha quantile of the largest |z| over ages, by seeded draws from the curve's own correlation.
    """
    error = np.sqrt(np.diag(covariance))
    alive = error > 0.0
    correlation = covariance[np.ix_(alive, alive)] / np.outer(error[alive], error[alive])
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    draws = np.random.default_rng(seed).standard_normal((_DRAWS, root.shape[1])) @ root.T
    return float(np.quantile(np.abs(draws).max(axis=1), 1.0 - alpha))


def _diagnosis(effect: _Floats, low: _Floats, high: _Floats, covariance: _Floats, alpha: float) -> Diagnosis:
    if low[-1] > 0.0:
        return "adds"
    if high[-1] < 0.0:
        return "takes_away"
    early = np.flatnonzero(low > 0.0)
    if not early.size:
        return "unclear"
    peak = int(early[np.argmax(effect[early])])
    spread = covariance[peak, peak] + covariance[-1, -1] - 2.0 * covariance[peak, -1]
    fall = float(effect[peak] - effect[-1])
    return "pulls_forward" if fall > -float(ndtri(alpha / 2)) * math.sqrt(max(spread, 0.0)) else "unclear"
