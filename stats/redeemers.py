"""The effect on those who take an offer: assignment as an instrument for taking it.

Only for an offer against no offer. Assumes that assignment changes nothing for those who would not take it
(exclusion), that nobody refuses because it was offered (monotonicity), and that people do not change each
other's outcome. Where redeeming *is* ordering, the effect on ordering among redeemers is 1 by definition:
use claiming as the treatment there. Leakage breaks the exclusion: above a few per cent this is refused.
Sources: Angrist, Imbens & Rubin (1996), JASA 91; Anderson & Rubin (1949).
Oracle: 2SLS on units.
"""

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

from stats.arguments import check_share
from stats.results import Inconclusive

LARGEST_LEAKAGE = 0.05
WEAK_F = 10.0


@dataclass(frozen=True, slots=True)
class TakenMoments:
    """Outcome and taking of one arm, as sums over units.

    Attributes:
        n: units, ≥ 2.
        taken: units that took the offer, from 0 to n.
        total: Σ outcome.
        squares: Σ outcome².
        total_of_takers: Σ outcome of those who took it.

    Raises:
        ValueError: a count is outside its range or a sum is not finite.
    """

    n: int
    taken: int
    total: float
    squares: float
    total_of_takers: float

    def __post_init__(self) -> None:
        """Refuse impossible sums."""
        if self.n < 2 or not 0 <= self.taken <= self.n:  # noqa: PLR2004 - one unit has no variance
            raise ValueError(f"{self.taken} of {self.n} units took it; from 0 to n, n at least 2")
        if not all(map(math.isfinite, (self.total, self.squares, self.total_of_takers))):
            raise ValueError("every sum must be finite")

    def of_means(self) -> tuple[float, float, float, float, float]:
        """Means of outcome and taking; variances of these means and their covariance."""
        y, d = self.total / self.n, self.taken / self.n
        spare = self.n * (self.n - 1)
        return (
            y,
            d,
            (self.squares - self.n * y**2) / spare,
            (self.taken - self.n * d**2) / spare,
            (self.total_of_takers - self.n * y * d) / spare,
        )


@dataclass(frozen=True, slots=True)
class RedeemerEffect:
    """Complier average causal effect.

    Attributes:
        effect: per unit that takes the offer because it was offered.
        standard_error: delta method; too small where the instrument is weak.
        interval: Wald interval.
        anderson_rubin: set of effects not refuted, as intervals; exact also with a weak instrument. Ends may
            be infinite; it is never empty.
        first_stage: difference of the shares that took it.
        first_stage_f: its F; under 10 only `anderson_rubin` may be read.
        pvalue: of no effect; the same as that of the difference as randomised.
    """

    effect: float
    standard_error: float
    interval: tuple[float, float]
    anderson_rubin: tuple[tuple[float, float], ...]
    first_stage: float
    first_stage_f: float
    pvalue: float

    @property
    def is_weak(self) -> bool:
        """Whether the Wald interval must not be read."""
        return self.first_stage_f < WEAK_F


def redeemer_effect(
    control: TakenMoments, treatment: TakenMoments, alpha: float = 0.05, leakage: float = 0.0
) -> RedeemerEffect | Inconclusive:
    """Effect on those who take the offer.

    Args:
        control: the arm without the offer.
        treatment: the arm that is offered it.
        alpha: 1 − coverage, in (0, 1).
        leakage: share of redemptions by people of another arm, in [0, 1].

    Returns:
        The effect; `Inconclusive("leakage")` above 5 % leakage; `Inconclusive("no_takers")` when the shares
        that took it are equal; `Inconclusive("no_variance")` when the outcome has no spread.

    Raises:
        ValueError: alpha or leakage is outside its range.
    """
    check_share("alpha", alpha)
    if not 0.0 <= leakage <= 1.0:
        raise ValueError(f"leakage is {leakage}; it must lie from 0 to 1")
    if leakage > LARGEST_LEAKAGE:
        return Inconclusive("leakage", f"{leakage:.1%} of redemptions come from the other arm")
    y_c, d_c, vy_c, vd_c, vyd_c = control.of_means()
    y_t, d_t, vy_t, vd_t, vyd_t = treatment.of_means()
    gap_y, gap_d, var_y, var_d, cov = y_t - y_c, d_t - d_c, vy_c + vy_t, vd_c + vd_t, vyd_c + vyd_t
    if gap_d == 0.0:
        return Inconclusive("no_takers", "the same share of both arms took the offer")
    if not var_y > 0.0:
        return Inconclusive("no_variance", "the outcome is the same for every unit")
    effect, z = gap_y / gap_d, float(ndtri(1.0 - alpha / 2.0))
    error = math.sqrt(max(0.0, var_y - 2.0 * effect * cov + effect**2 * var_d)) / abs(gap_d)
    return RedeemerEffect(
        effect=effect,
        standard_error=error,
        interval=(effect - z * error, effect + z * error),
        anderson_rubin=_not_refuted(
            gap_d**2 - z**2 * var_d, -2.0 * (gap_y * gap_d - z**2 * cov), gap_y**2 - z**2 * var_y
        ),
        first_stage=gap_d,
        first_stage_f=gap_d**2 / var_d if var_d > 0.0 else math.inf,
        pvalue=2.0 * float(ndtr(-abs(gap_y) / math.sqrt(var_y))),
    )


def _not_refuted(a: float, b: float, c: float) -> tuple[tuple[float, float], ...]:
    """Where a β² + b β + c ≤ 0: the effects whose residual difference is within z of 0."""
    inside = b**2 - 4.0 * a * c
    if a > 0.0:
        root = math.sqrt(max(0.0, inside))
        return (((-b - root) / (2.0 * a), (-b + root) / (2.0 * a)),)
    if inside <= 0.0 or a == 0.0:
        return ((-math.inf, math.inf),)
    root = math.sqrt(inside)
    low, high = sorted(((-b - root) / (2.0 * a), (-b + root) / (2.0 * a)))
    return ((-math.inf, low), (high, math.inf))
