"""Oracles: the values of confseq's own tests, the ville package, and paths simulated under nothing."""

import math

import numpy as np
import pytest

from stats.sequential.mixtures import (
    bernoulli_confidence_sequence,
    best_rho,
    beta_binomial_bound,
    beta_binomial_log_mixture,
    normal_log_mixture,
    normal_mixture_bound,
    one_step_rho,
    poly_stitching_bound,
)
from tests.support.oracle_cases import Case, oracle_case, oracle_cases

HOWARD = "confseq_howard.json"


def rho_of(case: Case, sides: int) -> float:
    """The precision that package tunes its mixtures with; 0.05 unless the case says otherwise."""
    alpha = case["inputs"].get("alpha_opt", 0.05)
    return one_step_rho(case["inputs"]["v_opt"], alpha if sides == 2 else 2 * alpha)


def test_the_precision_equals_confseq_and_the_exact_one_equals_ville() -> None:
    case = oracle_case(HOWARD, "cs_best_rho_two_sided")
    assert one_step_rho(100, 0.05) == pytest.approx(case["expected"]["rho"], rel=1e-6)
    for v in (5000, 56000):
        ville = oracle_case("anytime_misc_pkgs.json", f"ville_best_rho_{v}")
        assert best_rho(v, 0.05) == pytest.approx(ville["expected"]["rho"], rel=1e-5)


@pytest.mark.parametrize("v", [10.0, 5000.0])
def test_the_exact_precision_makes_the_boundary_lowest(v: float) -> None:
    best = best_rho(v, 0.05)
    lowest = normal_mixture_bound(v, 0.05, best)
    for other in (best * 0.98, best * 1.02):
        assert lowest < normal_mixture_bound(v, 0.05, other)


@pytest.mark.parametrize(("name", "sides"), [("two_sided", 2), ("one_sided", 1)])
def test_normal_mixtures_equal_confseq(name: str, sides: int) -> None:
    case = oracle_case(HOWARD, f"cs_normal_log_mixture_{name}")
    found = normal_log_mixture(10, 100, rho_of(case, sides), sides=sides)
    assert found == pytest.approx(case["expected"]["log_mixture"], abs=1e-6)
    case = oracle_case(HOWARD, f"cs_normal_mixture_bound_{name}")
    bound = normal_mixture_bound(100, 0.05, rho_of(case, sides), sides=sides)
    assert bound == pytest.approx(case["expected"]["bound"], abs=1e-5)


def test_normal_mixture_bounds_equal_ville() -> None:
    case = oracle_case("anytime_misc_pkgs.json", "ville_normal_mixture_1000_0.05")
    assert normal_mixture_bound(1000, 0.05, 100.0) == pytest.approx(case["expected"]["bound"], abs=1e-6)


@pytest.mark.parametrize(("name", "sides"), [("two_sided", 2), ("one_sided", 1)])
def test_beta_binomial_mixtures_equal_confseq(name: str, sides: int) -> None:
    case = oracle_case(HOWARD, f"cs_beta_binomial_log_mixture_{name}")
    found = beta_binomial_log_mixture(10, 100, rho_of(case, sides), 0.2, 0.8, sides=sides)
    assert found == pytest.approx(case["expected"]["log_mixture"], abs=1e-6)
    case = oracle_case(HOWARD, f"cs_beta_binomial_bound_{name}")
    bound = beta_binomial_bound(100, 0.05, rho_of(case, sides), 0.2, 0.8, sides=sides)
    assert bound == pytest.approx(case["expected"]["bound"], abs=1e-4)


@pytest.mark.parametrize("case", oracle_cases(HOWARD, lambda c: c["name"].startswith("cs_bernoulli_")))
def test_bernoulli_confidence_sequences_equal_confseq(case: Case) -> None:
    found = bernoulli_confidence_sequence(
        *(case["inputs"][key] for key in ("successes", "n", "alpha", "t_opt"))
    )
    assert found == pytest.approx((case["expected"]["lower"], case["expected"]["upper"]), abs=1e-5)


@pytest.mark.parametrize("case", oracle_cases(HOWARD, lambda c: c["name"].startswith("cs_poly_stitching")))
def test_stitched_boundaries_equal_confseq(case: Case) -> None:
    given = case["inputs"]
    found = poly_stitching_bound(given["v"], given["alpha"], given["v_min"], given["c"])
    assert found == pytest.approx(case["expected"]["bound"], abs=1e-5)


def test_paths_of_nothing_cross_no_more_often_than_promised() -> None:
    # 4,000 seeded random walks of 2,000 steps, looked at after every step
    walks = np.random.default_rng(12).standard_normal((4000, 2000)).cumsum(axis=1)
    times = [float(v) for v in range(1, 2001)]
    two = np.array([normal_mixture_bound(v, 0.05, best_rho(500, 0.05)) for v in times])
    crossed = (np.abs(walks) >= two).any(axis=1).mean()
    assert 0.005 < crossed <= 0.05
    stitched = np.array([poly_stitching_bound(v, 0.05, 10) for v in times])
    assert (walks[:, 10:] >= stitched[10:]).any(axis=1).mean() <= 0.05


def test_a_share_s_interval_holds_at_all_sizes_at_once() -> None:
    rng = np.random.default_rng(3)
    missed = 0
    for path in rng.random((300, 400)) < 0.2:
        sums = path.cumsum()
        ends = [bernoulli_confidence_sequence(int(sums[n - 1]), n, 0.05, 100) for n in range(20, 401, 20)]
        missed += any(not low <= 0.2 <= high for low, high in ends)
    assert missed / 300 <= 0.05


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((1.0, 0.0, 1.0), "alpha"), ((math.nan, 0.05, 1.0), "v is"), ((1.0, 0.05, 0.0), "rho")],
)
def test_impossible_arguments_are_named(arguments: tuple[float, float, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        normal_mixture_bound(*arguments)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="successes"):
        bernoulli_confidence_sequence(3, 2, 0.05, 10)
