"""Sizes of whole designs; oracles: the reverse question, Dunnett's level, simulated sequential tests."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from stats.designing import Design, Traffic, sequential_cost
from stats.one_look import Baseline, control_units
from stats.sequential.boundaries import boundaries
from stats.sizing import (
    detectable_mde,
    feasible_mde,
    needed_units,
    size_of_test,
    size_of_units,
)

DESIGNS = {
    "fixed": (Design(open_ended_share=0.0), (1.0,)),
    "weekly": (Design(), (0.5, 0.75, 1.0)),
    "one side": (Design(sides=1, spending="obrien-fleming"), (0.25, 0.5, 0.75, 1.0)),
    "three uneven": (Design(weights=(0.7, 0.2, 0.05, 0.05)), (0.5, 1.0)),
    "guardrail": (Design(weights=(0.5, 0.25, 0.25), is_margin=True), (0.5, 1.0)),
}
BASELINES = {
    "share": Baseline(0.05),
    "mean": Baseline(95_000, 240_000, "mean"),
    "count": Baseline(0.3, 0.9, "count"),
    "repeat": Baseline(0.2, kind="repeat"),
    "ratio": Baseline(240_000, 150_000, "ratio"),
}


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("name", DESIGNS)
def test_units_and_what_they_find_are_each_other_s_inverse(kind: str, name: str) -> None:
    design, looks = DESIGNS[name]
    found = detectable_mde(BASELINES[kind], 60_000, design, looks)
    assert found is not None
    assert needed_units(BASELINES[kind], found, design, looks) == pytest.approx(60_000, rel=1e-9)


@pytest.mark.parametrize("kind", BASELINES)
def test_whole_units_come_back(kind: str) -> None:
    for traffic in (None, Traffic(2000.0, window_days=14)):
        found, size = size_of_units(BASELINES[kind], 60_000, Design(), traffic=traffic)
        assert found is not None
        again = size_of_test(BASELINES[kind], found, Design(), traffic=traffic)
        assert again.units_exact == pytest.approx(60_000, rel=1e-9)
        assert abs(again.units - 60_000) <= 1
        assert again.looks == size.looks


def test_uneven_treatments_are_planned_for_the_smallest() -> None:
    design = Design(weights=(0.6, 0.3, 0.1), open_ended_share=0.0)
    size = size_of_test(Baseline(0.05), 0.2, design, looks=1)
    control = control_units(Baseline(0.05), 0.2, design.question)
    assert size.units_by_variant == tuple(math.ceil(control * share / 0.6) for share in (0.6, 0.3, 0.1))
    assert design.question.ratio == pytest.approx(1 / 6)
    # oracle: power of a score test at those units by hand
    n_c, n_t, p, q = size.units_by_variant[0], size.units_by_variant[2], 0.05, 0.06
    pooled = (n_c * p + n_t * q) / (n_c + n_t)
    edge = norm.isf(design.level) * math.sqrt(pooled * (1 - pooled) * (1 / n_c + 1 / n_t))
    error = math.sqrt(p * (1 - p) / n_c + q * (1 - q) / n_t)
    assert norm.sf((edge - 0.01) / error) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("design", [Design(sides=1), Design(is_margin=True)])
def test_a_sequential_plan_has_its_power(design: Design) -> None:
    # oracle: simulated Brownian motion through the boundaries of the half that decides
    looks = (0.25, 0.5, 0.75, 1.0)
    z = np.array(
        [
            look.z
            for look in boundaries(
                looks, design.level, sides=1, open_ended_share=0.1, spending="kim-demets:2"
            )
        ]
    )
    inflation, expected = sequential_cost(design, looks)
    drift = (norm.isf(design.level) + norm.ppf(0.8)) * math.sqrt(inflation)
    rng, times = np.random.default_rng(3), np.array(looks)
    steps = rng.normal(size=(100_000, 4)) * np.sqrt(np.diff(times, prepend=0.0))
    crossed = (np.cumsum(steps, axis=1) + drift * times) / np.sqrt(times) >= z
    assert crossed.any(axis=1).mean() == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / 100_000))
    stop = np.where(crossed.any(axis=1), times[crossed.argmax(axis=1)], 1.0).mean()
    assert expected == pytest.approx(stop, abs=0.004)


def test_levels_are_those_of_the_service() -> None:
    assert Design(weights=(1, 1, 1, 1)).alpha_each == pytest.approx(0.01882, abs=1e-5)
    assert Design(weights=(1, 1, 1, 1), is_margin=True).level == 0.025
    assert Design().level == pytest.approx(0.025)
    assert Design(sides=1).level == pytest.approx(0.05)


def test_partly_followed_buyers_make_early_looks_worth_more() -> None:
    traffic = Traffic(500.0, window_days=30)
    repeat = size_of_test(Baseline(0.2, kind="repeat"), 0.1, Design(), traffic=traffic)
    share = size_of_test(Baseline(0.2), 0.1, Design(), traffic=traffic)
    assert len(repeat.looks) == len(share.looks)
    assert all(a > b for a, b in zip(repeat.looks[:-1], share.looks[:-1], strict=True))
    assert repeat.looks[-1] == share.looks[-1] == 1.0


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("is_margin", [False, True])
def test_what_is_feasible_fits_and_a_little_less_does_not(kind: str, *, is_margin: bool) -> None:
    traffic = Traffic(900.0, window_days=14, longest_days=60)
    design = Design(is_margin=is_margin)
    found = feasible_mde(BASELINES[kind], design, traffic)
    assert found is not None
    for factor, fits in ((1.001, True), (0.97, False)):
        size = size_of_test(BASELINES[kind], found * factor, design, traffic=traffic)
        assert size.duration is not None
        assert size.duration.feasible is fits


def test_a_fixed_design_looks_once_when_all_have_matured() -> None:
    traffic = Traffic(900.0, window_days=14, single_look=True)
    size = size_of_test(Baseline(0.1), 0.1, Design(open_ended_share=0.0), traffic=traffic)
    assert size.looks == (1.0,)
    assert size.inflation == pytest.approx(1.0)
    assert size.units_by_variant == size.fixed_units_by_variant


def test_units_are_divided_by_weights_and_sum_to_all() -> None:
    _, size = size_of_units(Baseline(0.1), 100_001, Design(weights=(0.8, 0.1, 0.1)))
    assert sum(size.units_by_variant) == 100_001
    assert size.units_by_variant == (80_001, 10_000, 10_000)


def test_fewer_units_than_variants_are_refused() -> None:
    with pytest.raises(ValueError, match="one per variant"):
        size_of_units(Baseline(0.1), 2, Design(weights=(1, 1, 1)))
