"""`offerlab plan`; oracles: statsmodels for one look, simulated Brownian motion for the sequential power."""

import json
import math
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from statsmodels.stats.power import TTestIndPower

from app.cli.main import offerlab


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(offerlab, ["plan", *arguments])
    return done.exit_code, done.output


def planned(*arguments: str) -> dict[str, Any]:
    code, said = run(*arguments, "--json")
    assert code == 0, said
    found: dict[str, Any] = json.loads(said)
    return found


def test_a_share_at_one_look_is_the_textbook_size() -> None:
    found = planned("--control", "0.05", "--looks", "1", "--open-ended", "0")
    assert (found["units_per_arm"], found["inflation"]) == (31234, pytest.approx(1.0))


def test_a_mean_at_one_look_is_the_t_test() -> None:
    found = planned("--control", "100", "--sd", "250", "--mde", "0.2", "--looks", "1", "--open-ended", "0")
    expected = TTestIndPower().solve_power(effect_size=20 / 250, alpha=0.05, power=0.8)
    assert found["units_per_arm"] == math.ceil(expected)


def test_the_inflated_size_has_the_power_asked_for() -> None:
    found = planned("--control", "0.05", "--units-a-day", "3000")
    looks = np.array(found["looks"])
    listed = CliRunner().invoke(
        offerlab, ["boundaries", "--information", ",".join(map(str, looks)), "--open-ended", "0.1", "--json"]
    )
    z = np.array([look["z"] for look in json.loads(listed.stdout)["looks"]])
    drift = 2.801585 * math.sqrt(found["inflation"])  # z(0.975) + z(0.8)
    rng = np.random.default_rng(1)
    steps = rng.normal(size=(200_000, looks.size)) * np.sqrt(np.diff(looks, prepend=0.0))
    paths = (np.cumsum(steps, axis=1) + drift * looks) / np.sqrt(looks)
    crossed = paths >= z
    power, error = crossed.any(axis=1).mean(), math.sqrt(0.16 / 200_000)
    assert power == pytest.approx(0.8, abs=4 * error)
    stop = np.where(crossed.any(axis=1), looks[crossed.argmax(axis=1)], 1.0).mean()
    assert found["expected_share"] == pytest.approx(stop, abs=0.003)


def test_days_are_whole_weeks_with_window_and_settling() -> None:
    found = planned("--control", "0.05", "--units-a-day", "3000", "--window-days", "30")
    days = found["duration"]
    assert days["entry_days"] % 7 == 0
    assert days["entry_days"] * 3000 >= found["units"] > (days["entry_days"] - 7) * 3000
    assert days["total_days"] == days["entry_days"] + 37
    assert len(found["looks"]) == days["entry_days"] // 7 - 1


def test_what_does_not_fit_is_told_what_would() -> None:
    arguments = ["--control", "0.02", "--mde", "0.05", "--units-a-day", "1000", "--max-days", "60"]
    found = planned(*arguments)
    assert not found["duration"]["feasible"]
    again = planned(*arguments, "--mde", str(found["feasible_mde"] * 1.001))
    assert again["duration"]["feasible"]
    assert not planned(*arguments, "--mde", str(found["feasible_mde"] * 0.97))["duration"]["feasible"]
    assert "not feasible" in run(*arguments)[1]
    assert "no rise can be found" in run(*arguments, "--window-days", "50")[1]


def test_more_treatments_need_more() -> None:
    one, three = (planned("--control", "0.05", "--treatments", count) for count in "13")
    # oracle: Dunnett's level of three treatments against one control
    assert three["alpha_each"] == pytest.approx(0.01882, abs=1e-5)
    assert three["units_per_arm"] > one["units_per_arm"]
    assert three["units"] == 4 * three["units_per_arm"]


def test_money() -> None:
    money = ["--redemption-share", "0.06", "--discount-minor", "25000", "--margin-minor", "100000"]
    found = planned("--control", "0.05", *money)
    assert found["budget_minor"] == math.ceil(found["units_per_arm"] * 0.06 * 25000)
    assert found["break_even"]["uplift"] == pytest.approx(0.3)
    assert "+30.00%" in run("--control", "0.05", *money)[1]
    assert planned("--control", "5", "--sd", "9", *money)["break_even"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--control", "0"), "control"),
        (("--control", "1.5"), "share"),
        (("--control", "nan"), "control"),
        (("--control", "0.5", "--mde", "1.5"), "treatment"),
        (("--control", "0.5", "--mde", "0"), "mde"),
        (("--control", "5", "--sd", "-1"), "sd"),
        (("--control", "0.05", "--alpha", "0"), "alpha"),
        (("--control", "0.05", "--power", "0.01"), "power"),
        (("--control", "0.05", "--treatments", "0"), "treatments"),
        (("--control", "0.05", "--looks", "0"), "looks"),
        (("--control", "0.05", "--spending", "linear"), "linear"),
        (("--control", "0.05", "--units-a-day", "0"), "units_a_day"),
        (("--control", "0.05", "--units-a-day", "10", "--eligible-share", "2"), "--eligible-share"),
    ],
)
def test_a_bad_value_is_named(arguments: tuple[str, ...], said: str) -> None:
    code, output = run(*arguments)
    assert code == 1
    assert said in output
    assert "Traceback" not in output
