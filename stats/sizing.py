"""The size of a test, fixed or group-sequential: units, days, looks; and what given units can find."""

import math
from dataclasses import dataclass
from itertools import accumulate, pairwise

from stats.arguments import check_positive
from stats.designing import WEEK, Design, Traffic, sequential_cost
from stats.follow_up import followed_information
from stats.one_look import Baseline, control_units, detectable_effect
from stats.planning import Duration

_ROUNDS = 8  # units decide the weeks and weeks decide the looks: settled after two or three rounds
_MOST_LOOKS = 104


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a test.

    Attributes:
        units: mature units over all variants.
        units_exact: the same before rounding.
        units_by_variant: control first; rounded up where the units were asked for.
        fixed_units_by_variant: of a one-look test at the same error rates.
        inflation: how many times as many the sequential test needs at most.
        expected_share: mean size at the stop, a share of `units`, when the effect is the one planned for.
        looks: information at which roll-out is tested, shares of the plan.
        duration: days it takes, or None when the traffic is unknown.
    """

    units: int
    units_exact: float
    units_by_variant: tuple[int, ...]
    fixed_units_by_variant: tuple[int, ...]
    inflation: float
    expected_share: float
    looks: tuple[float, ...]
    duration: Duration | None = None


def needed_units(baseline: Baseline, effect: float, design: Design, looks: tuple[float, ...]) -> float:
    """Units over all variants with which every comparison has its power; not rounded.

    Args:
        baseline: control's mean, spread and kind.
        effect: smallest relevant effect, or the margin of a guardrail, a share of control's mean, above 0.
        design: error rates, weights and spending.
        looks: information at which roll-out is tested, shares of the plan, the last one 1.

    Raises:
        ValueError: an argument is outside its range.

    >>> round(needed_units(Baseline(0.05), 0.1, Design(open_ended_share=0.0), (1.0,)) / 2, 1)
    31233.4
    """
    control = control_units(baseline, effect, design.question)
    return control * sequential_cost(design, looks)[0] / design.control_share


def detectable_mde(
    baseline: Baseline, units: float, design: Design, looks: tuple[float, ...]
) -> float | None:
    """The smallest effect (or margin) that so many units over all variants find: inverse of `needed_units`.

    Args:
        baseline: control's mean, spread and kind.
        units: over all variants, above 0.
        design: error rates, weights and spending.
        looks: information at which roll-out is tested, shares of the plan, the last one 1.

    Returns:
        A share of control's mean, or None when no effect is large enough.

    Raises:
        ValueError: an argument is outside its range.

    >>> round(detectable_mde(Baseline(0.05), 62468, Design(open_ended_share=0.0), (1.0,)), 4)
    0.1
    """
    check_positive(units=units)
    control = units * design.control_share / sequential_cost(design, looks)[0]
    return detectable_effect(baseline, control, design.question)


def size_of_test(
    baseline: Baseline, mde: float, design: Design, *, looks: int = 4, traffic: Traffic | None = None
) -> Size:
    """How large and how long a test must be.

    Args:
        baseline: control's mean, spread and kind.
        mde: smallest relevant effect, or the margin of a guardrail, a share of control's mean, above 0.
        design: error rates, weights and spending.
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
    schedule = _equal_looks(looks)
    if traffic is None:
        return _sized(needed_units(baseline, mde, design, schedule), design, schedule, None)
    size = _sized(needed_units(baseline, mde, design, (1.0,)), design, (1.0,), traffic)
    for _ in range(_ROUNDS):
        schedule = _schedule(baseline, size.units, traffic)
        if schedule == size.looks:
            break
        size = _sized(needed_units(baseline, mde, design, schedule), design, schedule, traffic)
    return size


