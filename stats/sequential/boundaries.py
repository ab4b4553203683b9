"""Boundaries of a group-sequential test by numerical integration (Jennison & Turnbull 2000, chapter 19).

In the scale S_k = Z_k·√I_k the looks of a test without effect are a random walk with independent normal
steps of variance I_k − I_{k−1}. The recursion carries the density of S_k on the paths that have not
crossed yet. One more look costs one convolution, whatever came before.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from stats.arguments import check_positive, check_share
from stats.sequential.density_grid import FLOOR, REACH, SubDensity, convolved, normal_density, panel_width
from stats.sequential.spending import Spending, parse_spending

SMALLEST_STEP = 1e-7  # relative growth of information below which a look carries nothing new
SMALLEST_INCREMENT = 1e-15  # alpha that double precision cannot tell from none: it waits for the next look
_CEILING = 9.0  # P(Z > 9) = 1e-19: a boundary beyond it stops no path
_NEWTON_STEPS = 100


class OneSidedRecursion:
    """The upper boundary of one half of a test, look by look.

    Assumes: under no effect Z_1, Z_2, … are jointly normal with correlations √(I_j/I_k), j < k.
    Source: Jennison & Turnbull 2000, ch. 19; oracle: rpact `getDesignGroupSequential`.
    """

    def __init__(self) -> None:
        self._source: SubDensity | None = (
            None  # before the last finite look; its own density is made when needed,
        )
        self._step_sd = 0.0  # because only then is the next step known, which says how fine the grid must be
        self._top = 0.0
        self._information = 0.0  # of the last look with a finite boundary
        self._latest = 0.0  # of the last look

    def next_boundary(self, information: float, alpha_increment: float) -> float:
        """Add a look that spends a given alpha.

        Args:
            information: I of the look, > 0 and above the last one by at least `SMALLEST_STEP` (relative).
            alpha_increment: P0(first cross at this look), ≥ 0; under `SMALLEST_INCREMENT` nothing is spent.

        Returns:
            The z to exceed; infinity when nothing is spent (the look then leaves no trace).

        Raises:
            ValueError: if the information does not grow or the increment is not available.

        >>> recursion = OneSidedRecursion()
        >>> round(recursion.next_boundary(1.0, 0.025), 6)
        1.959964
        """
        self._check(information)
        if not 0.0 <= alpha_increment < 1.0:
            raise ValueError(f"alpha_increment is {alpha_increment}; it must be in [0, 1)")
        self._latest = information
        if alpha_increment < SMALLEST_INCREMENT:
            return math.inf
        density, step_sd = self._advanced(information)
        top = _crossing_at(density, step_sd, information, alpha_increment)
        self._accept(density, step_sd, information, top)
        return top / math.sqrt(information)

    def replay(self, information: float, boundary: float, drift: float = 0.0) -> float:
        """Add a look whose boundary is already written.

        Args:
            information: I of the look, as in `next_boundary`.
            boundary: z of the look, above −8; infinity for a look that was not tested.
            drift: the effect θ with E(Z) = θ·√I under which the returned probability holds; 0 is no effect.

        Returns:
            The probability of crossing for the first time at this look.

        Raises:
            ValueError: if the information does not grow or the boundary is not above −8.

        >>> round(OneSidedRecursion().replay(1.0, 1.959964), 6)
        0.025
        """
        return self.crossing(information, boundary)(drift)

    def crossing(self, information: float, boundary: float) -> Callable[[float], float]:
        """Add a look as `replay` does; the answer gives its crossing probability for any drift.

        Raises:
            ValueError: as `replay`.
        """
        self._check(information)
        if not boundary > -FLOOR:
            raise ValueError(f"boundary is {boundary}; it must be above {-FLOOR:g}")
        self._latest = information
        if boundary > _CEILING:
            return lambda _drift: 0.0
        density, step_sd = self._advanced(information)
        before, top = self._information, boundary * math.sqrt(information)
        self._accept(density, step_sd, information, top)
        return lambda drift: _exit_probability(density, step_sd, before, information, top, drift)

    def _check(self, information: float) -> None:
        if not 0.0 < information < math.inf:
            raise ValueError(f"information is {information}; it must be above 0 and finite")
        if information < self._latest * (1.0 + SMALLEST_STEP):
            raise ValueError(
                f"information is {information}; it must grow beyond {self._latest} by {SMALLEST_STEP:g}"
            )

    def _advanced(self, information: float) -> tuple[SubDensity | None, float]:
        """Density of the last finite look on a grid fit for the step to `information`, and that step's sd."""
        step_sd = math.sqrt(information - self._information)
        if self._information == 0.0:
            return None, step_sd
        width = panel_width(min(self._step_sd, step_sd))
        bottom = -FLOOR * math.sqrt(self._information)
        if self._source is None:
            return normal_density(self._step_sd, self._top, bottom, width), step_sd
        return convolved(self._source, self._step_sd, self._top, bottom, width), step_sd

    def _accept(self, density: SubDensity | None, step_sd: float, information: float, top: float) -> None:
        self._source, self._step_sd = density, step_sd
        self._information, self._top = information, top


