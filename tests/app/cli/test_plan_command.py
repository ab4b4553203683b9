"""`offerlab plan`; oracles: statsmodels for one look, simulated Brownian motion for the sequential power."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
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
    assert "nothing can be found" in run(*arguments, "--window-days", "50")[1]


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


KINDS = {
    "share": ("--control", "0.05"),
    "mean": ("--control", "95000", "--sd", "240000"),
    "count": ("--kind", "count", "--control", "0.3"),
    "repeat": ("--kind", "repeat", "--control", "0.2"),
    "ratio": ("--kind", "ratio", "--control", "240000", "--sd", "150000"),
}
MONEY = ("--redemption-share", "0.06", "--discount-minor", "25000", "--margin-minor", "100000")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("extra", [(), ("--weights", "0.6,0.2,0.2"), ("--fixed",), ("--non-inferiority",)])
def test_units_are_answered_with_what_they_find(kind: str, extra: tuple[str, ...]) -> None:
    found = planned(*KINDS[kind], *extra, "--units", "60000")
    assert (found["asked"], found["units"], found["kind"]) == ("mde", 60000, kind)
    again = planned(*KINDS[kind], *extra, "--mde", repr(found["mde"]))
    assert again["units_exact"] == pytest.approx(60000, rel=1e-9)
    assert again["asked"] == "units"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_money_and_what_would_fit(kind: str) -> None:
    traffic = ("--units-a-day", "700", "--window-days", "14", "--max-days", "45", "--mde", "0.01")
    found = planned(*KINDS[kind], *traffic, *MONEY, "--orders-per-unit", "0.05")
    assert not found["duration"]["feasible"]
    assert found["feasible_mde"] > 0.01
    treated = found["units"] / 2
    assert found["expected_redemptions"] == pytest.approx(treated * 0.06)
    assert found["budget_minor"] == math.ceil(round(treated * 0.06 * 25000, 6))
    assert found["break_even"]["uplift"] == pytest.approx(0.3)
    assert found["break_even"]["extra_orders"] == math.ceil(round(treated * 0.015, 6))
    said = run(*KINDS[kind], *traffic, *MONEY, "--orders-per-unit", "0.05")[1]
    assert "not feasible" in said
    assert f"{found['break_even']['extra_orders']:,} extra ones" in said
    assert ("explains and never decides" in said) == (kind == "ratio")


def test_money_says_what_it_needs() -> None:
    found = planned(*KINDS["mean"], *MONEY)
    assert found["money_needs"] == ["orders_per_unit"]
    assert "unknown without --orders-per-unit" in run(*KINDS["mean"], *MONEY)[1]


def write_log(path: Path, customers: int = 600) -> Path:
    """Customers who come back after 9 days, or never; the first day of each is spread over 80 days."""
    lines = ["unit_id,occurred_at,items_minor"]
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for customer in range(customers):
        first = start + timedelta(days=customer % 80)
        moments = [first, *([first + timedelta(days=9)] if customer % 4 == 0 else [])]
        lines += [f"c{customer},{moment.isoformat()},{1000 + customer}" for moment in moments]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_an_own_log_gives_the_base_rates(tmp_path: Path) -> None:
    log = str(write_log(tmp_path / "log.csv"))
    arguments = ("--orders", log, "--metric", "repeat_purchase_rate", "--window-days", "14")
    found = planned(*arguments, "--until", "2026-03-21", "--valid-days", "7", "--margin-share", "0.5")
    # by hand: a quarter came back after 9 days, and nobody else
    assert found["control"] == pytest.approx(0.25, abs=0.01)
    assert set(found["from_log"]["taken"]) == {"control", "units_a_day", "orders_per_unit", "margin_minor"}
    assert found["from_log"]["buyers_a_day"] == pytest.approx(600 / 80, abs=0.3)
    assert found["from_log"]["median_gap_days"] == 9
    assert found["from_log"]["until"] == "2026-03-21"
    assert "shorter than the longest code life of 7 days plus the median 9 days" in found["warnings"][0]
    assert planned(*arguments, "--valid-days", "5")["warnings"] == []
    assert "taken from it" in run(*arguments)[1]


def test_options_given_win_over_the_log(tmp_path: Path) -> None:
    log = str(write_log(tmp_path / "log.csv"))
    arguments = ("--orders", log, "--metric", "revenue_per_unit", "--units-a-day", "150")
    found = planned(*arguments, "--sd", "5000", "--units", "9000")
    assert found["sd"] == 5000
    assert set(found["from_log"]["taken"]) == {"control", "orders_per_unit"}
    assert found["from_log"]["conversion_rate"] == pytest.approx(600 / 80 / 150, rel=0.1)
    assert found["control"] == found["from_log"]["money_per_unit_minor"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--control is missing"),
        (("--control", "0.05", "--units", "1000", "--mde", "0.1"), "give one of them"),
        (("--control", "0.05", "--units", "1"), "one per variant"),
        (("--control", "0.05", "--weights", "1,x"), "--weights"),
        (("--control", "0.05", "--weights", "1,0"), "weights"),
        (("--control", "0.05", "--weights", "1,1,1", "--treatments", "1"), "--treatments"),
        (("--control", "0.05", "--kind", "mean"), "sd is missing"),
        (("--control", "0.05", "--from", "2026-01-01"), "--from"),
        (("--control", "0.05", "--margin-share", "0.5"), "--margin-share"),
    ],
)
def test_what_does_not_go_together_is_named(arguments: tuple[str, ...], said: str) -> None:
    code, output = run(*arguments)
    assert code == 1
    assert said in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "units_a_day is missing"),
        (("--units-a-day", "1"), "fewer than"),
        (("--metric", "orders_per_unit", "--timezone", "Mars/North"), "Mars/North"),
        (
            ("--metric", "orders_per_unit", "--from", "2026-03-01", "--until", "2026-02-01"),
            "before its start",
        ),
        (("--metric", "orders_per_unit", "--window-days", "300"), "watched 300 days"),
        (("--metric", "orders_per_unit", "--margin-share", "2"), "--margin-share"),
        (("--metric", "orders_per_unit", "--from", "2027-01-01"), "0 customers"),
    ],
)
def test_what_a_log_cannot_say_is_named(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    code, output = run("--orders", str(write_log(tmp_path / "log.csv")), *arguments)
    assert code == 1
    assert said in output
