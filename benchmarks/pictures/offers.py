"""Pictures of what an offer moves, costs and whom it reaches."""

from collections import defaultdict

import numpy as np

from benchmarks.pictures.drawing import BLUE, GREY, ORANGE, Picture, band, line
from stats.offers.abuse import Mark, suspects
from stats.offers.profit import MarginArm, ProfitDifference, profit_difference
from stats.offers.pull_forward import CurveArm, PullForward, pull_forward
from stats.offers.subsidy import OfferArm, Subsidy, subsidy
from stats.redeemers import RedeemerEffect, TakenMoments, redeemer_effect


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
    for name, colour in (("control", GREY), ("free delivery from 1,000", BLUE)):
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
            line(shares, [0.0] * len(shares), "nothing gained", GREY, "dot"),
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


def suspected_ids() -> Picture:
    """Pairs and rings of one home, of which a growing share keeps the inviter's card."""
    shares, lines = np.linspace(0, 1, 21), []
    for friends, name, colour in (
        (1, "one friend", BLUE),
        (2, "two friends", GREY),
        (4, "four friends", ORANGE),
    ):
        lines.append(line(shares * 100, [_found_ids(share, friends) * 100 for share in shares], name, colour))
    return lines, "friends who pay with the inviter's card, %", "friends suspected, %"


def _found_ids(share: float, friends: int, homes: int = 400) -> float:
    rng, pairs = np.random.default_rng(3), []
    shared: dict[Mark, set[int]] = defaultdict(set)
    for home in range(homes):
        inviter = home * 10
        for friend in range(inviter + 1, inviter + 1 + friends):
            pairs.append((inviter, friend))
            shared[Mark("address", home)] |= {inviter, friend}
            if rng.random() < share:
                shared[Mark("payment", home)] |= {inviter, friend}
    found = suspects(shared, pairs, {}).reasons
    return sum(friend in found for _, friend in pairs) / len(pairs)
