"""NaN never goes in unnoticed and never comes out: refused by name, or the answer says what is missing."""

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from stats import (
    adjustment,
    bayes,
    contrasts,
    designing,
    event_times,
    fixed_sample,
    means,
    multiplicity,
    one_look,
    planning,
    quantile_difference,
    redeemers,
    sample_ratio,
    segments,
)
from stats.offers import bunching, leakage, profit, pull_forward, subsidy
from stats.plan import AnalysisPlan, Metric
from stats.results import Inconclusive
from stats.sequential import (
    boundaries,
    confidence_sequences,
    designs,
    evalues,
    futility,
    gamma_mixtures,
    logrank,
    mixtures,
    msprt,
    quantiles,
    regression,
    spending,
    stage_wise,
)
from stats.shoppers import Shop

VALUES = [1.0, 2.0, 3.0, 5.0, 8.0] * 20
ARM = contrasts.Arm(100, 2.0, 0.04)
CURVE = pull_forward.CurveArm(100, np.array([0.1, 0.2]), np.array([[0.01, 0.002], [0.002, 0.02]]))
MARGIN = profit.MarginArm(100, 10.0, 1.0, 4.0, 0.5, 0.1)
PAIRED = adjustment.PairedMoments(100, 1.0, 2.0, 1.0, 2.0, 1.5)
FEW, MORE = fixed_sample.Count(1, 10), fixed_sample.Count(2, 10)
METRIC = Metric("conversion_rate", "primary", "proportion", 7)

