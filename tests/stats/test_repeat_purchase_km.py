"""Kaplan–Meier on the cohort triangle; oracles: R survfit, statsmodels, row-by-row counting."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.cells import EventCell
from stats.repeat_purchase import EventTriangle, SurvivalCurve, compare_survival
from stats.results import Inconclusive
from tests.support.oracle_cases import oracle_case
from tests.support.shop_rows import FIRST_DAY, Shopper, event_cells, shoppers

LABEL = "repeat_purchase_rate:30"
WINDOW = 30


def curve_of(times: list[int], events: list[int], window: int) -> SurvivalCurve:
    """At-risk counts from individual times, in the plain definition."""
    ages = range(1, window + 1)
    risk = [sum(t >= age for t in times) for age in ages]
    found = [sum(t == age and bool(e) for t, e in zip(times, events, strict=True)) for age in ages]
    return SurvivalCurve(len(times), np.array(risk), np.array(found))


def test_the_curve_is_that_of_r() -> None:
    case = oracle_case("survival_R.json", "km_aml_maintained")
    curve = curve_of(case["inputs"]["time"], case["inputs"]["event"], 48)
    places = [t - 1 for t in case["expected"]["times"]]
    tolerance = case["tolerance"]
    assert curve.survival[places].tolist() == pytest.approx(case["expected"]["survival"], abs=tolerance)
    errors = np.sqrt(curve.variance[places]).tolist()
    assert errors == pytest.approx(case["expected"]["std_err"], abs=tolerance)
    assert curve.at_risk[places].tolist() == case["expected"]["at_risk"]


def test_the_curve_is_that_of_statsmodels() -> None:
    from statsmodels.duration.survfunc import SurvfuncRight

    rng = np.random.default_rng(2)
    times, events = rng.integers(1, 31, 300), rng.integers(0, 2, 300)
    curve = curve_of(times.tolist(), events.tolist(), 30)
    oracle = SurvfuncRight(times, events)
    places = oracle.surv_times.astype(int) - 1
    assert curve.survival[places].tolist() == pytest.approx(oracle.surv_prob.tolist(), abs=1e-12)
    errors = np.sqrt(curve.variance[places[:-1]])
    assert errors.tolist() == pytest.approx(oracle.surv_prob_se[:-1].tolist(), abs=1e-12)


def followed_rows(
    rows: list[Shopper], day: int, settle_days: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Last age seen of each unit followed for a day at least, and whether it was its event."""
    times, events = [], []
    for row in rows:
        followed = min(WINDOW, day - row.cohort_day - settle_days)
        if followed < 1 or not row.triggered:
            continue
        back = row.back_at_age if row.back_at_age is not None else 10**6
        times.append(min(back, followed))
        events.append(int(back <= followed))
    return np.array(times), np.array(events)


@pytest.mark.parametrize("day", [12, 31, 38, 44, 60, 120])
@pytest.mark.parametrize("settle_days", [0, 7])
def test_the_triangle_gives_the_same_curve_as_the_rows(day: int, settle_days: int) -> None:
    rows = shoppers(4, 40, 12, {"a": 0.5}, back_hazard={"a": 0.02})
    rows = [
        Shopper("a", r.cohort_day, triggered=i % 5 != 0, back_at_age=r.back_at_age)
        for i, r in enumerate(rows)
    ]
    triggered: dict[int, int] = {}
    for row in rows:
        triggered[row.cohort_day] = triggered.get(row.cohort_day, 0) + row.triggered
    triangle = EventTriangle.from_cells(WINDOW, triggered, event_cells(rows, LABEL, WINDOW))
    found = triangle.curve(FIRST_DAY + day, settle_days)
    times, events = followed_rows(rows, FIRST_DAY + day, settle_days)
    expected = curve_of(times.tolist(), events.tolist(), WINDOW)
    assert found.at_risk.tolist() == expected.at_risk.tolist()
    assert found.events.tolist() == expected.events.tolist()
    assert found.units == len(times)