def _exit_probability(  # noqa: PLR0913, PLR0917 -- the arguments of one integral
    density: SubDensity | None, step_sd: float, before: float, information: float, top: float, drift: float
) -> float:
    """∫ g(s)·P(S + step > top) ds under the drift; the null density is tilted by exp(θs − θ²I/2)."""
    shifted = top - drift * (information - before)
    if density is None:
        return float(ndtr(-shifted / step_sd))
    points = density.points()
    tilt = np.exp(drift * points - 0.5 * drift * drift * before)
    return float(np.sum(density.mass * tilt * ndtr((points - shifted) / step_sd)))


def _crossing_at(density: SubDensity | None, step_sd: float, information: float, alpha: float) -> float:
    """Score boundary with exit probability alpha, by Newton's method on the logarithm of the probability.

    The logarithm is concave and falls, and the start lies at or above the root, so the steps come down to it
    without passing it.
    """
    quantile = -float(ndtri(alpha))
    highest = quantile * math.sqrt(information)
    if density is None:
        return highest
    if alpha >= float(np.sum(density.mass)):
        raise ValueError(f"alpha_increment is {alpha}; less than that is left")
    top = min(highest, density.top + quantile * step_sd)
    for _ in range(_NEWTON_STEPS):
        move = _newton_move(density, step_sd, top, alpha)
        top += move
        if abs(move) <= 1e-9 * step_sd:
            break
    return top


def _newton_move(density: SubDensity, step_sd: float, top: float, alpha: float) -> float:
    points, mass = density.above(top - REACH * step_sd)
    distance = (points - top) / step_sd
    probability = float(mass @ ndtr(distance))
    slope = float(mass @ np.exp(-0.5 * distance * distance)) / (step_sd * math.sqrt(2.0 * math.pi))
    return math.log(probability / alpha) * probability / slope


@dataclass(frozen=True, slots=True)
class LookBoundary:
    """One planned look.

    Attributes:
        information: I of the look, in the unit of the plan.
        z: boundary; infinity where nothing is spent yet.
        pvalue: nominal p-value at the boundary, one- or two-sided as the design is.
        alpha_spent: cumulative alpha over all sides.
    """

    information: float
    z: float
    pvalue: float
    alpha_spent: float


def boundaries(  # noqa: PLR0913 -- the arguments of the command of the same name
    information: Sequence[float],
    alpha: float,
    spending: str | Spending,
    *,
    sides: int = 2,
    open_ended_share: float = 0.0,
    planned: float = 1.0,
) -> tuple[LookBoundary, ...]:
    """Boundaries of a whole schedule; two sides are two one-sided halves of alpha / 2 each.

    Args:
        information: information of each look, increasing, > 0, in the unit of `planned`.
        alpha: type-I error over all sides, in (0, 1).
        spending: a spending function or its name.
        sides: 1 or 2.
        open_ended_share: r, the share of alpha kept for looks past the plan, in [0, 1).
        planned: information at which t = 1.

    Returns:
        One boundary per look.

    Raises:
        ValueError: if an argument is outside its range or the information does not grow.

    Source: Jennison & Turnbull 2000, ch. 19; oracle: rpact.

    >>> [round(look.z, 4) for look in boundaries([0.5, 1.0], 0.05, "obrien-fleming")]
    [2.9626, 1.9686]
    """
    if sides not in {1, 2}:
        raise ValueError(f"sides is {sides}; it must be 1 or 2")
    check_share("alpha", alpha)
    check_positive(planned=planned)
    function = parse_spending(spending) if isinstance(spending, str) else spending
    looks = tuple(float(value) for value in information)
    unfit = next((value for value in looks if not 0.0 < value < math.inf), None)
    if unfit is not None:
        raise ValueError(f"information is {unfit}; it must be a finite number above 0")
    return _schedule(looks, alpha, function, sides, open_ended_share, planned)


@lru_cache(maxsize=256)
def _schedule(  # noqa: PLR0913, PLR0917 -- the checked arguments of `boundaries`
    looks: tuple[float, ...],
    alpha: float,
    spending: Spending,
    sides: int,
    open_ended_share: float,
    planned: float,
) -> tuple[LookBoundary, ...]:
    """Kept because pages ask for the same plan again and again."""
    recursion = OneSidedRecursion()
    spent = 0.0
    found = []
    for information in looks:
        target = max(spent, spending.spent(information / planned, alpha / sides, open_ended_share))
        z = recursion.next_boundary(information, target - spent)
        spent = target if math.isfinite(z) else spent
        found.append(LookBoundary(information, z, sides * float(ndtr(-z)), sides * spent))
    return tuple(found)