def size_of_units(
    baseline: Baseline, units: int, design: Design, *, looks: int = 4, traffic: Traffic | None = None
) -> tuple[float | None, Size]:
    """What so many units find, and the test they make: the reverse question of `size_of_test`.

    Args:
        baseline: control's mean, spread and kind.
        units: mature units over all variants, at least one for each.
        design: error rates, weights and spending.
        looks: number of equally spaced looks where the traffic is unknown, 1 … 104.
        traffic: gives the days and the looks.

    Returns:
        The smallest effect (or margin), a share of control's mean, None where none is large enough; the size.

    Raises:
        ValueError: an argument is outside its range.

    >>> found, size = size_of_units(Baseline(0.05), 62468, Design(open_ended_share=0.0), looks=1)
    >>> round(found, 4), size.units_by_variant
    (0.1, (31234, 31234))
    """
    if units < len(design.weights):
        raise ValueError(f"units is {units}; it must be at least {len(design.weights)}, one per variant")
    schedule = _equal_looks(looks)
    if traffic is not None:
        schedule = _schedule(baseline, units, traffic)
    found = detectable_mde(baseline, units, design, schedule)
    return found, _sized(float(units), design, schedule, traffic, shared=units)


def feasible_mde(baseline: Baseline, design: Design, traffic: Traffic) -> float | None:
    """The smallest effect that can be found within the days allowed; None when no effect can.

    >>> traffic = Traffic(units_a_day=2000, window_days=30, longest_days=65)
    >>> round(feasible_mde(Baseline(0.05), Design(), traffic), 3)
    0.11
    """
    entry_days = traffic.longest_entry_weeks * WEEK
    if entry_days < max(traffic.min_days, WEEK):
        return None
    units = traffic.units_a_day * entry_days
    return detectable_mde(baseline, units, design, _weeks(baseline, entry_days, traffic))


def weekly_looks(entry_days: int, min_days: int) -> tuple[float, ...]:
    """Shares of the entry at its whole weeks, from `min_days` on.

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


def _equal_looks(looks: int) -> tuple[float, ...]:
    if not 1 <= looks <= _MOST_LOOKS:
        raise ValueError(f"looks is {looks}; it must lie between 1 and {_MOST_LOOKS}")
    return tuple((k + 1) / looks for k in range(looks))


def _schedule(baseline: Baseline, units: float, traffic: Traffic) -> tuple[float, ...]:
    return _weeks(baseline, traffic.duration(units).entry_days, traffic)


def _weeks(baseline: Baseline, entry_days: int, traffic: Traffic) -> tuple[float, ...]:
    """Information at the whole weeks; for repeat purchase partly followed buyers add theirs."""
    shares = (1.0,) if traffic.single_look else weekly_looks(entry_days, traffic.min_days)
    if baseline.kind != "repeat" or traffic.window_days == 0:
        return shares
    mature = tuple(round(share * entry_days) for share in shares)
    return followed_information(baseline.mean, traffic.window_days, entry_days, mature)


def _sized(
    units: float, design: Design, looks: tuple[float, ...], traffic: Traffic | None, shared: int | None = None
) -> Size:
    """The size of a plan; `shared` units are divided as they are, others rounded up for each variant."""
    inflation, expected = sequential_cost(design, looks)
    by_variant = _rounded_up(units, design) if shared is None else _divided(shared, design)
    return Size(
        units=sum(by_variant),
        units_exact=units,
        units_by_variant=by_variant,
        fixed_units_by_variant=_rounded_up(units / inflation, design),
        inflation=inflation,
        expected_share=expected,
        looks=looks,
        duration=traffic.duration(sum(by_variant)) if traffic else None,
    )


def _rounded_up(units: float, design: Design) -> tuple[int, ...]:
    return tuple(math.ceil(units * share * (1 - 1e-12) - 1e-9) for share in design.shares)


def _divided(units: int, design: Design) -> tuple[int, ...]:
    """Whole units by the planned shares, summing to all of them."""
    ends = [round(units * end) for end in accumulate(design.shares, initial=0.0)]
    return tuple(end - start for start, end in pairwise(ends))
