"""One thousand metrics of two arms as sums, and what we say of them."""

import random
from typing import NamedTuple

from scipy.special import ndtr

from stats.means import MeanContrast, compare_means
from stats.summaries import Moments

METRICS = 1_000
_Z = 1.959963984540054


class Answer(NamedTuple):
    """What every package says of a difference: its size, interval ends, two-sided p-value."""

    difference: float
    low: float
    high: float
    pvalue: float


def metrics(seed: int = 1) -> list[tuple[Moments, Moments]]:
    """Sums of whole numbers of 900 to 1,400 units per arm; no other package is needed to draw them."""
    rng = random.Random(seed)
    return [(_arm(rng), _arm(rng)) for _ in range(METRICS)]


def _arm(rng: random.Random) -> Moments:
    n, buyers = rng.randint(900, 1400), rng.randint(80, 200)
    values = [round(rng.lognormvariate(7.0, 0.8)) for _ in range(buyers)]
    total = sum(values)
    return Moments(n, buyers, total, sum(value * value for value in values), total)


def ours(given: list[tuple[Moments, Moments]]) -> list[Answer]:
    """Welch's test of every metric."""
    return [_answer(control, treatment) for control, treatment in given]


def _answer(control: Moments, treatment: Moments) -> Answer:
    found = compare_means(control, treatment)
    if not isinstance(found, MeanContrast):
        raise TypeError(f"a metric without spread: {control}")
    return Answer(found.difference, found.limit(_Z), found.limit(-_Z), 2.0 * float(ndtr(-abs(found.z))))


def largest_gap(mine: list[Answer], theirs: list[Answer]) -> float:
    """Largest relative difference between two lists of answers."""
    pairs = [(a, b) for x, y in zip(mine, theirs, strict=True) for a, b in zip(x, y, strict=True)]
    return max(abs(a - b) / max(1e-9, abs(b)) for a, b in pairs)
