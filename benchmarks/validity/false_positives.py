"""How often a test without an effect claims one, and how early a true effect is found."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.validity.figures import Figure
from benchmarks.validity.looks import Claims, Floats, Readings, claims
from benchmarks.validity.shops import (
    ArmSums,
    conversion_readings,
    cumulative,
    in_chunks,
    mean_readings,
    ratio_readings,
    revenue_sums,
    share_readings,
)

RUNS = 20_000
DAYS = 28
PROMISED = 0.053
BUYS = 0.05
Ints = NDArray[np.int64]


def _flat(rate: float, days: int = DAYS) -> Floats:
    return np.full(days, rate)


def _shares(seed: int, runs: int, per_day: int, rates: tuple[float, float], days: int = DAYS) -> Claims:
    rng = np.random.default_rng(seed)
    given = (_flat(rates[0], days), _flat(rates[1], days))
    return claims(conversion_readings(rng, runs, per_day, given, DAYS))


def daily_looks(runs: int = RUNS) -> list[Figure]:
    """A/A at 5 % with 28 daily looks, to the plan and to twice the plan; 10.3 % uplift; other shop sizes."""
    once = _shares(101, runs, 1000, (0.05, 0.05))
    twice = _shares(102, runs, 1000, (0.05, 0.05), 2 * DAYS)
    effect = _shares(103, runs, 1000, (0.05, 0.05 * 1.103))
    size = effect.fraction
    small = _shares(104, runs, 179, (0.02, 0.02))
    large = _shares(105, runs, 17_857, (0.03, 0.03))
    spread = float(size.std() / np.sqrt(runs))
    return [
        Figure(
            "A/A, conversion 5 %, 1,000 a day and arm, 28 daily looks", 101, runs, once.share, 0.04, PROMISED
        ),
        Figure("the same run to twice its plan", 102, runs, twice.share, 0.04, PROMISED),
        Figure("power at +10.3 % (80 % with one look)", 103, runs, float(effect.better.mean()), 0.72),
        Figure("mean size at the stop there", 103, runs, float(size.mean()), 0.0, 0.73, spread),
        Figure("A/A, small shop: 2 %, 10,000 visitors", 104, runs, small.share, 0.0, PROMISED),
        Figure("A/A, large shop: 3 %, 1,000,000 visitors", 105, runs, large.share, 0.0, PROMISED),
    ]


def _in_parts(seed: int, runs: int, read: Callable[[np.random.Generator, int], Readings]) -> float:
    rng = np.random.default_rng(seed)
    found = [(size, claims(read(rng, size)).share) for size in in_chunks(runs)]
    return sum(size * share for size, share in found) / runs


def money(runs: int = RUNS) -> list[Figure]:
    """Revenue per visitor with log-normal baskets, even and 90/10; average order value in a small shop."""

    def even(sigma: float) -> Callable[[np.random.Generator, int], Readings]:
        return lambda rng, size: mean_readings(
            *revenue_sums(rng, size, (1000, 1000), 0.05, sigma, DAYS), 2000 * DAYS
        )

    def uneven(rng: np.random.Generator, size: int) -> Readings:
        control, treatment = revenue_sums(rng, size, (1800, 200), 0.05, 1.6, DAYS)
        return mean_readings(control, treatment, 2000 * DAYS, uneven=True)

    def unpooled(rng: np.random.Generator, size: int) -> Readings:
        control, treatment = revenue_sums(rng, size, (1800, 200), 0.05, 1.6, DAYS)
        return mean_readings(control, treatment, 2000 * DAYS)

    def value(per_day: int, sigma: float, *, plain: bool) -> Callable[[np.random.Generator, int], Readings]:
        def read(rng: np.random.Generator, size: int) -> Readings:
            sums = revenue_sums(rng, size, (per_day, per_day), 0.02, sigma, DAYS)
            return ratio_readings(*sums, 2 * per_day * DAYS, as_normal=plain)

        return read

    few = max(1, runs // 5)
    return [
        Figure("A/A, revenue, log-normal sd 1.0", 111, runs, _in_parts(111, runs, even(1.0)), 0.0, PROMISED),
        Figure("A/A, revenue, log-normal sd 1.6", 112, runs, _in_parts(112, runs, even(1.6)), 0.0, PROMISED),
        Figure(
            "A/A, revenue sd 1.6 at 90/10, pooled", 113, runs, _in_parts(113, runs, uneven), 0.0, PROMISED
        ),
        Figure("the same by Welch's test, gate 30", 114, few, _in_parts(114, few, unpooled)),
        *(
            Figure(what, seed, count, _in_parts(seed, count, value(per_day, sigma, plain=plain)), 0.0, limit)
            for what, seed, count, per_day, sigma, plain, limit in (
                ("A/A, order value, 2 %, 180 a day and arm, sd 1.0", 115, runs, 180, 1.0, False, PROMISED),
                ("the same as plain z without a gate", 116, few, 180, 1.0, True, 1.0),
                ("A/A, order value, 2 %, 90 a day and arm, sd 0.5", 117, runs, 90, 0.5, False, PROMISED),
                ("the same as plain z without a gate", 118, few, 90, 0.5, True, 1.0),
            )
        ),
    ]


def weekly_rhythm(runs: int = RUNS) -> list[Figure]:
    """+15 % on weekdays, −37.5 % at weekends, nothing in sum: roll-out at whole weeks against daily."""
    weekend = np.arange(DAYS) % 7 >= 5
    treated = 0.05 * np.where(weekend, 1 - 0.375, 1.15)
    rng = np.random.default_rng(121)
    readings = conversion_readings(rng, runs, 1000, (_flat(0.05), treated), DAYS)
    whole = (np.arange(1, DAYS + 1) % 7 == 0) & (np.arange(1, DAYS + 1) >= 14)
    weekly, daily = claims(readings, whole), claims(readings)
    return [
        Figure(
            "weekday gain, weekend loss, sum zero: any claim, whole weeks",
            121,
            runs,
            weekly.share,
            0.0,
            PROMISED,
        ),
        Figure("of these called better", 121, runs, float(weekly.better.mean()), 0.0, PROMISED),
        Figure("the same with daily roll-out looks: called better", 121, runs, float(daily.better.mean())),
    ]


def late_refunds(runs: int = RUNS) -> list[Figure]:
    """A fifth of all orders comes back: at once in control, six days later in the treatment."""
    settle, days, rate, share, lag = 7, DAYS + 7, 0.05, 0.2, 6

    def draw(rng: np.random.Generator, size: int) -> tuple[Readings, Readings]:
        n = 1000 * np.arange(1.0, days + 1)
        settled: list[ArmSums] = []
        to_date: list[ArmSums] = []
        for late in (0, lag):
            tables = np.zeros((2, 3, size, days))
            bought = rng.binomial(1000, rate, (size, days))
            for run in range(size):
                x = 1000.0 * np.exp(rng.standard_normal(int(bought[run].sum())))
                kept = rng.random(x.size) >= share
                day = np.repeat(np.arange(days), bought[run])
                for place, values in enumerate((np.ones_like(x), x, x * x)):
                    tables[0, place, run] = cumulative(values * kept, bought[run])
                    back = np.bincount(np.minimum(day + late, days), values * ~kept, days + 1)[:days]
                    tables[1, place, run] = cumulative(values, bought[run]) - np.cumsum(back)
            for sums, kind in zip(tables, (settled, to_date), strict=True):
                kind.append(ArmSums(np.broadcast_to(n, (size, days)), *sums))
        final = [
            ArmSums(*(part[:, :-settle] for part in (a.n, a.buyers, a.total, a.squares))) for a in settled
        ]
        return mean_readings(final[0], final[1], 2000 * DAYS), mean_readings(
            to_date[0], to_date[1], 2000 * DAYS
        )

    rng = np.random.default_rng(131)
    kept = naive = 0.0
    for size in in_chunks(runs):
        settled, to_date = draw(rng, size)
        kept += size * claims(settled).share / runs
        naive += size * claims(to_date).share / runs
    return [
        Figure("A/A, refunds six days later in one arm, settled cohorts", 131, runs, kept, 0.0, PROMISED),
        Figure("the same, revenue to date", 131, runs, naive),
    ]


def unequal_login(runs: int = RUNS) -> list[Figure]:
    """The treatment makes people log in on a second device: 50 % against 10 %; nobody buys more."""
    rng = np.random.default_rng(141)
    days = [_devices(rng, runs) for _ in range(DAYS)]
    strict, first_touch = (claims(_of_days([day[policy] for day in days])) for policy in (0, 1))
    both = (strict.better & first_touch.better) | (strict.worse & first_touch.worse)
    return [
        Figure("A/A, logins 50 % against 10 %: units as randomised", 141, runs, strict.share, 0.0, PROMISED),
        Figure("claims in which both policies agree", 141, runs, float(both.mean()), 0.0, PROMISED),
        Figure("by first touch alone (not trusted then)", 141, runs, first_touch.share),
    ]


def _of_days(days: list[Ints]) -> Readings:
    """From (units, buyers) × arm × run of each day."""
    units, buyers = np.cumsum(np.stack(days, axis=-1), axis=-1).astype(float)
    fraction = np.arange(1.0, DAYS + 1) / DAYS
    return share_readings(buyers[0], buyers[1], units[0], units[1], fraction)


def _devices(rng: np.random.Generator, runs: int) -> tuple[Ints, Ints]:
    """One day of 2,000 people, 40 % with a second device, by both policies; arm 0 is control."""
    first = np.stack(np.broadcast_arrays(rng.binomial(2000, 0.5, runs), 0)).astype(np.int64)
    first[1] = 2000 - first[0]
    strict = np.stack([first, rng.binomial(first, BUYS)])
    merged = strict.copy()
    for arm, login in ((0, 0.1), (1, 0.5)):
        devices = rng.binomial(first[arm], 0.4)
        linked = rng.binomial(devices, login)
        for group, is_linked in ((linked, True), (devices - linked, False)):
            second = _second_devices(rng, group)
            strict += second
            if is_linked:  # one unit; who had bought on the first device counts once
                merged[1, arm] += rng.binomial(second[1].sum(axis=0), 1 - BUYS)
            else:
                merged += second
    return strict, merged


def _second_devices(rng: np.random.Generator, group: Ints) -> Ints:
    """(units, buyers) × arm × run: second devices are drawn anew."""
    control = rng.binomial(group, 0.5)
    units = np.stack([control, group - control])
    return np.stack([units, rng.binomial(units, BUYS)])
