"""Quantiles, counts, event times and bets read at any time; oracles: confseq, sequential-analysis, sums."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from stats.sequential.evalues import (
    Block,
    betting_interval,
    block_log_evalue,
    share_interval,
    two_rates_evidence,
)
from stats.sequential.gamma_mixtures import (
    gamma_exponential_bound,
    gamma_exponential_log_mixture,
    gamma_poisson_bound,
    gamma_poisson_log_mixture,
)
from stats.sequential.logrank import EventTable, hazard_ratio, log_likelihood_ratio, logrank_evidence
from stats.sequential.mixtures import one_step_rho
from stats.sequential.quantiles import (
    double_stitching_bound,
    empirical_process_bound,
    quantile_interval,
    quantile_pvalue,
)
from tests.support.oracle_cases import Case, oracle_case, oracle_cases

HOWARD = "confseq_howard.json"
GAMMA = {
    "cs_gamma_exp_log_mixture": lambda rho: gamma_exponential_log_mixture(10, 100, rho, 2),
    "cs_gamma_exp_bound": lambda rho: gamma_exponential_bound(100, 0.05, rho, 2),
    "cs_gamma_poisson_log_mixture": lambda rho: gamma_poisson_log_mixture(10, 100, rho, 2),
    "cs_gamma_poisson_bound": lambda rho: gamma_poisson_bound(100, 0.05, rho, 2),
}


@pytest.mark.parametrize("case", oracle_cases(HOWARD, lambda c: c["name"] in GAMMA))
def test_gamma_mixtures_equal_confseq(case: Case) -> None:
    expected = next(iter(case["expected"].values()))
    found = GAMMA[case["name"]](one_step_rho(100, 2 * 0.05))
    assert found == pytest.approx(expected, abs=case["tolerance"])


@pytest.mark.parametrize("case", oracle_cases(HOWARD, lambda c: "double_stitching" in c["name"]))
def test_double_stitching_equals_confseq(case: Case) -> None:
    given = case["inputs"]
    found = double_stitching_bound(given["quantile"], given["t"], given["alpha"], given["t_opt"])
    assert found == pytest.approx(case["expected"]["bound"], abs=case["tolerance"])


def test_the_empirical_process_bound_equals_confseq() -> None:
    case = oracle_case(HOWARD, "cs_empirical_process_lil")
    found = empirical_process_bound(1000, 0.05, 100, 0.85)
    assert found == pytest.approx(case["expected"]["bound"], abs=case["tolerance"])
    assert empirical_process_bound(99, 0.05, 100) == math.inf


@pytest.mark.parametrize("case", oracle_cases(HOWARD, lambda c: "quantile_ab" in c["name"]))
def test_quantile_tests_equal_confseq(case: Case) -> None:
    given = case["inputs"]
    values = np.arange(1.0, given["n"] + 1.0)
    found = quantile_pvalue(values, values + given["offset"], given["quantile"], given["t_opt"])
    assert found == pytest.approx(case["expected"]["p"], abs=case["tolerance"])


def test_a_quantile_test_is_symmetric_and_says_nothing_of_equal_arms() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.lognormal(0, 1, 300), rng.lognormal(0.4, 1, 260)
    assert quantile_pvalue(a, b, 0.5, 200) == pytest.approx(quantile_pvalue(b, a, 0.5, 200))
    assert quantile_pvalue(a, a, 0.5, 200) == 1.0
    assert quantile_pvalue(a, b, 0.5, 200) < 1.0


def test_quantile_tests_and_intervals_hold_when_read_after_every_tenth_buyer() -> None:
    rng, wrong, missed, runs = np.random.default_rng(2), 0, 0, 200
    for _ in range(runs):
        a, b = rng.lognormal(0, 1, (2, 500))
        wrong += any(quantile_pvalue(a[:n], b[:n], 0.5, 200) <= 0.05 for n in range(20, 501, 20))
        ends = [quantile_interval(a[:n], 0.5, 0.05, 200) for n in range(20, 501, 20)]
        missed += not all(low <= 1.0 <= high for low, high in ends)
    assert wrong <= binom.ppf(0.999, runs, 0.05)
    assert missed <= binom.ppf(0.999, runs, 0.05)
    assert all(math.isfinite(end) for end in quantile_interval(a, 0.5, 0.05, 200))


# ---------------------------------------------------------------- log-rank


def as_tables(given: dict[str, Any]) -> list[EventTable]:
    """Everybody enters at 0: one table for each time of an event."""
    time, event, arm = (np.array(given[name]) for name in ("time", "event", "arm"))
    return [
        EventTable(
            *(int(((time >= t) & (arm == side)).sum()) for side in (0, 1)),
            *(int(((time == t) & (event == 1) & (arm == side)).sum()) for side in (0, 1)),
        )
        for t in np.unique(time[event == 1])
    ]


def test_log_rank_evidence_equals_the_package() -> None:
    case = oracle_case("anytime_misc_pkgs.json", "sa_anytime_logrank_80")
    expected, found = case["expected"], logrank_evidence(as_tables(case["inputs"]))
    assert found.log_evalue == pytest.approx(expected["log_e_value"], abs=1e-6)
    assert found.pvalue == pytest.approx(expected["p_value"], abs=1e-6)
    # its estimate and interval are one normal step from none; ours invert the evidence itself
    _, low, high = hazard_ratio(as_tables(case["inputs"]))
    assert low == pytest.approx(expected["lower"], rel=0.01)
    assert low < 1.0 < expected["upper"] < high


def test_the_expectation_of_a_table_s_evidence_is_one_with_ties_too() -> None:
    # oracle: the sum over every split of 5 tied events, weighted by scipy's hypergeometric distribution
    from scipy.stats import hypergeom

    bets = np.array([-0.7, 0.3, 1.1])
    total = sum(
        hypergeom.pmf(k, 40, 15, 5) * np.exp(log_likelihood_ratio(np.array([[25, 15, 5 - k, k]]), bets))
        for k in range(6)
    )
    assert total == pytest.approx(np.ones(3), rel=1e-9)


def test_log_rank_evidence_holds_under_staggered_entry_read_every_day() -> None:
    rng, wrong, runs = np.random.default_rng(3), 0, 120
    for _ in range(runs):
        hazard = rng.uniform(0.01, 0.08, 12)  # each cohort has its own pace
        waits = rng.geometric(hazard[:, None, None], (12, 2, 30))
        wrong += any(logrank_evidence(_staggered(waits, day)).pvalue <= 0.05 for day in range(5, 30, 5))
    assert wrong <= binom.ppf(0.999, runs, 0.05)


def _staggered(waits: np.ndarray[Any, Any], day: int) -> list[EventTable]:
    """Cohort c enters on day c; ages up to day − c have been lived through."""
    found = []
    for cohort, arms in enumerate(waits):
        for age in range(1, day - cohort + 1):
            at_risk = [int((arm >= age).sum()) for arm in arms]
            events = [int((arm == age).sum()) for arm in arms]
            found.append(EventTable(*at_risk, *events))
    return found


def test_a_strong_effect_is_found_and_nothing_said_without_events() -> None:
    rng = np.random.default_rng(4)
    waits = np.stack([rng.geometric(0.02, (8, 200)), rng.geometric(0.04, (8, 200))], axis=1)
    tables = _staggered(waits, 30)
    assert logrank_evidence(tables).pvalue < 0.001
    ratio = hazard_ratio(tables)
    assert ratio.low > 1.0
    assert ratio.point == pytest.approx(2.0, rel=0.2)
    empty = [EventTable(10, 10, 0, 0), EventTable(0, 4, 0, 1)]
    assert logrank_evidence(empty).events == 0
    assert logrank_evidence(empty).pvalue == 1.0
    assert hazard_ratio(empty) == (None, 0.0, math.inf)


# ---------------------------------------------------------------- exact 2 × 2 and bets


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.5, 0.97])
@pytest.mark.parametrize("seen", [Block(0, 0, 0, 0), Block(40, 1, 30, 6), Block(9, 9, 9, 0)])
def test_the_expectation_of_a_block_is_at_most_one_whatever_the_common_rate(rate: float, seen: Block) -> None:
    # oracle: the sum over every outcome of a block of 7 and 5
    total = sum(
        binom.pmf(a, 7, rate) * binom.pmf(b, 5, rate) * math.exp(block_log_evalue(Block(7, a, 5, b), seen))
        for a, b in itertools.product(range(8), range(6))
    )
    assert total <= 1.0 + 1e-9


def test_two_rates_read_every_day_are_rarely_called_different_and_a_true_effect_is_found() -> None:
    rng, runs = np.random.default_rng(5), 1_000

    def share_below(rates: tuple[float, float]) -> float:
        counts = rng.binomial(200, rates, (runs, 28, 2))
        found = [two_rates_evidence([Block(200, int(c), 200, int(t)) for c, t in run]) for run in counts]
        return sum(evidence.pvalue <= 0.05 for evidence in found) / runs

    assert share_below((0.05, 0.05)) <= binom.ppf(0.999, runs, 0.05) / runs
    assert share_below((0.05, 0.075)) >= 0.6


def test_bets_cover_a_bounded_mean_at_every_size_and_beat_hoeffding_s_interval() -> None:
    rng, missed, runs = np.random.default_rng(6), 0, 150
    for _ in range(runs):
        values = rng.beta(1, 9, 300)
        ends = [betting_interval(values[:n], 0.05, grid=401) for n in (20, 60, 120, 200, 300)]
        missed += not all(low <= 0.1 <= high for low, high in ends)
    assert missed <= binom.ppf(0.999, runs, 0.05)
    hoeffding = math.sqrt(math.log(2 / 0.05) / (2 * 300))
    low, high = ends[-1]
    assert high - low < hoeffding


def test_a_beta_mixture_s_running_intersection_equals_ville() -> None:
    case = oracle_case("anytime_misc_pkgs.json", "ville_bernoulli_cs_600")
    low, high, found = 0.0, 1.0, {}
    for n in range(1, 601):
        ends = share_interval(n // 10, n, 0.05)  # nine losses, then one success
        low, high = max(low, ends[0]), min(high, ends[1])
        found[n] = (low, high)
    expected = case["expected"]
    assert found[600] == pytest.approx((expected["lower"], expected["upper"]), abs=1e-6)
    assert found[100] == pytest.approx((expected["lower_at_100"], expected["upper_at_100"]), abs=1e-6)


def test_bets_on_money_are_read_on_its_own_scale() -> None:
    shares = np.random.default_rng(7).beta(2, 5, 200)
    low, high = betting_interval(shares, 0.05)
    in_money = betting_interval(shares * 5000 + 1000, 0.05, low=1000, high=6000)
    assert in_money == pytest.approx((1000 + 5000 * low, 1000 + 5000 * high))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: gamma_exponential_log_mixture(-100, 1, 1, 2), "s is"),
        (lambda: gamma_poisson_bound(1, 0.0, 1, 2), "alpha"),
        (lambda: gamma_exponential_bound(1, 0.05, 1, 0), "c is"),
        (lambda: quantile_pvalue([], [1.0], 0.5, 10), "values"),
        (lambda: quantile_pvalue([math.nan], [1.0], 0.5, 10), "values"),
        (lambda: quantile_pvalue([1.0], [1.0], 1.0, 10), "quantile"),
        (lambda: empirical_process_bound(10, 0.05, 5, 0.5), "a is"),
        (lambda: empirical_process_bound(10, 0.05, 0.5), "t_min"),
        (lambda: two_rates_evidence([Block(1, 2, 1, 0)]), "control_successes"),
        (lambda: share_interval(3, 2, 0.05), "successes"),
        (lambda: share_interval(1, 2, 0.05, (0.0, 1.0)), "prior"),
        (lambda: betting_interval([2.0], 0.05), "every value"),
        (lambda: betting_interval([], 1.0), "alpha"),
        (lambda: betting_interval([], 0.05, low=1.0, high=1.0), "low"),
        (lambda: logrank_evidence([EventTable(1, 1, 2, 0)]), "events"),
        (lambda: logrank_evidence([], prior_sd=0.0), "prior_sd"),
        (lambda: hazard_ratio([], alpha=0.0), "alpha"),
    ],
)
def test_impossible_arguments_are_refused(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()  # type: ignore[operator]  # a table of calls
