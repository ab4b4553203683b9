"""Oracles: two-stage least squares on units, simulated shops with a known effect, bounds by enumeration."""

import math
from typing import Any

import numpy as np
import pytest

from stats.redeemers import RedeemerEffect, TakenMoments, redeemer_effect
from stats.results import Inconclusive

Units = np.ndarray[Any, Any]


def moments(y: Units, d: Units) -> TakenMoments:
    return TakenMoments(y.size, int(d.sum()), float(y.sum()), float((y**2).sum()), float(y[d == 1].sum()))


def shop(rng: np.random.Generator, n: int, takers: float, effect: float) -> tuple[TakenMoments, TakenMoments]:
    """Takers spend more anyway, so comparing takers with the rest would mislead; truth is `effect`."""
    arms = []
    for offered in (0, 1):
        would = rng.random(n) < takers
        taken = (would & (offered == 1)).astype(int)
        spent = 10.0 + 5.0 * would + effect * taken + rng.standard_normal(n) * 4.0
        arms.append(moments(spent, taken))
    return arms[0], arms[1]


def test_the_effect_equals_two_stage_least_squares() -> None:
    rng = np.random.default_rng(5)
    n = 3000
    z = rng.integers(0, 2, n)
    would = rng.random(n) < 0.3
    d = (would & (z == 1)).astype(int)
    y = 3.0 + 2.0 * would + 1.5 * d + rng.standard_normal(n)
    found = redeemer_effect(moments(y[z == 0], d[z == 0]), moments(y[z == 1], d[z == 1]))
    assert isinstance(found, RedeemerEffect)
    fitted = np.polyval(np.polyfit(z, d, 1), z)
    design = np.column_stack([np.ones(n), fitted])
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    assert found.effect == pytest.approx(beta[1], rel=1e-9)
    residual = y - np.column_stack([np.ones(n), d]) @ beta
    bread = np.linalg.inv(design.T @ design)
    robust = bread @ (design.T * residual**2) @ design @ bread
    assert found.standard_error == pytest.approx(math.sqrt(robust[1, 1]), rel=2e-3)
    assert not found.is_weak


def test_both_intervals_cover_and_takers_alone_would_mislead() -> None:
    # 3,000 seeded shops, truth 2.0; band of three standard errors around 95 %
    rng = np.random.default_rng(6)
    wald = ar = 0
    for _ in range(3000):
        found = redeemer_effect(*shop(rng, 400, 0.3, 2.0))
        assert isinstance(found, RedeemerEffect)
        wald += found.interval[0] <= 2.0 <= found.interval[1]
        ar += any(low <= 2.0 <= high for low, high in found.anderson_rubin)
    band = 3 * math.sqrt(0.95 * 0.05 / 3000)
    assert abs(ar / 3000 - 0.95) < band
    assert abs(wald / 3000 - 0.95) < band + 0.01


def test_a_weak_instrument_is_said_and_its_set_is_honest() -> None:
    rng, covered, weak = np.random.default_rng(7), 0, 0
    for _ in range(2000):
        found = redeemer_effect(*shop(rng, 100, 0.03, 2.0))
        if isinstance(found, Inconclusive):
            covered += 1
            continue
        weak += found.is_weak
        covered += any(low <= 2.0 <= high for low, high in found.anderson_rubin)
    assert weak > 1500
    assert covered / 2000 > 0.93


def test_the_set_holds_zero_exactly_when_the_difference_is_not_significant() -> None:
    rng = np.random.default_rng(8)
    for effect in np.linspace(0.0, 4.0, 40):
        found = redeemer_effect(*shop(rng, 300, 0.3, float(effect)))
        assert isinstance(found, RedeemerEffect)
        assert any(low <= 0.0 <= high for low, high in found.anderson_rubin) == (found.pvalue > 0.05)


def test_leakage_and_equal_taking_have_no_number() -> None:
    control, treatment = shop(np.random.default_rng(1), 100, 0.3, 1.0)
    refused = redeemer_effect(control, treatment, leakage=0.06)
    assert isinstance(refused, Inconclusive)
    assert refused.reason == "leakage"
    assert isinstance(redeemer_effect(control, control), Inconclusive)
    flat = TakenMoments(10, 5, 10.0, 10.0, 5.0)
    assert isinstance(redeemer_effect(TakenMoments(10, 0, 10.0, 10.0, 0.0), flat), Inconclusive)


def test_where_everybody_takes_the_offer_the_effect_is_the_difference_itself() -> None:
    rng = np.random.default_rng(4)
    control, treated = 10.0 + rng.standard_normal(400), 11.0 + rng.standard_normal(400)
    found = redeemer_effect(moments(control, np.zeros(400)), moments(treated, np.ones(400)))
    assert isinstance(found, RedeemerEffect)
    assert found.effect == pytest.approx(treated.mean() - control.mean())
    error = math.sqrt(control.var(ddof=1) / 400 + treated.var(ddof=1) / 400)
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    (only,) = found.anderson_rubin
    assert only == pytest.approx(found.interval, rel=1e-9)
    assert (found.first_stage, found.first_stage_f, found.is_weak) == (1.0, math.inf, False)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: TakenMoments(1, 0, 0, 0, 0), "units took it"),
        (lambda: TakenMoments(5, 6, 0, 0, 0), "units took it"),
        (lambda: TakenMoments(5, 1, math.nan, 0, 0), "finite"),
    ],
)
def test_impossible_arguments_are_named(call: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()
