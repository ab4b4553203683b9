"""Pictures of the comparisons of two arms: how wide, how often right, how many questions."""

from collections.abc import Callable

import numpy as np
from scipy.stats import binom

from benchmarks.pictures.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, Picture, band, line
from benchmarks.validity.shops import ArmSums, ratio_readings
from stats.adjustment import AdjustedDifference, PairedMoments, cuped
from stats.bayes import compare_normal
from stats.fixed_sample import Count, RateComparison, compare_rates, difference_interval, noninferiority_test
from stats.means import MeanContrast, compare_means
from stats.multiplicity import AdjustMethod, adjusted_pvalues
from stats.quantile_difference import QuantileDifference, compare_quantiles
from stats.summaries import Moments

Interval = Callable[[int, int], tuple[float, float]]


def adjustment() -> Picture:
    rng, kept = np.random.default_rng(9), []
    correlations = np.linspace(0, 0.95, 20)
    for r in correlations:
        arms = []
        for _ in range(2):
            x = rng.standard_normal(4_000)
            y = r * x + (1 - r * r) ** 0.5 * rng.standard_normal(4_000)
            cov = float(np.cov(y, x)[0, 1])
            arms.append(
                PairedMoments(
                    4_000, float(y.mean()), float(y.var(ddof=1)), float(x.mean()), float(x.var(ddof=1)), cov
                )
            )
        found = cuped(arms[0], arms[1])
        kept.append(found.variance_kept if isinstance(found, AdjustedDifference) else 1.0)
    drawn = [
        line(correlations, kept, "variance kept, simulated", BLUE),
        line(correlations, 1 - correlations**2, "1 − r²", GREY, "dot"),
    ]
    return drawn, "correlation with the time before", "share of the variance left"


def shares() -> Picture:
    n, lift = 40, 0.05
    intervals: dict[str, tuple[Interval, str]] = {
        "plain (Wald)": (lambda c, t: _wald(c, t, n), GREY),
        "Newcombe": (lambda c, t: difference_interval(Count(c, n), Count(t, n)), BLUE),
        "Miettinen–Nurminen": (
            lambda c, t: difference_interval(Count(c, n), Count(t, n), method="score"),
            ORANGE,
        ),
    }
    rates, counts = np.linspace(0.005, 0.5, 60), np.arange(n + 1)
    drawn = []
    for name, (interval, colour) in intervals.items():
        ends = [[interval(c, t) for t in range(n + 1)] for c in range(n + 1)]
        holds = np.array([[low <= lift <= high for low, high in row] for row in ends])
        covered = [binom.pmf(counts, n, p) @ holds @ binom.pmf(counts, n, p + lift) for p in rates]
        drawn.append(line(100 * rates, covered, name, colour))
    return drawn, "share of control, % (treatment 5 points more, 40 per arm)", "holds the truth"


def _wald(c: int, t: int, n: int) -> tuple[float, float]:
    p, q = c / n, t / n
    half = 1.96 * float(np.sqrt(p * (1 - p) / n + q * (1 - q) / n))
    return q - p - half, q - p + half


def means() -> Picture:
    rng = np.random.default_rng(11)
    baskets = np.round(np.where(rng.random((2, 20_000)) < 0.05, rng.lognormal(7, 1.6, (2, 20_000)), 0.0))
    kept = np.linspace(0.9, 1.0, 41)
    error, mean = [], []
    for share in kept:
        capped = np.minimum(baskets, np.floor(np.quantile(baskets[baskets > 0], share)))
        arms = [Moments(units=20_000, total=int(x.sum()), squares=int((x**2).sum())) for x in capped]
        found = compare_means(arms[0], arms[1])
        error.append(found.standard_error if isinstance(found, MeanContrast) else np.nan)
        mean.append(capped.mean())
    return (
        [
            line(100 * kept, np.array(error) / error[-1], "standard error of the difference", BLUE),
            line(100 * kept, np.array(mean) / mean[-1], "mean per visitor", ORANGE, "dash"),
        ],
        "cap: quantile of buyers' baskets, % (log-normal, sd 1.6)",
        "as a share of the uncapped one",
    )


def ratios() -> Picture:
    buyers, runs = np.array([5, 8, 12, 20, 30, 50, 80]), 20_000
    plain: list[float] = []
    carried: list[float] = []
    for number, n in enumerate(buyers):
        rng = np.random.default_rng([12, number])
        arms = [_order_sums(rng, runs, int(n)) for _ in range(2)]
        for column, as_normal in ((plain, True), (carried, False)):
            z = ratio_readings(arms[0], arms[1], 1.0, as_normal=as_normal).z
            column.append(float((np.abs(z) > 1.96).mean()))
    return (
        [
            line(buyers, plain, "read as z", GREY, "dash"),
            line(buyers, carried, "t carried to z, one degree of freedom per buyer", BLUE),
            line(buyers, [0.05] * len(buyers), "promised", ORANGE, "dot"),
        ],
        "buyers per arm",
        "false positives of one look",
    )


