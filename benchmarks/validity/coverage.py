"""How often an interval holds the truth, and how often the sample-ratio alarm sounds."""

import numpy as np

from benchmarks.validity.figures import Figure
from stats.fixed_sample import Count, difference_interval
from stats.offers.profit import MarginArm, ProfitDifference, profit_difference
from stats.redeemers import RedeemerEffect, TakenMoments, redeemer_effect
from stats.sample_ratio import sequential_pvalue
from stats.sequential.boundaries import boundaries
from stats.sequential.stage_wise import stage_wise_estimate

RUNS = 10_000
LOOKS = 28


def fixed_intervals(runs: int = RUNS) -> list[Figure]:
    """One look: two shares (Newcombe), and profit at a known margin (Welch)."""
    rng = np.random.default_rng(301)
    sold = rng.binomial(2000, (0.05, 0.06), (runs, 2))
    held = 0
    for control, treatment in sold:
        low, high = difference_interval(Count(int(control), 2000), Count(int(treatment), 2000))
        held += low <= 0.06 - 0.05 <= high
    shares = Figure("fixed: difference of 5 and 6 %, 2,000 per arm", 301, runs, held / runs, 0.94, 0.96)
    return [shares, _profit(runs)]


def _profit(runs: int) -> Figure:
    rng, margin, held = np.random.default_rng(302), 0.35, 0
    mean = np.exp(0.7**2 / 2) * 1000.0
    truth = (0.33 * (margin - 0.1) - 0.30 * margin) * mean
    for _ in range(runs):
        arms = []
        for rate, cost in ((0.30, 0.0), (0.33, 0.1)):
            items = np.where(rng.random(1500) < rate, 1000.0 * np.exp(0.7 * rng.standard_normal(1500)), 0.0)
            arms.append(MarginArm.of_units(items, cost * items))
        found = profit_difference(arms[0], arms[1], (margin, margin))
        held += isinstance(found, ProfitDifference) and (found.interval[0] <= truth <= found.interval[1])
    return Figure("profit per unit at a known margin", 302, runs, held / runs, 0.94, 0.965)


def sequential_intervals(runs: int = RUNS) -> list[Figure]:
    """28 looks at an effect found with 80 % power: stage-wise, repeated and naive intervals at the stop."""
    rng, effect = np.random.default_rng(311), 2.8
    looks = boundaries([k / LOOKS for k in range(1, LOOKS + 1)], 0.05, "kim-demets:2", open_ended_share=0.1)
    information = np.array([look.information for look in looks])
    bounds = np.array([look.z for look in looks])
    scores = np.cumsum(rng.normal(effect / LOOKS, LOOKS**-0.5, (runs, LOOKS)), axis=1)
    z = scores / np.sqrt(information)
    held = np.zeros(3)
    above = 0
    for path in z:
        crossed = np.flatnonzero(np.abs(path) >= bounds)
        stop = int(crossed[0]) if crossed.size else LOOKS - 1
        sign = -1.0 if path[stop] <= -bounds[stop] else 1.0
        earlier = list(zip(information[:stop].tolist(), bounds[:stop].tolist(), strict=True))
        found = stage_wise_estimate(sign * float(path[stop]), float(information[stop]), earlier)
        low, high = sorted((sign * found.low, sign * found.high))
        at, unit = path[stop] / np.sqrt(information[stop]), 1 / np.sqrt(information[stop])
        held += [
            low <= effect <= high,
            abs(at - effect) <= bounds[stop] * unit,
            abs(at - effect) <= 1.959964 * unit,
        ]
        above += sign * found.point > effect
    stage, repeated, naive = held / runs
    return [
        Figure("stage-wise interval at the stop", 311, runs, float(stage), 0.94, 0.96),
        Figure("stage-wise estimate above the truth", 311, runs, above / runs, 0.48, 0.52),
        Figure("repeated interval at the stop", 311, runs, float(repeated), 0.95),
        Figure("the naive interval of one look (never shown)", 311, runs, float(naive)),
    ]


def redeemers(runs: int = RUNS) -> list[Figure]:
    """Anderson–Rubin set of the effect on those who claim: 25 % claim, each of them spends 80 more."""
    rng, n, held = np.random.default_rng(321), 1500, 0
    for _ in range(runs):
        takes = rng.random(n) < 0.25
        base = [np.where(rng.random(n) < 0.1, rng.lognormal(6.0, 0.8, n), 0.0) for _ in range(2)]
        offered = base[1] + 80.0 * takes
        control = TakenMoments(n, 0, float(base[0].sum()), float((base[0] ** 2).sum()), 0.0)
        treated = TakenMoments(
            n, int(takes.sum()), float(offered.sum()), float((offered**2).sum()), float(offered[takes].sum())
        )
        found = redeemer_effect(control, treated)
        held += isinstance(found, RedeemerEffect) and any(a <= 80.0 <= b for a, b in found.anderson_rubin)
    return [Figure("effect on redeemers, Anderson–Rubin set", 321, runs, held / runs, 0.94, 0.965)]


def sample_ratio(runs: int = 1_000) -> list[Figure]:
    """20,000 visitors over 28 days, read daily: with a tenth of one arm lost, and with nothing lost."""
    rng = np.random.default_rng(331)
    daily = 20_000 // 28
    alarms = {}
    for lost in (0.0, 0.1):
        treated = rng.binomial(daily, 0.5, (runs, 28))
        control = daily - treated
        treated = rng.binomial(treated, 1 - lost)
        counts = np.stack([np.cumsum(control, axis=1), np.cumsum(treated, axis=1)], axis=2)
        alarms[lost] = sum(sequential_pvalue(run.tolist(), (0.5, 0.5)) < 0.001 for run in counts) / runs
    return [
        Figure("sample ratio: alarm when a tenth of one arm is lost", 331, runs, alarms[0.1], 0.97),
        Figure("sample ratio: alarm when nothing is lost", 331, runs, alarms[0.0], 0.0, 0.006),
    ]
