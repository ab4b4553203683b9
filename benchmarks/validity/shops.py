"""Simulated shops as cumulative sums per day: what a look reads of two arms."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr

from benchmarks.validity.looks import Flags, Floats, Readings

GATE, GATE_UNEVEN = 30, 100
FIRST_BUYERS = 1_000


@dataclass(frozen=True, slots=True)
class ArmSums:
    """Cumulative sums of one arm by day, each (runs, days).

    Attributes:
        n: units.
        buyers: units that bought.
        total: Σx.
        squares: Σx².
    """

    n: Floats
    buyers: Floats
    total: Floats
    squares: Floats

    @property
    def mean(self) -> Floats:
        """Mean per unit."""
        return self.total / self.n

    @property
    def variance(self) -> Floats:
        """Sample variance of one unit."""
        return (self.squares - self.total**2 / self.n) / (self.n - 1)


def gate(control: ArmSums, treatment: ArmSums, least: int = GATE) -> Flags:
    """Looks with enough buyers in both arms."""
    return np.minimum(control.buyers, treatment.buyers) >= least


def conversion_readings(
    rng: np.random.Generator, runs: int, per_day: int, rates: tuple[Floats, Floats], planned_days: int
) -> Readings:
    """Two conversion rates read daily by the pooled score test; `rates` are per day of entry."""
    days = rates[0].size
    counts = [np.cumsum(rng.binomial(per_day, rate, (runs, days)), axis=1).astype(float) for rate in rates]
    n = per_day * np.arange(1.0, days + 1)
    return share_readings(counts[0], counts[1], n, n, n / (per_day * planned_days))


def share_readings(
    bought_c: Floats, bought_t: Floats, n_c: Floats, n_t: Floats, fraction: Floats
) -> Readings:
    """Score test of two shares at every look."""
    pooled = (bought_c + bought_t) / (n_c + n_t)
    variance = np.maximum(pooled * (1 - pooled) * (1 / n_c + 1 / n_t), 1e-300)
    z = (bought_t / n_t - bought_c / n_c) / np.sqrt(variance)
    may_test = np.minimum(bought_c, bought_t) >= GATE
    whole = np.broadcast_to(fraction, z.shape)
    units = n_c * n_t / (n_c + n_t)
    return Readings(z, 1 / variance, whole, may_test, units if units.ndim == 1 else units.mean(axis=0))


def mean_readings(control: ArmSums, treatment: ArmSums, planned: float, *, uneven: bool = False) -> Readings:
    """Welch's t carried to z, or the pooled t at uneven weights, at every look."""
    v_c, v_t = control.variance / control.n, treatment.variance / treatment.n
    df = (v_c + v_t) ** 2 / (v_c**2 / (control.n - 1) + v_t**2 / (treatment.n - 1))
    error = v_c + v_t
    if uneven:
        df = control.n + treatment.n - 2
        pooled = (control.variance * (control.n - 1) + treatment.variance * (treatment.n - 1)) / df
        error = pooled * (1 / control.n + 1 / treatment.n)
    z = carried((treatment.mean - control.mean) / np.sqrt(error), df)
    units = control.n * treatment.n / (control.n + treatment.n)
    may_test = gate(control, treatment, GATE_UNEVEN if uneven else GATE)
    fraction = (control.n + treatment.n) / planned
    return Readings(z, 1 / error, fraction, may_test, units[0])


def ratio_readings(
    control: ArmSums, treatment: ArmSums, planned: float, *, as_normal: bool = False
) -> Readings:
    """Average order value by the delta method: buyers are the units that carry information."""
    arms = []
    for arm in (control, treatment):
        value = arm.total / np.maximum(arm.buyers, 1)
        spread = arm.squares - value**2 * arm.buyers
        arms.append((value, spread * arm.n / ((arm.n - 1) * np.maximum(arm.buyers, 1) ** 2), arm.buyers - 1))
    (r_c, v_c, d_c), (r_t, v_t, d_t) = arms
    error = np.maximum(v_c + v_t, 1e-300)
    df = np.maximum(error**2 / (v_c**2 / np.maximum(d_c, 1) + v_t**2 / np.maximum(d_t, 1) + 1e-300), 1.0)
    raw = (r_t - r_c) / np.sqrt(error)
    z = raw if as_normal else carried(raw, df)
    units = control.n * treatment.n / (control.n + treatment.n)
    fraction = (control.n + treatment.n) / planned
    may_test = gate(control, treatment, 2 if as_normal else GATE)
    return Readings(z, 1 / error, fraction, may_test, units[0])


def carried(t: Floats, df: Floats) -> Floats:
    """T statistics as normal deviates of the same tail probability."""
    found: Floats = np.copysign(-ndtri(stdtr(df, -np.abs(t))), t)
    return found


def revenue_sums(  # noqa: PLR0913, PLR0917 - what a shop is drawn from
    rng: np.random.Generator, runs: int, per_day: tuple[int, int], rate: float, sigma: float, days: int
) -> tuple[ArmSums, ArmSums]:
    """Log-normal baskets capped at the 99.9 % quantile of the first 1,000 pooled buyers of each run."""
    tables = [np.zeros((2, runs, days)) for _ in range(2)]
    counts = [rng.binomial(n, rate, (runs, days)) for n in per_day]
    for run in range(runs):
        baskets = [1000.0 * np.exp(sigma * rng.standard_normal(int(c[run].sum()))) for c in counts]
        cap = _cap(baskets, [c[run] for c in counts])
        for table, values, bought in zip(tables, baskets, (c[run] for c in counts), strict=True):
            kept = np.minimum(values, cap)
            table[:, run] = cumulative(kept, bought), cumulative(kept * kept, bought)
    found = []
    for n, bought, table in zip(per_day, counts, tables, strict=True):
        units = np.broadcast_to(n * np.arange(1.0, days + 1), (runs, days))
        found.append(ArmSums(units, np.cumsum(bought, axis=1).astype(float), table[0], table[1]))
    return found[0], found[1]


def cumulative(values: Floats, per_day: Floats) -> Floats:
    """Sum of all values up to the end of each day."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    found: Floats = sums[np.cumsum(per_day)]
    return found


def _cap(baskets: list[Floats], counts: list[Floats]) -> float:
    """Days are whole, so the pooled first buyers are taken day by day, control before treatment."""
    first: list[Floats] = []
    left, places = FIRST_BUYERS, [0, 0]
    for day in range(counts[0].size):
        for arm in (0, 1):
            size = int(counts[arm][day])
            first.append(baskets[arm][places[arm] : places[arm] + min(size, left)])
            left -= min(size, left)
            places[arm] += size
        if left == 0:
            break
    return float(np.quantile(np.concatenate(first), 0.999))


def in_chunks(runs: int, size: int = 500) -> Iterator[int]:
    """Sizes that add up to `runs`, so that tables stay small."""
    while runs > 0:
        yield min(size, runs)
        runs -= size