def _order_sums(rng: np.random.Generator, runs: int, buyers: int) -> ArmSums:
    """One order of each buyer; everybody else bought nothing."""
    baskets = rng.lognormal(7, 0.5, (runs, 1, buyers))
    whole = np.full((runs, 1), float(buyers))
    return ArmSums(50 * whole, whole, baskets.sum(axis=2), (baskets**2).sum(axis=2))


def counts() -> Picture:
    visitor_days = list(range(100, 3_001, 100))
    found = [compare_rates((int(d * 0.05), d), (int(d * 0.06), d)) for d in visitor_days]
    known = [rate for rate in found if isinstance(rate, RateComparison)]
    low, high = [rate.interval[0] for rate in known], [rate.interval[1] for rate in known]
    return (
        [
            band(visitor_days, low, np.minimum(high, 4.0), BLUE),
            line(visitor_days, [rate.ratio for rate in known], "6 against 5 per 100, exact 95 %", BLUE),
            line(visitor_days, [1.0] * len(known), "the same rate", GREY, "dot"),
        ],
        "visitor days per arm",
        "ratio of the rates",
    )


def quantiles() -> Picture:
    rng, sizes = np.random.default_rng(13), np.arange(100, 4_001, 100)
    arms = rng.lognormal(7.0, 0.8, 4_000), rng.lognormal(7.12, 0.8, 4_000)
    drawn = []
    for quantile, name, colour in ((0.5, "median", BLUE), (0.9, "90 % quantile", ORANGE)):
        found = [(n, compare_quantiles(arms[0][:n], arms[1][:n], quantile)) for n in sizes]
        known = [(n, f) for n, f in found if isinstance(f, QuantileDifference)]
        x, ends = [n for n, _ in known], [f.interval for _, f in known]
        drawn.append(band(x, [low for low, _ in ends], [high for _, high in ends], colour))
        drawn.append(line(x, [f.difference for _, f in known], name, colour))
    return drawn, "orders per arm", "difference of the baskets"


def guardrails() -> Picture:
    change = np.linspace(-0.012, 0.006, 37)
    drawn = []
    for n, colour in ((5_000, ORANGE), (20_000, BLUE), (80_000, GREEN)):
        counts = [(Count(n // 10, n), Count(round(n * (0.1 + c)), n)) for c in change]
        pvalues = [noninferiority_test(control, treatment, 0.01)[1] for control, treatment in counts]
        drawn.append(line(100 * change, pvalues, f"{n:,} visitors per arm", colour))
    drawn.append(line(100 * change, [0.025] * len(change), "passed below 0.025", GREY, "dot"))
    return drawn, "observed change, points (control 10 %, margin 1 point)", "one-sided p-value"


def posterior() -> Picture:
    difference = np.linspace(-3, 3, 61)
    found = [compare_normal(float(d), 1.0)[2] for d in difference]
    return (
        [
            line(difference, [f.chance_to_win for f in found], "chance to win", BLUE),
            line(difference, [f.loss_treatment for f in found], "expected loss of taking it", ORANGE),
            line(difference, [f.loss_control for f in found], "expected loss of leaving it", PURPLE, "dash"),
        ],
        "observed difference, standard errors",
        "chance, or loss in standard errors",
    )


def several_questions() -> Picture:
    pvalues = [0.0004, 0.004, 0.009, 0.012, 0.019, 0.024, 0.031, 0.2]
    methods: dict[AdjustMethod, tuple[str, str]] = {
        "bonferroni": ("Bonferroni", GREY),
        "holm": ("Holm", BLUE),
        "hommel": ("Hommel", GREEN),
        "fdr_bh": ("Benjamini–Hochberg", ORANGE),
    }
    place = range(1, len(pvalues) + 1)
    drawn = [line(place, np.log10(pvalues), "as they are", PURPLE, "dot")]
    for method, (name, colour) in methods.items():
        drawn.append(line(place, np.log10(adjusted_pvalues(pvalues, method)), name, colour))
    drawn.append(line(place, [float(np.log10(0.05))] * len(pvalues), "0.05", GREY, "dash"))
    return drawn, "questions, the smallest p-value first", "p-value, powers of ten"
