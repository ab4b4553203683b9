"""Leakage and subsidy; oracles: Wilson's closed form, and simulated shops whose truth is known."""

import math

import numpy as np
import pytest

from stats.offers.leakage import Leakage, leakage
from stats.offers.subsidy import OfferArm, Subsidy, subsidy
from stats.results import Inconclusive


def test_the_interval_is_wilsons() -> None:
    # oracle: the closed form by hand for 3 of 20 at z = 1.96
    found = leakage({("a", "a"): 17, ("a", "b"): 3})
    assert isinstance(found, Leakage)
    middle, spread = (3 + 1.96**2 / 2) / (20 + 1.96**2), 20 + 1.96**2
    half = 1.96 * math.sqrt(3 * 17 / 20 + 1.96**2 / 4) / spread
    assert found.interval == pytest.approx((middle - half, middle + half), abs=1e-4)


def test_strangers_and_the_other_arm_both_leak() -> None:
    found = leakage({("a", "a"): 90, ("a", "b"): 1, ("b", "b"): 40, ("b", None): 10})
    assert isinstance(found, Leakage)
    assert (found.leaked, found.redemptions) == (11, 141)
    assert found.by_code == pytest.approx({"a": 1 / 91, "b": 0.2})
    assert found.diluted


def test_no_redemption_is_no_zero() -> None:
    found = leakage({("a", "a"): 0})
    assert isinstance(found, Inconclusive)
    assert found.reason == "no_redemptions"
    with pytest.raises(ValueError, match="0 or more"):
        leakage({("a", "b"): -1})


def shop(
    rng: np.random.Generator, n: int, *, anyway: float, put_off: float
) -> tuple[int, int, OfferArm, float]:
    """10 % buy anyway, of whom `anyway` redeem and some are put off; 4 % buy for the code only."""
    loyal, lured = 0.10, 0.04
    control = int(rng.binomial(n, loyal))
    _, with_code, full_price, new, _ = rng.multinomial(
        n,
        [
            loyal * put_off,
            loyal * (1 - put_off) * anyway,
            loyal * (1 - put_off) * (1 - anyway),
            lured,
            1 - loyal - lured,
        ],
    )
    truth = loyal * (1 - put_off) * anyway / (loyal * (1 - put_off) * anyway + lured)
    return n, control, OfferArm(n, int(with_code + full_price + new), int(with_code + new)), truth


@pytest.mark.parametrize("anyway", [0.2, 0.6, 1.0])
def test_the_interval_covers_the_truth_when_nobody_is_put_off(anyway: float) -> None:
    rng, runs = np.random.default_rng(8), 1500
    covered = 0
    for _ in range(runs):
        units, ordered, offer, truth = shop(rng, 20_000, anyway=anyway, put_off=0.0)
        found = subsidy(units, ordered, offer)
        assert isinstance(found, Subsidy)
        covered += found.interval[0] <= truth <= found.interval[1]
    assert covered / runs >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


def test_people_put_off_break_the_assumption_and_not_the_wide_bounds() -> None:
    rng = np.random.default_rng(9)
    units, ordered, offer, truth = shop(rng, 2_000_000, anyway=0.85, put_off=0.15)
    naive, wide = subsidy(units, ordered, offer), subsidy(units, ordered, offer, nobody_put_off=False)
    assert isinstance(naive, Subsidy)
    assert isinstance(wide, Subsidy)
    assert naive.interval[0] > truth + 0.05  # 1 − Δ/r is no bound any more
    assert wide.interval[0] <= truth <= wide.interval[1]


def test_bounds_by_hand() -> None:
    found = subsidy(1000, 50, OfferArm(1000, 110, 80))
    assert isinstance(found, Subsidy)
    assert (found.low, found.high) == pytest.approx((0.25, 0.625))
    assert found.interval[0] < 0.25
    assert found.interval[1] > 0.625


@pytest.mark.parametrize(
    ("control", "offer", "reason"),
    [((0, 0), OfferArm(10, 5, 1), "no_units"), ((10, 5), OfferArm(10, 5, 0), "no_redemptions")],
)
def test_what_the_data_cannot_say(control: tuple[int, int], offer: OfferArm, reason: str) -> None:
    found = subsidy(*control, offer)
    assert isinstance(found, Inconclusive)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("control", "offer", "alpha"),
    [
        ((10, 11), OfferArm(10, 5, 1), 0.05),
        ((10, 1), OfferArm(10, 5, 6), 0.05),
        ((10, 1), OfferArm(10, 5, 1), 0),
    ],
)
def test_a_callers_mistake_is_named(control: tuple[int, int], offer: OfferArm, alpha: float) -> None:
    with pytest.raises(ValueError, match=r"between|hold"):
        subsidy(*control, offer, alpha=alpha)
