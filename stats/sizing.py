"""The size of a group-sequential test: units, days, looks, and what it can find in the days allowed."""

import math
from dataclasses import dataclass

from stats.arguments import check_finite, check_positive, check_share
from stats.multiplicity import dunnett_level
from stats.planning import Duration, duration, units_for_means, units_for_shares
from stats.sequential.boundaries import boundaries
from stats.sequential.designs import crossing_probabilities, inflation_factor, needed_drift

_ROUNDS = 8  # units decide the weeks and weeks decide the looks: settled after two or three rounds
_LARGEST_MDE = 100.0
_MOST_LOOKS = 104
WEEK = 7


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of control.

    Attributes:
        mean: mean per unit, above 0; of a share in (0, 1).
        sd: standard deviation of one unit, above 0; None for a share, which has its own.
    """

    mean: float
    sd: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no metric can be."""
        check_finite(**{"the mean of control": self.mean})
        if self.sd is not None:
            check_positive(sd=self.sd)

    def fixed_units(self, mde: float, alpha: float, power: float) -> float:
        """Units per arm of a one-look test.

        Args:
            mde: smallest relevant rise, a share of the mean, above 0.
            alpha: two-sided type-I error, in (0, 1).
            power: in (alpha, 1).

        Raises:
            ValueError: an argument is outside its range.

        >>> math.ceil(Baseline(0.05).fixed_units(0.1, 0.05, 0.8))
        31234
        """
        if not 0.0 < self.mean < math.inf:
            raise ValueError(f"the mean of control is {self.mean}; it must be a finite number above 0")
        if not 0.0 < mde <= _LARGEST_MDE:
            raise ValueError(f"mde is {mde}; it must lie above 0 and at most {_LARGEST_MDE:g}")
        if self.sd is not None:
            return units_for_means(self.mean * mde, self.sd, alpha, power)
        return units_for_shares(self.mean, self.mean * (1 + mde), alpha, power)


@dataclass(frozen=True, slots=True)
class Design:
    """Error rates and spending.

    Attributes:
        alpha: two-sided type-I error over all treatments, in (0, 1); each is read at Dunnett's level.
        power: in (alpha, 1).
        treatments: variants compared with control, ≥ 1.
        spending: spending function.
        open_ended_share: share of alpha kept for looks past the plan, in [0, 1).
    """

    alpha: float = 0.05
    power: float = 0.8
    treatments: int = 1
    spending: str = "kim-demets:2"
    open_ended_share: float = 0.1

    def __post_init__(self) -> None:
        """Refuse impossible error rates."""
        check_share("alpha", self.alpha)
        check_share("power", self.power)
        if not 0.0 <= self.open_ended_share < 1.0:
            raise ValueError(f"open_ended_share is {self.open_ended_share}; it must lie from 0 to under 1")

    @property
    def alpha_each(self) -> float:
        """Two-sided type-I error of one comparison with all of them open, at equal weights."""
        return dunnett_level(1.0, [1.0] * self.treatments, self.alpha)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a shop can give to a test.

    Attributes:
        units_a_day: new units a day over all variants, above 0.
        window_days: days a unit is watched.
        settle_days: days until orders are final.
        min_days: days of entry before roll-out is tested.
        longest_days: days the whole test may take.
    """

    units_a_day: float
    window_days: int = 0
    settle_days: int = 7
    min_days: int = 14
    longest_days: int = 90

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


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a test.

    Attributes:
        units: mature units over all variants, rounded up per arm.
        units_per_arm: of each variant.
        fixed_units_per_arm: of a one-look test at the same error rates.
        inflation: how many times as many the sequential test needs at most.
        expected_share: mean size at the stop, a share of `units`, when the effect is the mde.
        looks: shares of the plan at which roll-out is tested.
        duration: days it takes, or None when the traffic is unknown.
    """

    units: int
    units_per_arm: int
    fixed_units_per_arm: int
    inflation: float
    expected_share: float
    looks: tuple[float, ...]
    duration: Duration | None = None


