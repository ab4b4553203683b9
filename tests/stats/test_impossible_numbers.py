"""Arguments that no data can have are refused by name, before a formula turns them into nonsense."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from stats.adjustment import PairedMoments, regression_adjusted
from stats.bayes import compare_shares
from stats.fixed_sample import Count, compare_rates, share_interval
from stats.means import compare_means
from stats.offers.leakage import leakage
from stats.proportions import compare_proportions
from stats.ratios import compare_ratios
from stats.results import Inconclusive
from stats.sample_ratio import chi_square_pvalue, log_bayes_factor
from stats.sequential.boundaries import boundaries
from stats.sequential.designs import constant_boundaries, needed_drift
from stats.sequential.futility import futility_boundaries
from stats.sequential.group_sequential import repeated_interval, two_sided_repeated_pvalue
from stats.sequential.logrank import EventTable, logrank_evidence
from stats.sequential.spending import Spending
from stats.summaries import Moments

NAN, INF = float("nan"), float("inf")
FINE = Moments(units=5, buyers=3, total=3, squares=3, denominator=3, denominator_squares=3, cross=3)
BELOW_CAUCHY_SCHWARZ = Moments(units=5, buyers=3, total=100, squares=9)
FEWER_THAN_NONE = Moments(units=-5, buyers=3, total=3, squares=3)

REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "alpha over all sides": (lambda: boundaries([0.5, 1.0], 1.5, "pocock"), "alpha is 1.5"),
    "an endless plan": (lambda: boundaries([0.5, 1.0], 0.05, "pocock", planned=INF), "planned is inf"),
    "a schedule without looks": (lambda: constant_boundaries("pocock", [], 0.05), "information is empty"),
    "information of nothing": (lambda: constant_boundaries("pocock", [0.0, 1.0], 0.05), "information is 0.0"),
    "information that decreases": (lambda: needed_drift([0.5, 0.4], [2.3, 2.0], 0.8), "information is 0.4"),
    "a power that comes for nothing": (lambda: needed_drift([0.5, 1.0], [-1.0, 2.0], 0.8), "power is 0.8"),
    "futility over no boundary": (
        lambda: futility_boundaries([0.5, 1.0], [0.0, 2.0], 0.025, 0.8),
        "upper is",
    ),
    "an unknown spending family": (lambda: Spending("guess"), "family is 'guess'"),
    "a falling spending function": (lambda: Spending("kim-demets", -1.0), "parameter is -1.0"),
    "a difference that is no number": (lambda: repeated_interval(NAN, 1.0, 2.0, -2.0), "difference is nan"),
    "a boundary that is no number": (lambda: repeated_interval(1.0, 1.0, NAN, -2.0), "upper"),
    "a p-value of three": (lambda: two_sided_repeated_pvalue(3.0, 0.1), "pvalue is 3.0"),
    "counts without end": (lambda: log_bayes_factor([INF, 1], [0.5, 0.5]), "count is inf"),  # type: ignore[list-item]  # on purpose
    "half a visitor": (lambda: chi_square_pvalue([0.5, 1], [0.5, 0.5]), "count is 0.5"),  # type: ignore[list-item]  # on purpose
    "half a success": (lambda: Count(0.5, 1), "successes is 0.5"),  # type: ignore[arg-type]  # on purpose
    "units without end": (lambda: Count(1, INF), "units is inf"),  # type: ignore[arg-type]  # on purpose
    "a count of NaN": (lambda: compare_rates((NAN, 1.0), (1, 1.0)), "count is nan"),  # type: ignore[arg-type]  # on purpose
    "an unknown method": (lambda: share_interval(Count(1, 2), 0.05, "wald"), "method is 'wald'"),  # type: ignore[arg-type]  # on purpose
    "a unit that is no number": (lambda: PairedMoments(NAN, 1.0, 1.0, 1.0, 1.0, 0.5), "n is nan"),  # type: ignore[arg-type]  # on purpose
    "endless redemptions": (lambda: leakage({("a", "a"): INF}), "it must be a whole number"),  # type: ignore[dict-item]  # on purpose
    "endless trials": (lambda: compare_shares((1, 10), (1, INF)), "units is inf"),  # type: ignore[arg-type]  # on purpose
    "a table of NaN": (lambda: logrank_evidence([EventTable(NAN, 5, 1, 1)]), "finite number"),  # type: ignore[arg-type]  # on purpose
    "more successes than units": (
        lambda: compare_proportions(Moments(units=5, total=9, squares=81), FINE),
        "9 successes of 5 units",
    ),
    "fewer successes than none": (
        lambda: compare_proportions(Moments(units=5, total=-2, squares=4), FINE),
        "-2 successes",
    ),
    "squares too small for their total": (lambda: compare_means(BELOW_CAUCHY_SCHWARZ, FINE), "squares is 9"),
    "units below none": (lambda: compare_ratios(FINE, FEWER_THAN_NONE), "units is -5"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_it_is_refused_by_name(name: str) -> None:
    call, said = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError) as refused:
            call()
    assert said in str(refused.value)


def test_a_unit_that_decides_alone_leaves_a_regression_without_an_error() -> None:
    covariate = [1e12, *([1.0, 2.0] * 20)]
    found = regression_adjusted([float(k % 5) for k in range(41)], [k % 2 for k in range(41)], [covariate])
    assert isinstance(found, Inconclusive)
    assert found.reason == "no_variance"