# each call with arguments it accepts; every float among them is replaced by NaN in turn
CALLS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (adjustment.PairedMoments, dataclasses.asdict(PAIRED)),
    (
        adjustment.regression_adjusted,
        {"outcome": VALUES, "treated": [0, 1] * 50, "covariates": [[float(k % 7) for k in range(100)]]},
    ),
    (bayes.compare_shares, {"control": (10, 100), "treatment": (12, 100), "prior": (1.0, 1.0)}),
    (bayes.compare_normal, {"difference": 0.1, "standard_error": 0.05, "prior": (0.0, 1.0)}),
    (event_times.Followed, {"times": (1.0, 2.0), "events": (True, False)}),
    (event_times.restricted_mean, {"units": event_times.Followed((1.0, 2.0), (True, False)), "until": 2.0}),
    (
        event_times.Spells,
        {"unit": (1, 1), "start": (0.0, 1.0), "stop": (1.0, 2.0), "event": (True, False)},
    ),
    (
        event_times.mean_cumulative_count,
        {"spells": event_times.Spells((1, 1), (0.0, 1.0), (1.0, 2.0), (True, False)), "ages": (1.0,)},
    ),
    (
        fixed_sample.compare_rates,
        {"control": (5, 10.0), "treatment": (6, 10.0), "alpha": 0.05},
    ),
    (
        fixed_sample.equivalence_pvalue,
        {"difference": 0.1, "standard_error": 0.1, "df": 10.0, "low": -1.0, "high": 1.0},
    ),
    *(
        (
            method,
            {"control": fixed_sample.Count(1, 10), "treatment": fixed_sample.Count(2, 10), "alpha": 0.05},
        )
        for method in (fixed_sample.difference_interval, fixed_sample.ratio_interval)
    ),
    (
        fixed_sample.noninferiority_test,
        {"control": fixed_sample.Count(1, 10), "treatment": fixed_sample.Count(2, 10), "margin": 0.05},
    ),
    (fixed_sample.share_interval, {"count": fixed_sample.Count(1, 10), "alpha": 0.05}),
    (means.t_to_z, {"t": 2.0, "df": 10.0}),
    (means.z_to_t, {"z": 2.0, "df": 10.0}),
    (multiplicity.adjusted_pvalues, {"pvalues": (0.01, 0.02), "method": "holm"}),
    (multiplicity.dunnett_critical, {"control_share": 0.5, "treatment_shares": (0.25, 0.25), "alpha": 0.05}),
    (multiplicity.dunnett_level, {"control_share": 0.5, "treatment_shares": (0.25, 0.25), "alpha": 0.05}),
    (multiplicity.dunnett_pvalue, {"control_share": 0.5, "treatment_shares": (0.25, 0.25), "pvalue": 0.05}),
    (multiplicity.e_bh, {"evalues": (30.0, 1.0), "alpha": 0.05}),
    (profit.MarginArm, dataclasses.asdict(MARGIN)),
    (
        profit.profit_difference,
        {"control": MARGIN, "treatment": MARGIN, "margin": (0.2, 0.3), "alpha": 0.05},
    ),
    (pull_forward.pull_forward, {"control": CURVE, "treatment": CURVE, "alpha": 0.05}),
    (subsidy.imbens_manski_z, {"width": 1.0, "alpha": 0.05}),
    (
        subsidy.subsidy,
        {
            "control_units": 100,
            "control_ordered": 10,
            "offer": subsidy.OfferArm(100, 12, 8),
            "alpha": 0.05,
        },
    ),
    (leakage.leakage, {"matrix": {("a", "a"): 10}, "alpha": 0.05}),
    (bunching.basket_counts, {"baskets_minor": (100, 200), "threshold_minor": 150, "band_share": 0.1}),
    (
        bunching.bunching,
        {
            "control": bunching.BasketCounts(100, 10, 10),
            "treatment": bunching.BasketCounts(100, 10, 12),
            "alpha": 0.05,
        },
    ),
    (
        planning.break_even,
        {"orders_per_unit": 0.1, "margin_minor": 100.0, "redemption_share": 0.1, "discount_minor": 50.0},
    ),
    (planning.budget_needed, {"units": 100.0, "redemption_share": 0.1, "discount_minor": 50.0}),
    (planning.detectable_share, {"control": 0.05, "units": 1000.0, "alpha": 0.05, "power": 0.8}),
    (planning.power_of_shares, {"control": 0.05, "treatment": 0.06, "units": 1000.0, "alpha": 0.05}),
    (planning.units_for_means, {"difference": 1.0, "sd": 5.0, "alpha": 0.05, "power": 0.8}),
    (planning.units_for_shares, {"control": 0.05, "treatment": 0.06, "alpha": 0.05, "power": 0.8}),
    (
        quantile_difference.compare_quantiles,
        {"control": VALUES, "treatment": VALUES, "quantile": 0.5, "alpha": 0.05},
    ),
    (
        redeemers.TakenMoments,
        {"n": 10, "taken": 3, "total": 5.0, "squares": 9.0, "total_of_takers": 3.0},
    ),
    (
        redeemers.redeemer_effect,
        {
            "control": redeemers.TakenMoments(10, 0, 5.0, 9.0, 0.0),
            "treatment": redeemers.TakenMoments(10, 3, 6.0, 9.0, 3.0),
            "alpha": 0.05,
            "leakage": 0.0,
        },
    ),
    (sample_ratio.sequential_pvalue, {"counts_by_time": [(5, 5)], "weights": (0.5, 0.5)}),
    (sample_ratio.chi_square_pvalue, {"counts": (5, 5), "weights": (0.5, 0.5)}),
    (
        segments.explore_segments,
        {"blocks": {"new": [evalues.Block(10, 1, 10, 2)]}, "false_discovery_rate": 0.1},
    ),
    (
        boundaries.boundaries,
        {"information": (0.5, 1.0), "alpha": 0.05, "spending": "pocock", "open_ended_share": 0.1},
    ),
    (
        designs.inflation_factor,
        {"information": (0.5, 1.0), "z": (2.3, 2.0), "alpha": 0.05, "power": 0.8},
    ),
    (designs.crossing_probabilities, {"information": (0.5, 1.0), "z": (2.3, 2.0), "drift": 1.0}),
    (designs.needed_drift, {"information": (0.5, 1.0), "z": (2.3, 2.0), "power": 0.8}),
    (
        futility.futility_boundaries,
        {"information": (0.5, 1.0), "upper": (2.3, 2.0), "alpha": 0.025, "power": 0.8},
    ),
    (confidence_sequences.tuned_rho, {"planned_n": 100.0, "alpha": 0.05}),
    (
        confidence_sequences.asymptotic_half_width,
        {"variance": 1.0, "n": 100.0, "rho": 0.1, "alpha": 0.05},
    ),
    (
        confidence_sequences.asymptotic_pvalue,
        {"difference": 0.1, "variance": 1.0, "n": 100.0, "rho": 0.1},
    ),
    (evalues.betting_interval, {"values": [0.1, 0.5, 0.9], "alpha": 0.05}),
    (evalues.share_interval, {"successes": 3, "n": 10, "alpha": 0.05, "prior": (1.0, 1.0)}),
    (gamma_mixtures.gamma_exponential_log_mixture, {"s": 1.0, "v": 2.0, "rho": 1.0, "c": 1.0}),
    (gamma_mixtures.gamma_poisson_log_mixture, {"s": 1.0, "v": 2.0, "rho": 1.0, "c": 1.0}),
    (gamma_mixtures.gamma_exponential_bound, {"v": 2.0, "alpha": 0.05, "rho": 1.0, "c": 1.0}),
    (gamma_mixtures.gamma_poisson_bound, {"v": 2.0, "alpha": 0.05, "rho": 1.0, "c": 1.0}),
    (
        logrank.hazard_ratio,
        {"tables": [logrank.EventTable(10, 10, 1, 2)] * 9, "alpha": 0.05, "prior_sd": 0.5},
    ),
    (logrank.logrank_evidence, {"tables": [logrank.EventTable(10, 10, 1, 2)], "prior_sd": 0.5}),
    (mixtures.best_rho, {"v_opt": 100.0, "alpha": 0.05}),
    (mixtures.one_step_rho, {"v_opt": 100.0, "alpha": 0.05}),
    (mixtures.normal_log_mixture, {"s": 1.0, "v": 2.0, "rho": 1.0}),
    (mixtures.normal_mixture_bound, {"v": 2.0, "alpha": 0.05, "rho": 1.0}),
    (mixtures.beta_binomial_log_mixture, {"s": 1.0, "v": 2.0, "rho": 3.0, "g": 0.5, "h": 0.5}),
    (mixtures.beta_binomial_bound, {"v": 2.0, "alpha": 0.05, "rho": 3.0, "g": 0.5, "h": 0.5}),
    (mixtures.poly_stitching_bound, {"v": 2.0, "alpha": 0.05, "v_min": 1.0, "c": 0.0, "s": 1.4, "eta": 2.0}),
    (mixtures.bernoulli_confidence_sequence, {"successes": 3, "n": 10, "alpha": 0.05, "t_opt": 100.0}),
    (msprt.always_valid_pvalue, {"previous": 0.5, "log_ratio": 1.0}),
    (
        msprt.log_likelihood_ratio,
        {"difference": 0.1, "n": 10.0, "variance": 1.0, "mixing_variance": 0.1},
    ),
    (msprt.mixing_variance_for, {"alpha": 0.05, "variance": 1.0, "longest": 100.0}),
    (quantiles.double_stitching_bound, {"quantile": 0.5, "t": 100.0, "alpha": 0.05, "t_opt": 50.0}),
    (quantiles.empirical_process_bound, {"t": 100.0, "alpha": 0.05, "t_min": 10.0}),
    (quantiles.quantile_interval, {"values": VALUES, "quantile": 0.5, "alpha": 0.05, "t_opt": 50.0}),
    (
        quantiles.quantile_pvalue,
        {"control": VALUES, "treatment": VALUES, "quantile": 0.5, "t_opt": 50.0},
    ),
    (regression.best_g, {"n": 100, "coefficients": 3, "alpha": 0.05}),
    (
        regression.regression_half_width,
        {"standard_error": 0.1, "df": 97.0, "n": 100, "g": 10.0, "alpha": 0.05},
    ),
    (regression.regression_pvalue, {"t": 2.0, "df": 97.0, "n": 100, "g": 10.0}),
    (spending.Spending, {"family": "kim-demets", "parameter": 2.0}),
    (
        stage_wise.stage_wise_estimate,
        {"z": 2.5, "information": 1.0, "earlier": ((0.5, 2.7),), "alpha": 0.05},
    ),
    (one_look.Baseline, {"mean": 0.1, "sd": 1.0, "kind": "mean"}),
    (one_look.Question, {"level": 0.025, "power": 0.8, "ratio": 1.0}),
    (designing.Design, {"alpha": 0.05, "power": 0.8, "open_ended_share": 0.1}),
    (designing.Traffic, {"units_a_day": 100.0}),
    (Shop, {"weekend_factor": 0.6, "conversion": 0.08, "again": 0.2, "uplift": 0.1, "leakage": 0.1}),
    (
        Metric,
        {
            "key": "conversion_rate",
            "role": "guardrail",
            "kind": "proportion",
            "window_days": 7,
            "non_inferiority_margin": 0.02,
        },
    ),
    (
        AnalysisPlan,
        {
            "experiment": "shop",
            "version": 1,
            "variants": ("a", "b"),
            "control": "a",
            "weights": (0.5, 0.5),
            "metrics": (METRIC,),
            "alpha": 0.05,
            "open_ended_share": 0.1,
        },
    ),
]


