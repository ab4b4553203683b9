"""Pictures of what people do over time: who comes back, how often, and for how long an effect lasts."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.pictures.drawing import BLUE, GREY, ORANGE, Picture, band, line
from stats.event_times import Spells, mean_cumulative_count
from stats.repeat_purchase import SurvivalCurve
from stats.shoppers import Shop
from stats.studies import findings, plan_of_shop, runs_of

WINDOW = 30
AGES = np.arange(1, WINDOW + 1)
Floats = NDArray[np.float64]


def repeat_purchase() -> Picture:
    rng, drawn = np.random.default_rng(21), []
    so_far: list[float] = []
    for share, name, colour in ((0.25, "treatment", BLUE), (0.20, "control", GREY)):
        wait, followed = _people(rng, 1_500, share)
        points = _curve(wait, followed).points()
        age = [point.age for point in points]
        drawn += [
            band(age, [p.low for p in points], [p.high for p in points], colour),
            line(age, [p.share for p in points], f"{name}, Kaplan–Meier", colour),
        ]
        so_far = [float(((wait <= a) & (wait <= followed)).mean()) for a in AGES]
    drawn.append(line(AGES, so_far, 'control by "repeated so far"', ORANGE, "dot"))
    return drawn, "days since the first order", "ordered again"


def _people(rng: np.random.Generator, units: int, share: float) -> tuple[Floats, Floats]:
    """(age at the second order, days followed) of units that entered over 40 days and are seen on day 45."""
    wait = np.ceil(rng.exponential(-WINDOW / np.log1p(-share), units))
    return wait, np.minimum(45.0 - rng.integers(0, 40, units), WINDOW)


def _curve(wait: Floats, followed: Floats) -> SurvivalCurve:
    inside = followed[:, None] >= AGES
    at_risk = ((wait[:, None] >= AGES) & inside).sum(axis=0)
    events = ((wait[:, None] == AGES) & inside).sum(axis=0)
    return SurvivalCurve(wait.size, at_risk, events)


def orders_over_time() -> Picture:
    rng, drawn, ages = np.random.default_rng(22), [], list(range(1, 61))
    for rate, name, colour in ((0.020, "control", GREY), (0.028, "treatment", BLUE)):
        mean, error = mean_cumulative_count(_spells(rng, 400, rate), ages)
        drawn += [
            band(ages, mean - 1.96 * error, mean + 1.96 * error, colour),
            line(ages, mean, name, colour),
        ]
    return drawn, "days since exposure", "orders per visitor so far"


def _spells(rng: np.random.Generator, units: int, rate: float) -> Spells:
    """Orders at a rate that differs between people, followed for 20 to 60 days."""
    rows: list[tuple[int, float, float, bool]] = []
    for unit in range(units):
        end, own, at = float(rng.integers(20, 61)), rate * rng.gamma(1.0, 1.0), 0.0
        while at < end:
            order = at + float(rng.exponential(1 / own))
            rows.append((unit, at, min(order, end), order < end))
            at = order
    return Spells(*(tuple(column) for column in zip(*rows, strict=True)))


def fading() -> Picture:
    rng, drawn, weeks, n = np.random.default_rng(23), [], np.arange(1, 7), 20_000
    for lifts, name, colour in (
        ([0.012, 0.004, 0.002, 0.001, 0.001, 0.0], "an effect of the new", ORANGE),
        ([0.006] * 6, "an effect that stays", BLUE),
    ):
        control, treated = rng.binomial(n, 0.05, 6) / n, rng.binomial(n, 0.05 + np.array(lifts)) / n
        half = 1.96 * np.sqrt(control * (1 - control) / n + treated * (1 - treated) / n)
        gap = treated - control
        drawn += [band(weeks, gap - half, gap + half, colour), line(weeks, gap, name, colour)]
    drawn.append(line(weeks, [0.0] * 6, "no difference", GREY, "dot"))
    return drawn, "week of entry", "difference in conversion"


def simulation() -> Picture:
    lifts, power, stop = [0.0, 0.1, 0.2, 0.3, 0.4], [], []
    for lift in lifts:
        shop = Shop(uplift=lift, window_days=7)
        plan = plan_of_shop(shop, "conversion_rate")
        found = findings(list(runs_of(shop, plan, 200, seed=24)), 0.05)
        power.append(found.better)
        stop.append(found.mean_stop)
    percent = [100 * lift for lift in lifts]
    return (
        [
            line(percent, power, "proven better", BLUE),
            line(percent, stop, "share of the plan used, mean", ORANGE, "dash"),
        ],
        "true uplift of conversion, %",
        "share (200 simulated tests each)",
    )
