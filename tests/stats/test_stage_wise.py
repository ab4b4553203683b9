"""The estimate at a stop; oracles: the ordinary interval at one look, and its promise in simulated tests."""

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.sequential.boundaries import boundaries
from stats.sequential.stage_wise import StageWise, stage_wise_estimate

Floats = NDArray[np.float64]
LOOKS = boundaries([0.25, 0.5, 0.75, 1.0], 0.05, "kim-demets:2")


def test_one_look_is_the_ordinary_interval() -> None:
    found = stage_wise_estimate(2.5, 16.0, [])
    assert found == pytest.approx((0.625, 0.625 - 1.959964 / 4, 0.625 + 1.959964 / 4), abs=1e-6)


def test_a_first_look_of_many_is_the_ordinary_interval_too() -> None:
    # nothing can be more extreme than an earlier stop, and there is none before the first
    assert stage_wise_estimate(3.2, 4.0, []) == pytest.approx(
        stage_wise_estimate(3.2, 4.0, [(1e-3, 8.9)]), abs=1e-6
    )


def test_the_estimate_is_shrunk_and_rises_with_z() -> None:
    earlier = [(look.information, look.z) for look in LOOKS[:2]]
    found = [stage_wise_estimate(z, 0.75, earlier) for z in (2.2, 2.4, 3.0)]
    assert [e.point for e in found] == sorted(e.point for e in found)
    assert found[1].low < found[1].point < found[1].high
    assert found[1].point < 2.4 / np.sqrt(0.75)


def test_the_interval_excludes_nothing_exactly_when_the_boundary_is_crossed() -> None:
    # the lower end is 0 where the stage-wise one-sided p-value equals alpha spent so far: P(cross by look k)
    earlier = [(look.information, look.z) for look in LOOKS[:3]]
    at_boundary = stage_wise_estimate(LOOKS[3].z, 1.0, earlier)
    assert at_boundary.low == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("effect", [0.0, 1.5, 2.8])
def test_estimate_and_interval_keep_their_promise_where_the_naive_one_does_not(effect: float) -> None:
    # 2,000 seeded tests of four looks with harm and roll-out halves; bands are 3.3 standard errors
    rng = np.random.default_rng(8)
    runs, information = 2_000, np.array([look.information for look in LOOKS])
    steps = rng.normal(effect * 0.25, 0.5, (runs, 4))
    scores = np.cumsum(steps, axis=1)
    z, bounds = scores / np.sqrt(information), np.array([look.z for look in LOOKS])
    covered = above = 0
    for path in z:
        found = _at_stop(path, information, bounds)
        covered += found.low <= effect <= found.high
        above += found.point > effect
    assert covered / runs == pytest.approx(0.95, abs=3.3 * np.sqrt(0.95 * 0.05 / runs))
    assert above / runs == pytest.approx(0.5, abs=3.3 * np.sqrt(0.25 / runs))


def _at_stop(path: Floats, information: Floats, bounds: Floats) -> StageWise:
    crossed = np.flatnonzero(np.abs(path) >= bounds)
    stop = int(crossed[0]) if crossed.size else len(path) - 1
    earlier = list(zip(information[:stop].tolist(), bounds[:stop].tolist(), strict=True))
    sign = -1.0 if path[stop] <= -bounds[stop] else 1.0
    point, low, high = stage_wise_estimate(sign * float(path[stop]), float(information[stop]), earlier)
    return StageWise(point, low, high) if sign > 0 else StageWise(-point, -high, -low)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: stage_wise_estimate(1.0, 1.0, [], alpha=1.0), "alpha"),
        (lambda: stage_wise_estimate(float("nan"), 1.0, []), "z is"),
        (lambda: stage_wise_estimate(1.0, 1.0, [(2.0, 3.0)]), "information"),
    ],
)
def test_impossible_arguments_are_refused(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()  # type: ignore[operator]  # a table of calls
