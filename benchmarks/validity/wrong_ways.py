"""What common ways of reading a test do in shops where nothing, or something known, has happened."""

from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from benchmarks.validity.figures import Figure
from benchmarks.validity.looks import Flags, Floats, Readings, claims
from benchmarks.validity.shops import conversion_readings, share_readings
from stats.multiplicity import dunnett_level
from stats.sample_ratio import sequential_pvalue
from stats.sequential.confidence_sequences import asymptotic_half_width, tuned_rho

RUNS = 20_000
DAYS, PER_DAY, PROMISED = 28, 1_000, 0.053
SMALL_SHOP, SMALL_RATE, LIFT = 180, 0.02, 0.39
ALARM = 0.001
HEAVY, HEAVY_RATE, LIGHT_RATE = 0.3, 0.09, 0.0329  # who logs in buys more; 5 % over all


def peeking(runs: int = RUNS) -> list[Figure]:
    """The same A/A tests by the plan's boundaries, and each of 28 looks as if it were the only one."""
    readings = _shop(151, runs, PER_DAY, (0.05, 0.05))
    naive = (np.abs(readings.z) >= _one_look(0.05)).any(axis=1)
    return [
        Figure("A/A, 28 daily looks, by the plan", 151, runs, claims(readings).share, 0.04, PROMISED),
        Figure("the same, each look read as the only one", 151, runs, float(naive.mean())),
    ]


