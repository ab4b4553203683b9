"""Repeat purchase within 30 days under staggered entry, read every second day."""

import numpy as np

from benchmarks.validity.figures import Figure
from benchmarks.validity.looks import Floats, Readings, claims

RUNS = 4_000
WINDOW, ENTRY, PER_DAY = 30, 28, 105  # 2,940 per arm: 80 % power for 20 → 23 % with one look
AT_RISK = BUYERS = 30


def _waits(share: float, pulled: float = 0.0) -> Floats:
    """Chance of a first repeat at each age 1 … 30, and of none; pulling moves orders, it adds none."""
    rate = -np.log1p(-share) / WINDOW
    ages = np.arange(1, WINDOW + 1)
    chances = np.exp(-rate * (ages - 1)) - np.exp(-rate * ages)
    if pulled:
        moved = np.zeros(WINDOW)
        np.add.at(moved, np.maximum(1, np.ceil(ages * (1 - pulled))).astype(int) - 1, chances)
        chances = moved
    return np.append(chances, 1 - chances.sum())


def _curve(events: Floats, day: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Share by age 30, its Greenwood variance, at risk at 30 and events, from (runs, cohorts, 30)."""
    followed = np.clip(day - np.arange(ENTRY), 0, WINDOW)
    inside = followed[:, None] >= np.arange(1, WINDOW + 1)
    seen = events * inside
    before = np.cumsum(events, axis=2) - events
    at_risk = ((PER_DAY - before) * inside).sum(axis=1)
    d = seen.sum(axis=1)
    safe = np.maximum(at_risk, 1)
    survival = np.prod(1 - d / safe, axis=1)
    greenwood = (d / (safe * np.maximum(safe - d, 1))).sum(axis=1)
    return 1 - survival, survival**2 * greenwood, at_risk[:, -1], d.sum(axis=1)


def _readings(
    rng: np.random.Generator, runs: int, chances: tuple[Floats, Floats]
) -> tuple[Readings, Readings]:
    """By Kaplan–Meier at 30 days, and by "repeated so far" of everybody who entered."""
    tables = [rng.multinomial(PER_DAY, p, (runs, ENTRY))[:, :, :WINDOW].astype(float) for p in chances]
    looks = range(2, ENTRY + WINDOW + 1, 2)
    columns: list[list[Floats]] = [[] for _ in range(6)]
    planned = float(PER_DAY * ENTRY)
    for day in looks:
        (m_c, v_c, r_c, d_c), (m_t, v_t, r_t, d_t) = (_curve(table, day) for table in tables)
        error = np.maximum(v_c + v_t, 1e-300)
        enough = (np.minimum(r_c, r_t) >= AT_RISK) & (np.minimum(d_c, d_t) >= BUYERS)
        expected = (m_c * (1 - m_c) + m_t * (1 - m_t)) / planned
        n = PER_DAY * min(day, ENTRY)
        pooled = (d_c + d_t) / (2 * n)
        raw = np.maximum(pooled * (1 - pooled) * 2 / n, 1e-300)
        for column, value in zip(
            columns,
            (
                (m_t - m_c) / np.sqrt(error),
                1 / error,
                expected / error,
                enough,
                (d_t - d_c) / n / np.sqrt(raw),
                1 / raw,
            ),
            strict=True,
        ):
            column.append(np.asarray(value, dtype=float))
    z, information, fraction, fine, raw_z, raw_information = (np.stack(c, axis=1) for c in columns)
    share = np.minimum(1.0, np.array(list(looks)) / ENTRY)
    so_far = Readings(raw_z, raw_information, np.broadcast_to(share, raw_z.shape), fine > -1, None)
    return Readings(z, information, fraction, fine > 0, None), so_far


def repeat_purchase(runs: int = RUNS) -> list[Figure]:
    """A/A, an offer that only moves orders forward, and a true rise from 20 to 23 %."""
    plain = _waits(0.2)
    aa, _ = _readings(np.random.default_rng(201), runs, (plain, plain))
    moved, so_far = _readings(np.random.default_rng(202), runs, (plain, _waits(0.2, 0.5)))
    rise, _ = _readings(np.random.default_rng(203), runs, (plain, _waits(0.23)))
    found, naive, power = claims(moved), claims(so_far), claims(rise)
    day = 2.0 * (power.stop + 1)
    return [
        Figure("A/A, repeat in 30 days, looks every 2 days", 201, runs, claims(aa).share, 0.0, 0.057),
        Figure("orders only moved forward (half the wait)", 202, runs, found.share, 0.0, 0.065),
        Figure('the same by "repeated so far": called better', 202, runs, float(naive.better.mean())),
        Figure("power, 20 → 23 %", 203, runs, float(power.better.mean()), 0.71),
        Figure(
            "mean stop there, of 58 days",
            203,
            runs,
            float(day.mean()),
            0.0,
            43.0,
            float(day.std() / np.sqrt(runs)),
            "days",
        ),
    ]
