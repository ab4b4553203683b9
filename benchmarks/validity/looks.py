"""Reads many simulated tests look by look, by the same halves as the service's look book."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats.sequential.group_sequential import HalfTest
from stats.sequential.spending import parse_spending

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
LOWEST_BOUNDARY = 1.959  # no boundary of a one-sided 0.025 lies below 1.96, so calmer runs never cross
NEW_INFORMATION = 1e-6


@dataclass(frozen=True, slots=True)
class Readings:
    """What many tests show at each look.

    Attributes:
        z: (runs, looks), standardised difference.
        information: (runs, looks), 1 / se².
        fraction: (runs, looks), t.
        may_test: (runs, looks), whether the minimum gate is passed.
        amount: (looks,), units behind each look, to which information is proportional; None: survival.
    """

    z: Floats
    information: Floats
    fraction: Floats
    may_test: Flags
    amount: Floats | None


@dataclass(frozen=True, slots=True)
class Claims:
    """What was claimed.

    Attributes:
        better: (runs,), the upper boundary was crossed first.
        worse: (runs,), the lower one.
        stop: (runs,), place of the last look read.
        fraction: (runs,), t at the stop.
    """

    better: Flags
    worse: Flags
    stop: NDArray[np.int64]
    fraction: Floats

    @property
    def share(self) -> float:
        """Share of tests with any claim."""
        return float((self.better | self.worse).mean())


def claims(readings: Readings, upper_looks: Flags | None = None, alpha: float = 0.05) -> Claims:
    """Read every test to its first claim.

    Args:
        readings: all tests.
        upper_looks: (looks,), where the roll-out half is tested; None: everywhere.
        alpha: two-sided.
    """
    runs, looks = readings.z.shape
    rolls = np.ones(looks, dtype=np.bool_) if upper_looks is None else upper_looks
    better, worse = np.zeros(runs, dtype=np.bool_), np.zeros(runs, dtype=np.bool_)
    stop = np.full(runs, looks - 1)
    lively = np.where(readings.may_test, np.abs(readings.z), 0.0).max(axis=1) >= LOWEST_BOUNDARY
    for run in np.flatnonzero(lively):
        found = _first_claim(readings, int(run), rolls, alpha)
        if found is not None:
            stop[run] = found[0]
            better[run], worse[run] = found[1] > 0, found[1] < 0
    return Claims(better, worse, stop, readings.fraction[np.arange(runs), stop])


def _first_claim(readings: Readings, run: int, rolls: Flags, alpha: float) -> tuple[int, int] | None:
    spending = parse_spending("kim-demets:2")
    upper, lower = HalfTest(spending, alpha / 2, 0.1), HalfTest(spending, alpha / 2, 0.1)
    before, amount, top = 0.0, 0.0, 0.0
    for k in np.flatnonzero(readings.may_test[run]):
        information = float(readings.information[run, k])
        if readings.amount is not None:
            growth = float(readings.amount[k]) / amount if amount else 1.0
            information = max(information, before * max(1.0, growth))
            amount = float(readings.amount[k])
        if information <= before * (1 + NEW_INFORMATION):
            continue
        before = information
        top = max(top, float(readings.fraction[run, k]))
        z = float(readings.z[run, k])
        if rolls[k] and z >= upper.look(information, top).boundary:
            return int(k), 1
        if -z >= lower.look(information, top).boundary:
            return int(k), -1
    return None