def size_of_test(
    baseline: Baseline, mde: float, design: Design, *, looks: int = 4, traffic: Traffic | None = None
) -> Size:
    """How large and how long a group-sequential test must be.

    Args:
        baseline: control's mean, and the spread of a mean.
        mde: smallest relevant rise, a share of control's mean, above 0.
        design: error rates and spending.
        looks: number of equally spaced looks where the traffic is unknown, 1 … 104.
        traffic: gives the days, and the looks: one at each whole week of entry from `min_days` on.

    Returns:
        The size; with traffic also the days.

    Raises:
        ValueError: an argument is outside its range.

    Oracle: rpact `getDesignGroupSequential`, `getSampleSizeRates`; R `power.prop.test`.

    >>> size = size_of_test(Baseline(0.05), 0.1, Design(open_ended_share=0.0), looks=1)
    >>> size.units, round(size.inflation, 6)
    (62468, 1.0)
    """
    if not 1 <= looks <= _MOST_LOOKS:
        raise ValueError(f"looks is {looks}; it must lie between 1 and {_MOST_LOOKS}")
    if design.treatments < 1:
        raise ValueError(f"treatments is {design.treatments}; it must be at least 1")
    fixed = baseline.fixed_units(mde, design.alpha_each, design.power)
    if traffic is None:
        return _sized(fixed, design, tuple((k + 1) / looks for k in range(looks)), None)
    size = _sized(fixed, design, (1.0,), traffic)
    for _ in range(_ROUNDS):
        schedule = weekly_looks(size.duration.entry_days, traffic.min_days) if size.duration else (1.0,)
        if schedule == size.looks:
            break
        size = _sized(fixed, design, schedule, traffic)
    return size


def weekly_looks(entry_days: int, min_days: int) -> tuple[float, ...]:
    """Shares of the plan at the whole weeks of entry, from `min_days` on.

    Args:
        entry_days: days of entry, whole weeks, ≥ 7.
        min_days: first day at which roll-out is tested.

    >>> weekly_looks(28, 14)
    (0.5, 0.75, 1.0)
    """
    weeks = entry_days // WEEK
    first = min(weeks, max(1, math.ceil(min_days / WEEK)))
    step = max(1, math.ceil((weeks - first + 1) / _MOST_LOOKS))
    return tuple(week / weeks for week in range(weeks, first - 1, -step))[::-1]


def detectable_mde(
    baseline: Baseline, units: float, design: Design, looks: tuple[float, ...]
) -> float | None:
    """The smallest rise that so many units over all variants find.

    Args:
        baseline: control's mean, and the spread of a mean.
        units: over all variants, above 0.
        design: error rates and spending.
        looks: shares of the plan at which roll-out is tested, the last one 1.

    Returns:
        A share of control's mean, or None when no rise is large enough.

    Raises:
        ValueError: an argument is outside its range.

    >>> round(detectable_mde(Baseline(0.05), 62468, Design(open_ended_share=0.0), (1.0,)), 4)
    0.1
    """
    from scipy.optimize import brentq

    if not units > 0:
        raise ValueError(f"units is {units}; it must be above 0")
    per_arm = units / (1 + design.treatments) / _inflation(design, looks)[0]
    top = _LARGEST_MDE if baseline.sd is not None else min(_LARGEST_MDE, (1 - 1e-9) / baseline.mean - 1)

    def excess(mde: float) -> float:
        return math.log(baseline.fixed_units(mde, design.alpha_each, design.power) / per_arm)

    if excess(top) > 0:
        return None
    low = 1e-6
    return low if excess(low) < 0 else float(brentq(excess, low, top, xtol=1e-12))


def feasible_mde(baseline: Baseline, design: Design, traffic: Traffic) -> float | None:
    """The smallest rise that can be found within the days allowed; None when no rise can.

    >>> traffic = Traffic(units_a_day=2000, window_days=30, longest_days=65)
    >>> round(feasible_mde(Baseline(0.05), Design(), traffic), 3)
    0.11
    """
    weeks = traffic.longest_entry_weeks
    if weeks * WEEK < traffic.min_days or weeks < 1:
        return None
    entry_days = weeks * WEEK
    looks = weekly_looks(entry_days, traffic.min_days)
    return detectable_mde(baseline, traffic.units_a_day * entry_days, design, looks)


def _sized(fixed: float, design: Design, looks: tuple[float, ...], traffic: Traffic | None) -> Size:
    inflation, expected = _inflation(design, looks)
    per_arm = math.ceil(fixed * inflation - 1e-9)
    units = per_arm * (1 + design.treatments)
    return Size(
        units=units,
        units_per_arm=per_arm,
        fixed_units_per_arm=math.ceil(fixed),
        inflation=inflation,
        expected_share=expected,
        looks=looks,
        duration=traffic.duration(units) if traffic else None,
    )


def _inflation(design: Design, looks: tuple[float, ...]) -> tuple[float, float]:
    """Inflation of the roll-out half over a one-look test, and the mean size at the planned effect."""
    planned = boundaries(
        looks, design.alpha_each, design.spending, sides=2, open_ended_share=design.open_ended_share
    )
    tested = [look for look in planned if math.isfinite(look.z)]
    information, z = [look.information for look in tested], [look.z for look in tested]
    theta = needed_drift(information, z, design.power)
    stops = crossing_probabilities(information, z, drift=theta)
    expected = sum(p * t for p, t in zip(stops, information, strict=True)) + (1 - sum(stops))
    return inflation_factor(information, z, design.alpha_each / 2, design.power), expected
