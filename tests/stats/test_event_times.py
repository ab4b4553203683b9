"""Oracles: R survival (survfit, survdiff, coxph), lifelines; a log-rank that is fooled as the docs say."""

import math
from typing import Any

import numpy as np
import pytest

from stats.cells import EventCell
from stats.event_times import (
    Followed,
    LogRank,
    RateRatio,
    Spells,
    cumulative_hazard,
    log_rank,
    mean_cumulative_count,
    rate_ratio,
    restricted_mean,
)
from stats.repeat_purchase import EventTriangle
from stats.results import Inconclusive
from stats.sequential.logrank import cohort_tables
from tests.support.oracle_cases import Case, oracle_case, oracle_cases

R = "survival_R.json"


def followed(
    times: list[float], events: list[int], group: list[int] | None = None, wanted: int = 0
) -> Followed:
    rows = zip(times, events, group or [wanted] * len(times), strict=True)
    kept = [(float(time), bool(event)) for time, event, which in rows if which == wanted]
    return Followed(tuple(time for time, _ in kept), tuple(event for _, event in kept))


@pytest.mark.parametrize("name", ["logrank_aml_rho0", "logrank_lung_sex"])
def test_the_log_rank_equals_r(name: str) -> None:
    case = oracle_case(R, name)
    given, expected = case["inputs"], case["expected"]
    found = log_rank(*(followed(given["time"], given["event"], given["group"], arm) for arm in (0, 1)))
    assert isinstance(found, LogRank)
    assert found.observed == pytest.approx(tuple(expected["observed"]))
    assert found.expected == pytest.approx(tuple(expected["expected"]), rel=1e-8)
    assert found.chi2 == pytest.approx(expected["chi2"], rel=1e-8)
    if "variance_of_O_minus_E_group1" in expected:
        assert found.variance == pytest.approx(expected["variance_of_O_minus_E_group1"], rel=1e-8)
        assert found.pvalue == pytest.approx(expected["p"], rel=1e-8)


def test_a_cohort_triangle_gives_the_numbers_of_its_units_at_any_day() -> None:
    # oracle: the same units followed one by one, with the day they were seen last as the end
    rng = np.random.default_rng(7)
    window, arms = 12, []
    for share in (0.3, 0.5):
        cohort = rng.integers(0, 20, 400)
        age = np.where(rng.random(400) < share, rng.integers(1, 16, 400), 99)
        arms.append((cohort, age))
    for day in (9, 15, 30):
        curves, units, triangles = [], [], []
        for cohort, age in arms:
            triggered = {int(d): int(n) for d, n in zip(*np.unique(cohort, return_counts=True), strict=True)}
            cells = [
                EventCell("m", "a", int(c), int(a), int(c + a), 1)
                for c, a in zip(cohort, age, strict=True)
                if a <= window
            ]
            triangles.append(EventTriangle.from_cells(window, triggered, cells))
            curves.append(triangles[-1].curve(day, 0))
            seen = np.clip(day - cohort, 0, window)
            times, events = np.minimum(age, seen)[seen > 0], (age <= seen)[seen > 0]
            units.append(Followed(tuple(map(float, times)), tuple(map(bool, events))))
        assert log_rank(curves[0], curves[1]) == log_rank(units[0], units[1])
        tables = cohort_tables(triangles[0], triangles[1], day)
        assert sum(t.events_control + t.events_treatment for t in tables) == sum(
            sum(followed.events) for followed in units
        )
        both = np.intersect1d(arms[0][0], arms[1][0])
        first = both[both < day].min()  # at age 1 everybody of a cohort is at risk
        cell = next((t for t in tables if t.at_risk_control == (arms[0][0] == first).sum()), None)
        assert cell is not None
        until = float(min(window, day))
        for curve, one_by_one in zip(curves, units, strict=True):
            assert restricted_mean(curve, until) == restricted_mean(one_by_one, until)
            assert cumulative_hazard(curve)[1].tolist() == cumulative_hazard(one_by_one)[1].tolist()


def test_the_log_rank_equals_lifelines() -> None:
    case = oracle_case("lifelines.json", "ll_logrank_waltons")
    given = case["inputs"]
    names = sorted(set(given["group"]))
    found = log_rank(*(followed(given["T"], given["E"], given["group"], name) for name in names))
    assert isinstance(found, LogRank)
    assert found.chi2 == pytest.approx(case["expected"]["chi2"], rel=1e-8)
    assert found.pvalue == pytest.approx(case["expected"]["p"], rel=1e-6)


