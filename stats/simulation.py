"""Seeded studies of the sequential test on simulated shops: how often does it find what is (not) there?"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stats.sequential.group_sequential import HalfTest
from stats.sequential.spending import parse_spending

_Array = NDArray[np.float64]
_WEEK_DAYS = 7


@dataclass(frozen=True)
class ConversionStudy:
    """A test of two conversion rates, read daily or weekly, in a shop with the same traffic every day.

    Attributes:
        days: days of entry, ≥ 1.
        units_per_day_and_arm: visitors, ≥ 1.
        rate_control: conversion of control, in (0, 1).
        rate_treatment: conversion of the treatment, in (0, 1); equal to control's in an A/A study.
        alpha: two-sided type-I error, in (0, 1).
        spending: name of the spending function.
        planned_units: units over both arms at which t = 1; None means those of `days`.
        open_ended_share: r, the share of alpha kept for t > 1.
        look_days: `daily`, or `weekly` (roll-out at whole weeks from `min_days`, harm daily).
        min_days: first day on which roll-out may be tested when looks are weekly.
    """

    days: int = 28
    units_per_day_and_arm: int = 1000
    rate_control: float = 0.05
    rate_treatment: float = 0.05
    alpha: float = 0.05
    spending: str = "kim-demets:2"
    planned_units: int | None = None
    open_ended_share: float = 0.1
    look_days: Literal["daily", "weekly"] = "daily"
    min_days: int = 14

    @cached_property
    def fractions(self) -> tuple[float, ...]:
        """Information fraction t at the end of each day."""
        planned = self.planned_units or self.days * 2 * self.units_per_day_and_arm
        return tuple(2 * self.units_per_day_and_arm * day / planned for day in range(1, self.days + 1))

    @cached_property
    def upper(self) -> _Array:
        """Roll-out boundary of each day; infinity where it is not tested."""
        if self.look_days == "daily":
            return self._boundary(range(1, self.days + 1))
        weeks = range(_WEEK_DAYS, self.days + 1, _WEEK_DAYS)
        return self._boundary(day for day in weeks if day >= self.min_days)

    @cached_property
    def lower(self) -> _Array:
        """Harm boundary of each day, negative."""
        return -self._boundary(range(1, self.days + 1))

    def _boundary(self, tested_days: Iterable[int]) -> _Array:
        """Information is taken as the number of units.

        Without effect it is proportional to it in expectation, so every run shares one boundary. A running
        test takes information from the estimated error instead.
        """
        half = HalfTest(parse_spending(self.spending), self.alpha / 2.0, self.open_ended_share)
        boundary = np.full(self.days, math.inf)
        for day in tested_days:
            boundary[day - 1] = half.look(float(day), self.fractions[day - 1]).boundary
        return boundary


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a study found.

    Attributes:
        runs: simulated experiments.
        significant: runs that crossed a boundary.
        rolled_out: of them, those that crossed the upper one first.
        mean_fraction_at_stop: mean of t at the crossing, or at the last day without one.
    """

    runs: int
    significant: int
    rolled_out: int
    mean_fraction_at_stop: float

    @property
    def share(self) -> float:
        """Significant runs over all runs: false positives of an A/A study, power of an A/B study."""
        return self.significant / self.runs


def conversion_scores(rng: np.random.Generator, runs: int, study: ConversionStudy) -> _Array:
    """Score z (pooled under no difference) of every run at the end of every day.

    Args:
        rng: source of all randomness.
        runs: simulated experiments, ≥ 1.
        study: the shop and its test.

    Returns:
        Array of shape (runs, days); 0 while nobody (or everybody) has bought: no difference can be seen.
    """
    shape = (runs, study.days)
    control = np.cumsum(rng.binomial(study.units_per_day_and_arm, study.rate_control, shape), axis=1)
    treatment = np.cumsum(rng.binomial(study.units_per_day_and_arm, study.rate_treatment, shape), axis=1)
    n = study.units_per_day_and_arm * np.arange(1, study.days + 1, dtype=np.float64)
    pooled = (control + treatment) / (2.0 * n)
    error = np.sqrt(2.0 * pooled * (1.0 - pooled) / n)
    scores: _Array = np.divide((treatment - control) / n, error, out=np.zeros(shape), where=error > 0.0)
    return scores


def simulate_conversion(rng: np.random.Generator, runs: int, study: ConversionStudy) -> StudyResult:
    """Run a study of the group-sequential test.

    Args:
        rng: source of all randomness; the same seed gives the same result.
        runs: simulated experiments, ≥ 1.
        study: the shop and its test.

    Returns:
        How many runs crossed, and when.

    Raises:
        ValueError: if the study's alpha or spending is outside its range.

    >>> simulate_conversion(np.random.default_rng(1), 10, ConversionStudy(days=3)).runs
    10
    """
    scores = conversion_scores(rng, runs, study)
    above, below = scores > study.upper, scores < study.lower
    crossed = above | below
    first = np.where(crossed.any(axis=1), crossed.argmax(axis=1), study.days - 1)
    rows = np.arange(runs)
    return StudyResult(
        runs=runs,
        significant=int(crossed.any(axis=1).sum()),
        rolled_out=int(above[rows, first].sum()),
        mean_fraction_at_stop=float(np.asarray(study.fractions)[first].mean()),
    )