def poisoned(value: Any, poison: float) -> list[Any]:
    """The value with each of its floats replaced in turn."""
    if isinstance(value, float):
        return [poison]
    if isinstance(value, tuple | list):
        places = range(min(len(value), 3))
        found = [(place, bad) for place in places for bad in poisoned(value[place], poison)]
        return [type(value)([*value[:k], bad, *value[k + 1 :]]) for k, bad in found]
    return []


def mutants(poison: float) -> list[Any]:
    return [
        pytest.param(call, arguments | {name: bad}, id=f"{call.__name__}-{name}-{number}")
        for call, arguments in CALLS
        for name, value in arguments.items()
        for number, bad in enumerate(poisoned(value, poison))
    ]


def numbers_in(answer: Any) -> list[float]:
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        return [n for field in dataclasses.fields(answer) for n in numbers_in(getattr(answer, field.name))]
    if isinstance(answer, Mapping):
        return [n for value in answer.values() for n in numbers_in(value)]
    if isinstance(answer, tuple | list | np.ndarray):
        return [n for part in answer for n in numbers_in(part)]
    return [float(answer)] if isinstance(answer, float | np.floating) else []


@pytest.mark.parametrize(("call", "arguments"), [pytest.param(*pair, id=pair[0].__name__) for pair in CALLS])
def test_the_calls_below_work_and_give_numbers(call: Callable[..., Any], arguments: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = call(**arguments)
    assert not any(math.isnan(number) for number in numbers_in(answer))


@pytest.mark.parametrize(("call", "arguments"), [*mutants(math.inf), *mutants(-math.inf)])
def test_infinity_never_becomes_nan(call: Callable[..., Any], arguments: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            answer = call(**arguments)
        except ValueError as refused:
            answer = str(refused)
    assert answer is not None
    assert not any(math.isnan(number) for number in numbers_in(answer))


@pytest.mark.parametrize(("call", "arguments"), mutants(math.nan))
def test_nan_is_refused(call: Callable[..., Any], arguments: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            answer = call(**arguments)
        except ValueError as refused:
            said = str(refused)
        else:
            said = answer.reason if isinstance(answer, Inconclusive) else ""
    assert said, "NaN was accepted"
