"""Seeded A/A and A/B studies of the test as a shop would run it."""

import math

import numpy as np
import pytest

from stats.simulation import ConversionStudy, conversion_scores, simulate_conversion

AA_BAND = range(25, 70)  # of 1,000 experiments at alpha 0.05


def test_a_thousand_aa_experiments_with_daily_looks_are_significant_as_rarely_as_promised() -> None:
    found = simulate_conversion(np.random.default_rng(2024), 1_000, ConversionStudy())
    assert found.significant in AA_BAND


def test_naive_peeking_at_the_same_experiments_leaves_the_band() -> None:
    scores = conversion_scores(np.random.default_rng(2024), 1_000, ConversionStudy())
    naive = int((np.abs(scores) > 1.96).any(axis=1).sum())
    assert naive not in AA_BAND
    assert naive > 150


def test_a_run_to_twice_the_plan_keeps_its_error_rate() -> None:
    # oracle: the promised alpha; 10,000 seeded runs, band of three standard errors above it
    study = ConversionStudy(days=56, planned_units=56_000)
    assert study.fractions[-1] == 2.0
    found = simulate_conversion(np.random.default_rng(7), 10_000, study)
    assert found.share <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 10_000)
    assert found.share > 0.035


def test_weekly_looks_keep_the_error_rate() -> None:
    study = ConversionStudy(look_days="weekly")
    assert np.isfinite(study.upper).nonzero()[0].tolist() == [13, 20, 27]
    assert np.isfinite(study.lower).all()
    found = simulate_conversion(np.random.default_rng(9), 5_000, study)
    assert found.share <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 5_000)


def test_a_true_effect_is_found_early() -> None:
    # acceptance: +10.3 % (80 % power in one look) with daily looks: power ≥ 72 %, mean size at stop ≤ 73 %
    study = ConversionStudy(rate_treatment=0.05 * 1.103)
    found = simulate_conversion(np.random.default_rng(5), 5_000, study)
    assert found.share >= 0.72 - 2 * math.sqrt(0.72 * 0.28 / 5_000)
    assert found.mean_fraction_at_stop <= 0.73
    assert found.rolled_out / found.significant > 0.99


def test_harm_is_found_below() -> None:
    found = simulate_conversion(np.random.default_rng(6), 500, ConversionStudy(rate_treatment=0.035))
    assert found.significant == 500
    assert found.rolled_out == 0


def test_the_same_seed_gives_the_same_study() -> None:
    study = ConversionStudy(days=7)
    first, second = (simulate_conversion(np.random.default_rng(1), 50, study) for _ in range(2))
    assert first == second


def test_scores_are_zero_where_nobody_bought() -> None:
    study = ConversionStudy(days=3, units_per_day_and_arm=1, rate_control=1e-12, rate_treatment=1e-12)
    assert conversion_scores(np.random.default_rng(1), 4, study).tolist() == [[0.0] * 3] * 4


def test_an_unknown_spending_function_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of"):
        simulate_conversion(np.random.default_rng(1), 1, ConversionStudy(spending="haybittle"))
