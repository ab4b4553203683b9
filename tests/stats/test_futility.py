"""Non-binding futility and a user's spending table; oracles: rpact, and simulated Brownian paths."""

import math

import numpy as np
import pytest

from stats.sequential.boundaries import boundaries
from stats.sequential.futility import futility_boundaries
from stats.sequential.spending import parse_spending
from tests.support.oracle_cases import oracle_case

QUARTERS = [0.25, 0.5, 0.75, 1.0]


def efficacy(spending: str = "obrien-fleming") -> list[float]:
    return [look.z for look in boundaries(QUARTERS, 0.025, spending, sides=1)]


def test_it_is_rpacts_design() -> None:
    case = oracle_case("group_sequential_rpact.json", "gst_asOF_bsOF_nonbinding_K4")
    found = futility_boundaries(QUARTERS, efficacy(), 0.025, case["inputs"]["power"])
    assert efficacy() == pytest.approx(case["expected"]["z"], abs=case["tolerance"])
    assert found.z == pytest.approx(case["expected"]["futility_z"], abs=case["tolerance"])
    assert found.inflation == pytest.approx(case["expected"]["inflation_factor"], abs=case["tolerance"])


def test_power_and_beta_are_those_of_simulated_paths() -> None:
    upper = efficacy("kim-demets:2")
    found = futility_boundaries(QUARTERS, upper, 0.025, 0.8, "kim-demets:2")
    rng, runs, t = np.random.default_rng(4), 400_000, np.array(QUARTERS)
    walk = np.cumsum(rng.normal(size=(runs, 4)) * np.sqrt(np.diff(t, prepend=0.0)), axis=1)
    z = (walk + found.drift * t) / np.sqrt(t)
    up, down = z >= np.array(upper), z[:, :3] <= np.array(found.z)
    first_up = np.where(up.any(axis=1), up.argmax(axis=1), 9)
    first_down = np.where(down.any(axis=1), down.argmax(axis=1), 8)
    error = math.sqrt(0.16 / runs)
    assert (first_up < first_down).mean() == pytest.approx(0.8, abs=4 * error)
    lost_by = [(np.minimum(first_down, 8) <= k) & (first_down < first_up) for k in range(3)]
    expected = [0.2 * share**2 for share in QUARTERS[:3]]
    assert [lost.mean() for lost in lost_by] == pytest.approx(expected, abs=4 * error)


def test_a_table_of_ones_own_is_spent() -> None:
    looks = boundaries(QUARTERS, 0.05, "table:0.5=0.2,0.75=0.2,1=1", sides=2)
    assert [look.alpha_spent for look in looks] == pytest.approx([0.005, 0.01, 0.01, 0.05])
    assert looks[2].z == math.inf
    straight = boundaries(QUARTERS, 0.05, "table:1=1", sides=2)
    assert [look.z for look in straight] == pytest.approx(
        [look.z for look in boundaries(QUARTERS, 0.05, "kim-demets:1", sides=2)]
    )


@pytest.mark.parametrize("text", ["table:", "table:0.5=0.2", "table:0.5=0.6,0.4=0.7,1=1", "table:0.5=x,1=1"])
def test_a_bad_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="table"):
        parse_spending(text)


@pytest.mark.parametrize(
    ("information", "upper", "alpha", "power"),
    [
        ([], [], 0.025, 0.8),
        ([0.5, 0.4], [2.0, 2.0], 0.025, 0.8),
        ([0.5, 0.9], [2.0, 2.0], 0.025, 0.8),
        ([1.0], [math.inf], 0.025, 0.8),
        ([1.0], [2.0], 0.9, 0.8),
    ],
)
def test_a_callers_mistake_is_named(
    information: list[float], upper: list[float], alpha: float, power: float
) -> None:
    with pytest.raises(ValueError, match=r"information|upper|alpha"):
        futility_boundaries(information, upper, alpha, power)
