"""How a test is going to be read: error rates, weights, one look or many; and what the shop can give."""

import math
from dataclasses import dataclass

from stats.arguments import check_positive, check_share
from stats.looks import GUARDRAIL_ALPHA
from stats.multiplicity import dunnett_level
from stats.one_look import Question
from stats.planning import Duration, duration
from stats.sequential.boundaries import boundaries
from stats.sequential.designs import crossing_probabilities, inflation_factor, needed_drift

WEEK = 7


@dataclass(frozen=True, slots=True)
class Design:
    """Error rates, weights and spending.

    Attributes:
        alpha: type-I error over all sides and treatments, in (0, 1); each is read at Dunnett's level.
        power: in (alpha, 1).
        weights: of the variants, control first, each above 0; they need not sum to 1.
        spending: spending function.
        open_ended_share: share of alpha kept for looks past the plan, in [0, 1); 0 for a fixed design.
        sides: 2 (a rise at alpha / 2, as the service tests) or 1 (a rise at alpha).
        is_margin: a non-inferiority guardrail: one-sided 0.025 for each treatment, since all have to pass.
    """

    alpha: float = 0.05
    power: float = 0.8
    weights: tuple[float, ...] = (1.0, 1.0)
    spending: str = "kim-demets:2"
    open_ended_share: float = 0.1
    sides: int = 2
    is_margin: bool = False

    def __post_init__(self) -> None:
        """Refuse impossible error rates and weights."""
        check_share("alpha", self.alpha)
        check_share("power", self.power)
        if not 0.0 <= self.open_ended_share < 1.0:
            raise ValueError(f"open_ended_share is {self.open_ended_share}; it must lie from 0 to under 1")
        if len(self.weights) < 2:  # noqa: PLR2004 - control and a treatment
            raise ValueError(f"treatments is {len(self.weights) - 1}; it must be at least 1")
        for weight in self.weights:
            check_positive(weights=weight)
        if self.sides not in {1, 2}:
            raise ValueError(f"sides is {self.sides}; it must be 1 or 2")

    @property
    def shares(self) -> tuple[float, ...]:
        """Weights as shares of all units, control first."""
        whole = math.fsum(self.weights)
        return tuple(weight / whole for weight in self.weights)

    @property
    def control_share(self) -> float:
        """Control's share of all units."""
        return self.shares[0]

    @property
    def alpha_each(self) -> float:
        """Type-I error of one comparison over its sides, with all of them open."""
        if self.is_margin:
            return GUARDRAIL_ALPHA
        return dunnett_level(self.weights[0], self.weights[1:], self.alpha, sides=self.sides)

    @property
    def level(self) -> float:
        """Type-I error of the half that finds a rise (or passes a margin)."""
        return self.alpha_each if self.is_margin else self.alpha_each / self.sides

    @property
    def question(self) -> Question:
        """What control and the smallest treatment are asked: it has the least power."""
        return Question(self.level, self.power, min(self.weights[1:]) / self.weights[0], self.is_margin)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a shop can give to a test.

    Attributes:
        units_a_day: new units a day over all variants, above 0.
        window_days: days a unit is watched.
        settle_days: days until orders are final.
        min_days: days of entry before roll-out is tested.
        longest_days: days the whole test may take.
        single_look: whether the only look comes when all have matured (a fixed design).
    """

    units_a_day: float
    window_days: int = 0
    settle_days: int = 7
    min_days: int = 14
    longest_days: int = 90
    single_look: bool = False

    def __post_init__(self) -> None:
        """Refuse a shop without visitors."""
        check_positive(units_a_day=self.units_a_day)

    def duration(self, units: float) -> Duration:
        """Days until so many units over all variants have matured."""
        return duration(
            units, self.units_a_day, self.window_days, self.settle_days, self.min_days, self.longest_days
        )

    @property
    def longest_entry_weeks(self) -> int:
        """Whole weeks of entry that fit into the days allowed."""
        return (self.longest_days - self.window_days - self.settle_days) // WEEK


def sequential_cost(design: Design, looks: tuple[float, ...]) -> tuple[float, float]:
    """What looking more than once costs, and what it saves.

    Args:
        design: error rates and spending.
        looks: information at which roll-out is tested, shares of the plan, rising.

    Returns:
        (units at most, over those of one look at the same level; mean size at the stop when the effect is the
        one planned for, a share of the plan).

    Source: Jennison & Turnbull (2000), chapter 19; oracle: rpact `getDesignCharacteristics`.

    >>> sequential_cost(Design(open_ended_share=0.0), (1.0,))[1]
    1.0
    """
    planned = boundaries(
        looks, design.level, design.spending, sides=1, open_ended_share=design.open_ended_share
    )
    tested = [look for look in planned if math.isfinite(look.z)]
    information, z = [look.information for look in tested], [look.z for look in tested]
    theta = needed_drift(information, z, design.power)
    stops = crossing_probabilities(information, z, drift=theta)
    expected = math.fsum(p * t for p, t in zip(stops, information, strict=True)) + (1 - math.fsum(stops))
    return inflation_factor(information, z, design.level, design.power), expected