def live_interval(runs: int = RUNS // 2) -> list[Figure]:
    """+10.3 % (80 % power with one look) by the plan's looks, and by the live interval excluding zero."""
    readings = _shop(152, runs, PER_DAY, (0.05, 0.05 * 1.103))
    n = 2.0 * PER_DAY * np.arange(1, DAYS + 1)
    rho = tuned_rho(float(n[-1]), 0.05)
    bound = np.array([asymptotic_half_width(1.0, size, rho, 0.05) * np.sqrt(size) for size in n])
    live = (readings.z >= bound).any(axis=1)
    return [
        Figure("power at +10.3 %, by the plan", 152, runs, float(claims(readings).better.mean()), 0.72),
        Figure("the same, by the live interval", 152, runs, float(live.mean())),
    ]


def several_variants(runs: int = RUNS // 5) -> list[Figure]:
    """Three treatments without effect against one control: any claim at Dunnett's level, and each at alpha.

    Closed testing begins at that level, and nothing can be claimed before its first step claims.
    """
    rng = np.random.default_rng(181)
    control, *treated = (
        np.cumsum(rng.binomial(PER_DAY, 0.05, (runs, DAYS)), axis=1).astype(float) for _ in range(4)
    )
    n = PER_DAY * np.arange(1.0, DAYS + 1)
    readings = [share_readings(control, arm, n, n, n / n[-1]) for arm in treated]

    def any_claim(alpha: float) -> float:
        found = [claims(reading, alpha=alpha) for reading in readings]
        return float(np.any([arm.better | arm.worse for arm in found], axis=0).mean())

    shared = any_claim(dunnett_level(0.25, [0.25] * 3, 0.05))
    return [
        Figure("three treatments and a control, A/A: any claim", 181, runs, shared, 0.0, PROMISED),
        Figure("the same, each treatment at 5 %", 181, runs, any_claim(0.05)),
    ]


def relative_lift(runs: int = RUNS // 4) -> list[Figure]:
    """180 visitors a day and arm, 2 %: the difference against the relative lift by the plain delta method."""
    found = []
    for seed, lift, what in ((161, 0.0, "A/A"), (162, LIFT, "+39 %"), (163, -LIFT, "−39 %")):
        rates = (SMALL_RATE, SMALL_RATE * (1 + lift))
        absolute = claims(_shop(seed, runs, SMALL_SHOP, rates))
        relative = claims(_relative(_counts(seed, runs, SMALL_SHOP, rates)))
        side = "any claim" if lift == 0 else "found"
        for claimed, scale in ((absolute, "difference"), (relative, "relative lift, no gate")):
            share = (
                claimed.share if lift == 0 else float((claimed.better if lift > 0 else claimed.worse).mean())
            )
            limit = PROMISED if lift == 0 and scale == "difference" else 1.0
            found.append(
                Figure(f"180 a day, 2 %, {what}: {side} by the {scale}", seed, runs, share, 0.0, limit)
            )
    return found


def daily_chi_square(runs: int = RUNS) -> list[Figure]:
    """20,000 visitors over 28 days, nothing lost: chi-square at 0.001 read every day."""
    rng = np.random.default_rng(332)
    daily = 20_000 // DAYS
    treated = np.cumsum(rng.binomial(daily, 0.5, (runs, DAYS)), axis=1)
    n = daily * np.arange(1, DAYS + 1)
    z = (treated - n / 2) / np.sqrt(n / 4)
    alarm = (np.abs(z) >= _one_look(ALARM)).any(axis=1)
    return [Figure("sample ratio: alarm by daily chi-square, nothing lost", 332, runs, float(alarm.mean()))]


def crossovers(runs: int = RUNS) -> list[Figure]:
    """200,000 units; a third shop on two devices and buy more; the treatment makes half of them log in.

    Nobody buys more. A log-in shows that two devices are one person; half of the second ones were drawn into
    the other arm.
    """
    rng = np.random.default_rng(171)
    n = 100_000 // DAYS * np.arange(1.0, DAYS + 1)
    kept, excluded, crossed = [], [], []
    for login in (0.1, 0.5):
        heavy = rng.binomial(100_000 // DAYS, HEAVY, (runs, DAYS))
        gone = rng.binomial(heavy, 0.4 * login * 0.5)
        rest = rng.binomial(heavy - gone, HEAVY_RATE)
        rest += rng.binomial(100_000 // DAYS - heavy, LIGHT_RATE)
        kept.append(np.cumsum(rest + rng.binomial(gone, HEAVY_RATE), axis=1).astype(float))
        excluded.append(np.cumsum(rest, axis=1).astype(float))
        crossed.append(np.cumsum(gone, axis=1))
    fraction = np.arange(1.0, DAYS + 1) / DAYS
    whole = share_readings(kept[0], kept[1], n, n, fraction)
    without = share_readings(excluded[0], excluded[1], n - crossed[0], n - crossed[1], fraction)
    some = min(runs, 500)
    alarms = [sequential_pvalue(path.tolist(), (0.5, 0.5)) < ALARM for path in np.stack(crossed, -1)[:some]]
    return [
        Figure(
            "A/A, log-ins 10 % and 50 %: crossover units kept", 171, runs, claims(whole).share, 0.0, PROMISED
        ),
        Figure("the same, crossover units excluded", 171, runs, claims(without).share),
        Figure("crossover alarm there", 171, some, float(np.mean(alarms)), 0.97),
    ]


def _shop(seed: int, runs: int, per_day: int, rates: tuple[float, float]) -> Readings:
    rng = np.random.default_rng(seed)
    return conversion_readings(rng, runs, per_day, (np.full(DAYS, rates[0]), np.full(DAYS, rates[1])), DAYS)


def _counts(seed: int, runs: int, per_day: int, rates: tuple[float, float]) -> tuple[Floats, Floats, Floats]:
    """Buyers of both arms and units of one, cumulated; the same draws as `_shop`."""
    rng = np.random.default_rng(seed)
    bought = [np.cumsum(rng.binomial(per_day, rate, (runs, DAYS)), axis=1).astype(float) for rate in rates]
    return bought[0], bought[1], per_day * np.arange(1.0, DAYS + 1)


def _relative(counts: tuple[Floats, Floats, Floats]) -> Readings:
    """Relative lift over its delta-method error (`stats.contrasts.delta_uplift`, for whole tables)."""
    bought_c, bought_t, n = counts
    p_c, p_t = np.maximum(bought_c, 1) / n, bought_t / n
    v_c, v_t = p_c * (1 - p_c) / n, p_t * (1 - p_t) / n
    variance = np.maximum(v_t / p_c**2 + p_t**2 * v_c / p_c**4, 1e-300)
    some: Flags = np.minimum(bought_c, bought_t) >= 2
    plain = share_readings(bought_c, bought_t, n, n, n / n[-1])
    return replace(plain, z=(p_t / p_c - 1) / np.sqrt(variance), information=1 / variance, may_test=some)


def _one_look(alpha: float) -> float:
    """Two-sided critical value of one look."""
    return float(-ndtri(alpha / 2))
