"""Draws the pictures of docs/methods from the methods themselves: ./dev bench method_pictures.

Every picture is computed by `stats` from seeded data and drawn by the page's own Plotly in Chromium.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dashboards.palette import CONTROL, TREATMENTS, translucent
from stats.adjustment import AdjustedDifference, PairedMoments, cuped
from stats.family import level
from stats.offers.profit import MarginArm, ProfitDifference, profit_difference
from stats.offers.pull_forward import CurveArm, PullForward, pull_forward
from stats.offers.subsidy import OfferArm, Subsidy, subsidy
from stats.plan import AnalysisPlan, Metric
from stats.planning import units_for_shares
from stats.redeemers import RedeemerEffect, TakenMoments, redeemer_effect
from stats.sample_ratio import SampleRatioState
from stats.sequential.boundaries import boundaries
from stats.sequential.confidence_sequences import asymptotic_half_width, tuned_rho
from stats.sequential.evalues import Block, two_rates_evidence
from stats.sequential.futility import futility_boundaries
from stats.sequential.mixtures import best_rho, normal_mixture_bound
from stats.sequential.stage_wise import stage_wise_estimate
from tests.support.browser import chromium_page

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
BLUE, ORANGE, GREEN, PURPLE = TREATMENTS
LOOKS = [k / 28 for k in range(1, 29)]
DAYS = list(range(1, 29))
Trace = dict[str, Any]
Picture = tuple[list[Trace], str, str]


def line(x: Any, y: Any, name: str, colour: str, dash: str = "solid") -> Trace:
    """A line with its name in the legend."""
    return {
        "x": list(map(float, x)),
        "y": list(map(float, y)),
        "name": name,
        "mode": "lines",
        "line": {"color": colour, "dash": dash, "width": 2.5},
    }


def band(x: Any, low: Any, high: Any, colour: str) -> Trace:
    """A filled band without a legend entry."""
    around = [*map(float, x), *map(float, reversed(list(x)))]
    edge = [*map(float, high), *map(float, reversed(list(low)))]
    fill = {"fill": "toself", "fillcolor": translucent(colour, 0.18), "line": {"width": 0}}
    return {"x": around, "y": edge, "showlegend": False, "mode": "lines", **fill}


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
            line(days, naive, "as observed", CONTROL, "dash"),
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
            line(n, [1.96 / size**0.5 for size in n], "one look only", CONTROL, "dot"),
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
    for rate, name, colour in ((0.05, "no effect", CONTROL), (0.065, "5 % against 6.5 %", BLUE)):
        counts = rng.binomial(600, (0.05, rate), (28, 2))
        blocks = [Block(600, int(c), 600, int(t)) for c, t in counts]
        path = [two_rates_evidence(blocks[:day]).log_evalue / np.log(10) for day in DAYS]
        drawn.append(line(DAYS, path, name, colour))
    limit = float(np.log10(20))
    drawn.append(line(DAYS, [limit] * 28, "proof at 5 %: e-value 20", ORANGE, "dash"))
    return drawn, "day", "e-value, powers of ten"


def _bought_by(rng: np.random.Generator, share: float, pulled: float) -> CurveArm:
    wait = np.where(rng.random(6_000) < share, rng.uniform(0, 30, 6_000), np.inf)
    wait = np.where(wait <= 30, wait * (1 - pulled), wait)
    return CurveArm.of_units((wait[:, None] <= np.arange(1, 31)[None, :]).astype(float))


def pull_forward_curve() -> Picture:
    rng, drawn, ages = np.random.default_rng(2), [], list(range(1, 31))
    control = _bought_by(rng, 0.2, 0.0)
    for share, pulled, name, colour in ((0.2, 0.6, "only moved", ORANGE), (0.24, 0.0, "added", BLUE)):
        found = pull_forward(control, _bought_by(rng, share, pulled))
        if isinstance(found, PullForward):
            drawn += [band(ages, found.low, found.high, colour), line(ages, found.effect, name, colour)]
    return drawn, "days since exposure", "orders per visitor more"


def bunching() -> Picture:
    rng, drawn = np.random.default_rng(3), []
    edges = np.arange(500, 2_001, 50)
    for name, colour in (("control", CONTROL), ("free delivery from 1,000", BLUE)):
        baskets = rng.lognormal(6.9, 0.5, 20_000)
        if name != "control":
            filled = (baskets >= 850) & (baskets < 1_000) & (rng.random(20_000) < 0.4)
            baskets = np.where(filled, 1_000 + rng.exponential(60, 20_000), baskets)
        shares = np.histogram(baskets, edges)[0] / baskets.size
        drawn.append(line(edges[:-1] + 25, shares, name, colour))
    return drawn, "basket", "share of orders"


def profit() -> Picture:
    rng = np.random.default_rng(6)
    arms = []
    for rate, cost in ((0.30, 0.0), (0.36, 0.1)):
        items = np.where(rng.random(6_000) < rate, rng.lognormal(7, 0.6, 6_000), 0.0)
        arms.append(MarginArm.of_units(items, cost * items))
    shares = np.linspace(0.1, 0.6, 26)
    found = [profit_difference(arms[0], arms[1], (share, share)) for share in shares]
    known = [end for end in found if isinstance(end, ProfitDifference)]
    return (
        [
            band(shares, [e.interval[0] for e in known], [e.interval[1] for e in known], BLUE),
            line(shares, [e.low_end for e in known], "profit per visitor, treatment − control", BLUE),
            line(shares, [0.0] * len(shares), "nothing gained", CONTROL, "dot"),
        ],
        "goods margin, share of items",
        "money per visitor",
    )


def subsidy_bounds() -> Picture:
    redeemed = np.arange(100, 601, 20)
    found = [subsidy(5_000, 500, OfferArm(5_000, 650, int(r))) for r in redeemed]
    known = [bounds for bounds in found if isinstance(bounds, Subsidy)]
    low, high = [b.low for b in known], [b.high for b in known]
    return (
        [
            band(redeemed / 50, low, high, ORANGE),
            line(redeemed / 50, low, "at least (nobody put off)", BLUE),
            line(redeemed / 50, high, "at most", ORANGE),
        ],
        "visitors who ordered with the code, %",
        "would have bought anyway",
    )


def planning() -> Picture:
    lift = np.linspace(0.04, 0.3, 27)
    drawn = []
    for rate, colour in ((0.02, ORANGE), (0.05, BLUE), (0.1, GREEN)):
        units = [2 * units_for_shares(rate, rate * (1 + share)) for share in lift]
        drawn.append(line(100 * lift, units, f"conversion {rate:.0%}", colour))
    return drawn, "smallest relevant uplift, %", "visitors over both arms"


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
        line(correlations, 1 - correlations**2, "1 − r²", CONTROL, "dot"),
    ]
    return drawn, "correlation with the time before", "share of the variance left"


def sample_ratio() -> Picture:
    rng, drawn = np.random.default_rng(5), []
    for lost, name, colour in ((0.0, "nothing lost", CONTROL), (0.1, "a tenth of one arm lost", ORANGE)):
        state, path, seen = SampleRatioState((0.5, 0.5)), [], np.zeros(2, dtype=int)
        for _ in DAYS:
            treated = rng.binomial(357, 1 - lost)
            seen += [357, treated]
            path.append(np.log10(state.update(seen.tolist())))
        drawn.append(line(DAYS, path, name, colour))
    drawn.append(line(DAYS, [-3.0] * 28, "alarm at 0.001", BLUE, "dash"))
    return drawn, "day", "p-value, powers of ten"


def redeemer_sets() -> Picture:
    rng, low, high, takes = np.random.default_rng(8), [], [], np.linspace(0.04, 0.4, 19)
    for share in takes:
        n = 6_000
        taken = rng.random(n) < share
        base = [np.where(rng.random(n) < 0.1, rng.lognormal(6.0, 0.8, n), 0.0) for _ in range(2)]
        offered = base[1] + 120.0 * taken
        plain = TakenMoments(n, 0, float(base[0].sum()), float((base[0] ** 2).sum()), 0.0)
        sums = (float(offered.sum()), float((offered**2).sum()), float(offered[taken].sum()))
        found = redeemer_effect(plain, TakenMoments(n, int(taken.sum()), *sums))
        ends = found.anderson_rubin[0] if isinstance(found, RedeemerEffect) else (np.nan, np.nan)
        low.append(max(-400.0, ends[0]))
        high.append(min(800.0, ends[1]))
    drawn = [
        band(100 * takes, low, high, BLUE),
        line(100 * takes, [120.0] * len(takes), "truth: 120 more for each who claims", ORANGE, "dash"),
    ]
    return drawn, "visitors who claim, %", "effect on those who claim"


PICTURES: dict[str, Callable[[], Picture]] = {
    "sequential": sequential,
    "several-variants": several_variants,
    "at-the-stop": at_the_stop,
    "futility": futility,
    "anytime": anytime,
    "evidence": evidence,
    "pull-forward": pull_forward_curve,
    "bunching": bunching,
    "profit-at-a-margin": profit,
    "subsidy": subsidy_bounds,
    "planning": planning,
    "adjustment": adjustment,
    "sample-ratio": sample_ratio,
    "redeemers": redeemer_sets,
}


def as_figure(picture: Picture) -> dict[str, Any]:
    """Plotly's figure of a picture, on white paper."""
    traces, x_title, y_title = picture
    axis = {"gridcolor": "#e3e6ea", "zerolinecolor": "#9aa3ad", "linecolor": "#9aa3ad"}
    layout = {
        "width": 760,
        "height": 400,
        "margin": {"l": 70, "r": 16, "t": 12, "b": 90},
        "font": {"family": "DejaVu Sans, sans-serif", "size": 14, "color": "#20262d"},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "legend": {"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"},
        "xaxis": {"title": {"text": x_title}, **axis},
        "yaxis": {"title": {"text": y_title}, **axis},
    }
    return {"data": traces, "layout": layout}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    script = (ROOT / "dashboards" / "static" / "vendor" / "plotly-basic.min.js").read_text(encoding="utf-8")
    with chromium_page() as watched:
        watched.page.set_content("<div id=paper></div>")
        watched.page.add_script_tag(content=script)
        for name, draw in PICTURES.items():
            figure = json.dumps(as_figure(draw()))
            watched.page.evaluate(f"Plotly.newPlot('paper', {figure}.data, {figure}.layout)")
            size = "{format: 'png', width: 760, height: 400, scale: 1}"
            address = watched.page.evaluate(f"Plotly.toImage('paper', {size})")
            save(FOLDER / f"{name}.png", address)
            print(f"drew docs/pictures/{name}.png", flush=True)


def save(path: Path, address: str) -> None:
    """Write a data address as a file."""
    import base64

    path.write_bytes(base64.b64decode(address.partition(",")[2]))


if __name__ == "__main__":
    main()