def test_a_cancelled_first_order_takes_its_event_back_on_the_day_it_is_known() -> None:
    cells = [
        EventCell(LABEL, "a", 0, 3, 3, 2),
        EventCell(LABEL, "a", 0, 3, 9, -1),
        EventCell(LABEL, "a", 0, 5, 9, 1),
    ]
    triangle = EventTriangle.from_cells(WINDOW, {0: 10}, cells)
    assert triangle.curve(8, 0).events[:6].tolist() == [0, 0, 2, 0, 0, 0]
    assert triangle.curve(9, 0).events[:6].tolist() == [0, 0, 1, 0, 1, 0]
    assert triangle.curve(8, 0, known_by=9).events[:6].tolist() == [0, 0, 1, 0, 1, 0]


def test_an_event_after_the_followed_age_is_not_seen_yet() -> None:
    triangle = EventTriangle.from_cells(WINDOW, {0: 10}, [EventCell(LABEL, "a", 0, 6, 6, 4)])
    assert triangle.curve(12, 7).events.sum() == 0
    assert triangle.curve(13, 7).events.sum() == 4


def test_spans_of_cohorts_split_the_units() -> None:
    triangle = EventTriangle.from_cells(WINDOW, {0: 10, 3: 20, 9: 40}, [])
    assert triangle.curve(50, 0, last_day=3).units == 30
    assert triangle.curve(50, 0, first_day=4).units == 40
    assert triangle.followed_days(9, 0) == 10 * 9 + 20 * 6


def test_events_without_entries_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="cohort day 4"):
        EventTriangle.from_cells(WINDOW, {0: 1}, [EventCell(LABEL, "a", 4, 1, 5, 1)])


def test_the_difference_is_that_of_two_curves_with_greenwood_errors() -> None:
    a = curve_of([1, 2, 3, 3, 3, 3], [1, 0, 0, 0, 0, 0], 3)
    b = curve_of([1, 2, 3, 3, 3, 3], [1, 1, 0, 0, 0, 0], 3)
    found = compare_survival(a, b)
    assert not isinstance(found, Inconclusive)
    assert found.difference == pytest.approx((1 - 5 / 6 * 4 / 5) - 1 / 6, abs=1e-15)
    variance_a = (5 / 6) ** 2 * 1 / (6 * 5)
    variance_b = (4 / 6) ** 2 * (1 / (6 * 5) + 1 / (5 * 4))
    assert found.standard_error == pytest.approx(math.sqrt(variance_a + variance_b), rel=1e-14)
    assert found.limit(found.z) == pytest.approx(0.0, abs=1e-15)


def test_a_window_nobody_was_followed_to_is_inconclusive() -> None:
    short = SurvivalCurve(3, np.array([3, 0]), np.array([1, 0]))
    found = compare_survival(short, short)
    assert isinstance(found, Inconclusive)
    assert found.reason == "no_units"


def test_the_band_holds_the_curve_and_knows_more_than_nothing_before_the_first_event() -> None:
    points = curve_of([2, 4, 5, 5, 5, 5, 5, 5], [1, 1, 0, 0, 0, 0, 0, 0], 5).points()
    assert [point.age for point in points] == [1, 2, 3, 4, 5]
    assert all(0 <= point.low <= point.share <= point.high <= 1 for point in points)
    assert points[0].high == pytest.approx(1 - 0.025 ** (1 / 8))


def test_the_band_is_the_log_log_band_of_a_hand_calculation() -> None:
    point = curve_of([1] * 20 + [2] * 80, [1] * 20 + [0] * 80, 2).points()[0]
    spread = math.sqrt(20 / (100 * 80)) / -math.log(0.8)
    assert point.low == pytest.approx(1 - 0.8 ** math.exp(-1.959963984540054 * spread), rel=1e-12)
    assert point.high == pytest.approx(1 - 0.8 ** math.exp(1.959963984540054 * spread), rel=1e-12)