def test_the_cumulative_hazard_equals_r() -> None:
    case = oracle_case(R, "nelson_aalen_aml")
    ages, hazard, error = cumulative_hazard(followed(case["inputs"]["time"], case["inputs"]["event"]))
    expected = dict(
        zip(
            case["expected"]["times"],
            zip(case["expected"]["cumhaz"], case["expected"]["std_chaz"], strict=True),
            strict=True,
        )
    )
    for age, value, spread in zip(ages, hazard, error, strict=True):
        assert (value, spread) == pytest.approx(expected[int(age)], rel=1e-8)


@pytest.mark.parametrize("case", oracle_cases(R, lambda c: c["name"].startswith("rmst_aml")))
def test_restricted_means_equal_r(case: Case) -> None:
    given = case["inputs"]
    for arm, name in ((0, "maintained"), (1, "nonmaintained")):
        units = followed(given["time"], given["event"], given["group_nonmaintained"], arm)
        mean, error = restricted_mean(units, given["tau"])
        assert mean == pytest.approx(case["expected"][f"rmst_{name}"], rel=1e-7)
        assert error == pytest.approx(case["expected"][f"se_{name}"], rel=1e-7)


def test_the_restricted_mean_equals_lifelines() -> None:
    case = oracle_case("lifelines.json", "ll_km_miR-137")
    mean, _ = restricted_mean(followed(case["inputs"]["T"], case["inputs"]["E"]), 40)
    assert mean == pytest.approx(case["expected"]["rmst40"], rel=1e-8)


def spells(given: dict[str, Any]) -> Spells:
    return Spells(*(tuple(given[name]) for name in ("id", "start", "stop", "event")))


@pytest.mark.parametrize("case", oracle_cases(R, lambda c: c["name"].startswith("mcf_bladder")))
def test_mean_counts_and_their_robust_errors_equal_r(case: Case) -> None:
    means, errors = mean_cumulative_count(spells(case["inputs"]), case["expected"]["times"])
    assert list(means) == pytest.approx(case["expected"]["mcf"], rel=1e-7)
    assert list(errors) == pytest.approx(case["expected"]["robust_se"], rel=1e-7)


def test_the_rate_ratio_equals_r() -> None:
    case = oracle_case(R, "lwyy_bladder")
    found = rate_ratio(spells(case["inputs"]), case["inputs"]["treat"])
    assert isinstance(found, RateRatio)
    assert found.log_ratio == pytest.approx(case["expected"]["coef"], abs=1e-6)
    assert found.naive_error == pytest.approx(case["expected"]["naive_se"], abs=1e-6)
    assert found.standard_error == pytest.approx(case["expected"]["robust_se"], abs=1e-6)


def test_the_log_rank_is_fooled_by_orders_that_only_come_earlier() -> None:
    # both arms buy again within 30 days with chance 0.3, treatment in half the time: nobody is gained
    rng = np.random.default_rng(1)

    def arm(speed: float) -> Followed:
        buys = rng.random(4000) < 0.3
        when = np.where(buys, 1.0 + 29.0 * rng.random(4000) * speed, 30.0)
        return Followed(tuple(when), tuple(buys))

    found = log_rank(arm(1.0), arm(0.5))
    assert isinstance(found, LogRank)
    assert found.pvalue < 0.05


def test_undefined_numbers_are_inconclusive_and_bad_input_is_named() -> None:
    nobody = Followed((5.0, 5.0), (False, False))
    assert isinstance(log_rank(nobody, nobody), Inconclusive)
    quiet = Spells((1, 2), (0.0, 0.0), (5.0, 5.0), (False, True))
    assert isinstance(rate_ratio(quiet, [True, False]), Inconclusive)
    with pytest.raises(ValueError, match="times"):
        Followed((), ())
    with pytest.raises(ValueError, match="above 0"):
        Followed((math.nan,), (True,))
    with pytest.raises(ValueError, match="spell"):
        Spells((1,), (2.0,), (1.0,), (True,))
    with pytest.raises(ValueError, match="until"):
        restricted_mean(nobody, 0.0)
    with pytest.raises(ValueError, match="treated"):
        rate_ratio(quiet, [True])
