"""Pictures of what a look may decide, and of what is drawn beside it."""

import numpy as np

from benchmarks.pictures.drawing import BLUE, DAYS, GREEN, GREY, LOOKS, ORANGE, Picture, band, line
from stats.family import level
from stats.plan import AnalysisPlan, Metric
from stats.planning import units_for_shares
from stats.sample_ratio import SampleRatioState
from stats.sequential.boundaries import boundaries
from stats.sequential.confidence_sequences import asymptotic_half_width, tuned_rho
from stats.sequential.evalues import Block, two_rates_evidence
from stats.sequential.futility import futility_boundaries
from stats.sequential.mixtures import best_rho, normal_mixture_bound
from stats.sequential.stage_wise import stage_wise_estimate


def sequential() -> Picture:
    names = {"kim-demets:2": BLUE, "obrien-fleming": ORANGE, "pocock": GREEN}
    drawn = []
    for name, colour in names.items():
        z = [k.z for k in boundaries(LOOKS, 0.05, name, open_ended_share=0.1)]
        first = next(k for k, value in enumerate(z) if value < 5)
        drawn.append(line(DAYS[first:], z[first:], name, colour))
    return drawn, "daily look", "z to exceed"


def several_variants() -> Picture:
    metric = Metric("conversion_rate", "primary", "proportion", 7)
    plan = AnalysisPlan("x", 1, ("a", "b", "c", "d"), "a", (0.25,) * 4, (metric,))
    steps = {"three open": "bcd", "two open": "bc", "one open": "b"}
    drawn = []
    for (name, left), colour in zip(steps.items(), (ORANGE, GREEN, BLUE), strict=True):
        alpha = level(plan, metric, frozenset((metric.label, t) for t in left))
        z = [k.z for k in boundaries(LOOKS, alpha, "kim-demets:2", open_ended_share=0.1)]
        drawn.append(line(DAYS[3:], z[3:], f"{name}: level {alpha:.4f}", colour))
    return drawn, "daily look", "z to exceed"


def at_the_stop() -> Picture:
    looks = boundaries(LOOKS, 0.05, "kim-demets:2", open_ended_share=0.1)
    earlier = [(k.information, k.z) for k in looks]
    places = range(3, 28)
    found = [stage_wise_estimate(looks[k].z + 0.1, looks[k].information, earlier[:k]) for k in places]
    naive = [(looks[k].z + 0.1) / looks[k].information ** 0.5 for k in places]
    days = [k + 1 for k in places]
    return (
        [
            band(days, [e.low for e in found], [e.high for e in found], BLUE),
            line(days, naive, "as observed", GREY, "dash"),
            line(days, [e.point for e in found], "median-unbiased, with its 95 % interval", BLUE),
        ],
        "look at which the boundary was just passed",
        "effect, standard errors",
    )


def futility() -> Picture:
    information = [k / 10 for k in range(2, 11)]
    upper = [k.z for k in boundaries(information, 0.025, "kim-demets:2", sides=1)]
    lower = futility_boundaries(information, upper, 0.025, 0.8)
    return (
        [
            line(information, upper, "proven above", BLUE),
            line(information, lower.z, "may be given up below", ORANGE, "dash"),
        ],
        "share of the plan",
        "z",
    )


def anytime() -> Picture:
    n = np.arange(500, 20_001, 250)
    planned, alpha = 10_000, 0.05
    rho = tuned_rho(planned, alpha)
    mixture_rho = best_rho(planned, alpha)
    looks = boundaries([k / 28 for k in range(1, 57)], alpha, "kim-demets:2", open_ended_share=0.1)
    sizes = np.array([k.information * planned for k in looks])
    repeated = [k.z / size**0.5 for k, size in zip(looks, sizes, strict=True)]
    return (
        [
            line(n, [1.96 / size**0.5 for size in n], "one look only", GREY, "dot"),
            line(sizes[3:], repeated[3:], "repeated interval (default)", BLUE),
            line(
                n,
                [asymptotic_half_width(1.0, float(size), rho, alpha) for size in n],
                "asymptotic confidence sequence",
                ORANGE,
            ),
            line(
                n,
                [normal_mixture_bound(float(size), alpha, mixture_rho) / size for size in n],
                "normal mixture",
                GREEN,
                "dash",
            ),
        ],
        "visitors (plan: 10,000)",
        "half-width, standard deviations",
    )


def evidence() -> Picture:
    rng, drawn = np.random.default_rng(4), []
    for rate, name, colour in ((0.05, "no effect", GREY), (0.065, "5 % against 6.5 %", BLUE)):
        counts = rng.binomial(600, (0.05, rate), (28, 2))
        blocks = [Block(600, int(c), 600, int(t)) for c, t in counts]
        path = [two_rates_evidence(blocks[:day]).log_evalue / np.log(10) for day in DAYS]
        drawn.append(line(DAYS, path, name, colour))
    limit = float(np.log10(20))
    drawn.append(line(DAYS, [limit] * 28, "proof at 5 %: e-value 20", ORANGE, "dash"))
    return drawn, "day", "e-value, powers of ten"


def sample_ratio() -> Picture:
    rng, drawn = np.random.default_rng(5), []
    for lost, name, colour in ((0.0, "nothing lost", GREY), (0.1, "a tenth of one arm lost", ORANGE)):
        state, path, seen = SampleRatioState((0.5, 0.5)), [], np.zeros(2, dtype=int)
        for _ in DAYS:
            treated = rng.binomial(357, 1 - lost)
            seen += [357, treated]
            path.append(np.log10(state.update(seen.tolist())))
        drawn.append(line(DAYS, path, name, colour))
    drawn.append(line(DAYS, [-3.0] * 28, "alarm at 0.001", BLUE, "dash"))
    return drawn, "day", "p-value, powers of ten"


def planning() -> Picture:
    lift = np.linspace(0.04, 0.3, 27)
    drawn = []
    for rate, colour in ((0.02, ORANGE), (0.05, BLUE), (0.1, GREEN)):
        units = [2 * units_for_shares(rate, rate * (1 + share)) for share in lift]
        drawn.append(line(100 * lift, units, f"conversion {rate:.0%}", colour))
    return drawn, "smallest relevant uplift, %", "visitors over both arms"
