"""One comparison read by every method; oracles: each method alone, scipy's Welch test, peeking at A/A."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind

from stats.means import MeanContrast, compare_means
from stats.proportions import ProportionContrast
from stats.sequential.boundaries import boundaries
from stats.statements import Statement, statements
from stats.summaries import Moments

SHARES = ProportionContrast(x_t=560, n_t=10_000, x_c=500, n_c=10_000)


def by_method(found: tuple[Statement, ...]) -> dict[str, Statement]:
    return {statement.method: statement for statement in found}


def pvalue_of(statement: Statement) -> float:
    assert statement.pvalue is not None
    return statement.pvalue


def test_every_method_has_the_same_shape_and_holds_the_difference() -> None:
    found = statements(SHARES, 20_000)
    assert [s.valid for s in found] == ["at_looks", "once", "any_time", "any_time", "given_prior"]
    for statement in found:
        assert statement.difference == pytest.approx(0.006)
        assert statement.low < 0.006 < statement.high
        assert (statement.pvalue is None) == (statement.method == "posterior")
        assert (statement.chance_to_win is None) == (statement.method != "posterior")


def test_an_interval_leaves_zero_out_exactly_when_its_pvalue_is_below_alpha() -> None:
    for x_t in range(500, 640, 5):
        contrast = ProportionContrast(x_t=x_t, n_t=10_000, x_c=500, n_c=10_000)
        for statement in statements(contrast, 20_000):
            if statement.pvalue is not None and abs(statement.pvalue - 0.05) > 1e-6:
                assert (statement.low > 0) == (statement.pvalue < 0.05)


def test_what_may_be_read_more_often_is_wider() -> None:
    found = by_method(statements(SHARES, 20_000))
    width = {method: s.high - s.low for method, s in found.items()}
    assert width["fixed_size"] < width["group_sequential"] < width["confidence_sequence"]
    assert width["normal_mixture"] == pytest.approx(width["confidence_sequence"], rel=0.01)


def test_a_fixed_size_is_welch_s_test() -> None:
    rng = np.random.default_rng(3)
    arms = np.round(rng.lognormal(5, 1, (2, 80)))
    arms[1] *= 2
    sums = [Moments(units=80, total=int(x.sum()), squares=int((x**2).sum())) for x in arms]
    contrast = compare_means(sums[0], sums[1])
    assert isinstance(contrast, MeanContrast)
    expected = ttest_ind(arms[1], arms[0], equal_var=False)
    found = by_method(statements(contrast, 160))["fixed_size"]
    assert found.pvalue == pytest.approx(float(expected.pvalue), rel=1e-9)
    interval = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_the_looks_before_count_for_the_deciding_reading_only() -> None:
    information = 1 / SHARES.standard_error**2
    alone = by_method(statements(SHARES, 20_000))
    second = by_method(statements(SHARES, 20_000, [(information / 2, 0.5)]))
    z = boundaries([0.5, 1.0], 0.05, "kim-demets:2", open_ended_share=0.1)[1].z
    assert second["group_sequential"].low == pytest.approx(SHARES.limit(z))
    assert pvalue_of(second["group_sequential"]) > pvalue_of(alone["group_sequential"])
    assert second["fixed_size"] == alone["fixed_size"]


def test_only_what_says_so_may_be_read_every_day() -> None:
    rng, claimed, runs = (
        np.random.default_rng(4),
        dict.fromkeys(("fixed_size", "confidence_sequence"), 0),
        300,
    )
    for _ in range(runs):
        bought = np.cumsum(rng.binomial(500, 0.1, (14, 2)), axis=0)
        days = [
            by_method(statements(ProportionContrast(int(t), 500 * d, int(c), 500 * d), 14_000))
            for d, (c, t) in enumerate(bought, start=1)
        ]
        for method in claimed:
            claimed[method] += any(pvalue_of(day[method]) < 0.05 for day in days)
    assert claimed["confidence_sequence"] / runs < 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert claimed["fixed_size"] / runs > 0.12


@pytest.mark.parametrize(
    ("planned", "alpha", "said"),
    [(0.0, 0.05, "planned_units"), (math.nan, 0.05, "planned_units"), (10.0, 1.0, "alpha")],
)
def test_impossible_arguments_are_named(planned: float, alpha: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        statements(SHARES, planned, alpha=alpha)
