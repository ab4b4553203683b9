"""`offerlab simulate`: the study counts what the service would count; false alarms stay inside their band."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from app.analyze.events import analyze_events
from app.cli.main import offerlab
from app.clock import day_number
from app.errors import Invalid
from app.simulate.files import write_files
from app.simulate.order_log import Period, read_log
from stats.cell_view import CellView
from stats.shoppers import Shop, draw
from stats.studies import KINDS, Run, cells_of, findings, plan_of_shop

BUSY = Shop(uplift=0.3, again_uplift=0.2, discount_share=0.1, leakage=0.1, pull_forward=0.3)


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(offerlab, ["simulate", *arguments])
    return done.exit_code, done.stdout, done.stderr


def study(*arguments: str) -> dict[str, Any]:
    code, said, wrong = run(*arguments, "--json")
    assert code == 0, wrong
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.mark.parametrize("key", ["conversion_rate", "revenue_per_unit", "repeat_buyers_per_unit"])
def test_the_files_give_the_sums_of_the_study(tmp_path: Path, key: str) -> None:
    write_files(tmp_path, BUSY, 3, key)
    shown_to, bought, back = ([tmp_path / f"{name}.csv"] for name in ("exposures", "orders", "refunds"))
    result, _ = analyze_events(shown_to, bought, back, tmp_path / "plan.toml")
    plan = plan_of_shop(BUSY, key)
    view = CellView(cells_of(BUSY, plan.metrics[0], draw(BUSY, 3)))
    shown = next(metric for metric in result.metrics if metric.key == key)
    for variant in shown.variants:
        moments = view.moments(plan.metrics[0].label, variant.variant, 999)
        assert (variant.n, variant.total) == (moments.units, moments.raw_total)
        assert variant.total > 0


def test_the_curves_of_the_files_are_those_of_the_study(tmp_path: Path) -> None:
    key = "repeat_purchase_rate"
    write_files(tmp_path, BUSY, 3, key)
    shown_to, bought, back = ([tmp_path / f"{name}.csv"] for name in ("exposures", "orders", "refunds"))
    result, _ = analyze_events(shown_to, bought, back, tmp_path / "plan.toml")
    plan = plan_of_shop(BUSY, key)
    view = CellView(cells_of(BUSY, plan.metrics[0], draw(BUSY, 3)))
    shown = next(metric for metric in result.metrics if metric.key == key)
    last = BUSY.days + BUSY.window_days + BUSY.settle_days
    for variant in shown.variants:
        triangle = view.triangle(plan.metrics[0].label, variant.variant, BUSY.window_days)
        curve = triangle.curve(last, BUSY.settle_days)
        assert variant.total == int(curve.events.sum())
        assert variant.mean == pytest.approx(curve.points()[-1].share, rel=1e-12)


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_files(tmp_path / folder, BUSY, seed, "conversion_rate")
    first, again, other = ((tmp_path / folder / "orders.csv").read_bytes() for folder in "abc")
    assert first == again != other


@pytest.mark.parametrize("key", KINDS)
def test_without_an_effect_claims_stay_inside_the_band(key: str) -> None:
    found = study("--metric", key, "--runs", "150", "--units-a-day", "300", "--look-days", "daily")
    assert found["aa"]
    assert found["better"] + found["worse"] <= found["false_positive_limit"]


def test_the_band_catches_a_test_that_peeks() -> None:
    naive = [Run("upper", 0.5, 9)] * 41 + [Run(None, 1.0, 65)] * 109  # daily nominal looks: 27 % claims
    found = findings(naive, 0.05)
    assert found.better > found.false_positive_limit


def test_a_planted_effect_is_found() -> None:
    found = study("--uplift", "0.5", "--runs", "40", "--units-a-day", "600")
    assert found["better"] > 0.8
    assert found["worse"] == 0
    assert found["mean_stop"] < 0.95


def test_orders_that_only_come_earlier_prove_nothing() -> None:
    arguments = ["--metric", "repeat_purchase_rate", "--pull-forward", "0.6", "--conversion", "0.3"]
    found = study(*arguments, "--runs", "100", "--look-days", "daily")
    assert found["better"] <= found["false_positive_limit"]


@pytest.mark.parametrize(
    ("key", "planted", "is_aa"),
    [
        ("conversion_rate", "--again-uplift", True),
        ("conversion_rate", "--uplift", False),
        ("revenue_per_unit", "--discount-share", False),
        ("repeat_buyers_per_unit", "--pull-forward", False),
        ("repeat_purchase_rate", "--pull-forward", True),
        ("repeat_purchase_rate", "--again-uplift", False),
    ],
)
def test_only_what_moves_the_metric_makes_it_a_study_of_power(key: str, planted: str, *, is_aa: bool) -> None:
    assert study("--metric", key, planted, "0.2", "--runs", "1", "--days", "14")["aa"] is is_aa


def test_progress_goes_to_the_error_stream() -> None:
    code, said, _ = run("--runs", "2", "--days", "14", "--units-a-day", "100")
    assert code == 0
    assert said.splitlines()[0] == "2 tests of conversion_rate"
    assert "within the limit" in said


def write_log(path: Path, customers: int = 300) -> Path:
    rng = np.random.default_rng(2)
    lines = ["unit_id,occurred_at,items_minor"]
    for customer in range(customers):
        days = np.sort(rng.integers(0, 60, rng.integers(1, 4)))
        months = [(3 + day // 30, 1 + day % 30) for day in days]
        lines += [f"c{customer},2026-{m:02}-{d:02}T10:00:00Z,{rng.integers(1, 9) * 1000}" for m, d in months]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_an_own_order_log_gives_baskets_and_waits(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.csv")
    shoppers = read_log(log).resampler(BUSY, 1)(0)
    assert set(np.unique(shoppers.items_minor)) <= {1000 * k for k in range(1, 9)}
    _, first = np.unique(shoppers.order_unit, return_index=True)
    assert np.allclose(shoppers.order_at[first], shoppers.entry[shoppers.order_unit[first]])
    found = study("--orders", str(log), "--metric", "revenue_per_unit", "--runs", "60")
    assert found["better"] + found["worse"] <= found["false_positive_limit"]


def test_only_the_days_asked_for_are_drawn(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.csv")
    april = read_log(log, Period(date(2026, 4, 1), date(2026, 4, 30)))
    history = april.history()
    assert (history.first_day, history.last_day) == (day_number("2026-04-01"), day_number("2026-04-30"))
    assert history.days.min() >= history.first_day
    rows = [line.split(",") for line in log.read_text().splitlines()[1:]]
    assert april.at_us.size == sum(row[1].startswith("2026-04") for row in rows) < len(rows)
    # the first order of each customer inside April starts its clock
    assert (april.days[april.starts[:-1]] == 0).all()
    found = study("--orders", str(log), "--from", "2026-04-01", "--until", "2026-04-30", "--runs", "5")
    assert found["runs"] == 5
    assert "0 customers" in run("--orders", str(log), "--from", "2026-07-01")[2]
    assert "--orders is missing" in run("--from", "2026-04-01")[2]


def test_days_of_a_log_are_cut_in_the_shop_s_zone(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    rows = [f"c{n},2026-03-31T22:30:00Z,5" for n in range(120)]
    log.write_text("\n".join(["unit_id,occurred_at,items_minor", *rows]) + "\n")
    april = Period(date(2026, 4, 1), None, "Europe/Moscow")
    assert set(read_log(log, april).history().days) == {day_number("2026-04-01")}
    with pytest.raises(Invalid, match="0 customers"):
        read_log(log, Period(date(2026, 4, 1)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--conversion", "1"), "conversion"),
        (("--uplift", "50"), "uplift"),
        (("--leakage", "2"), "leakage"),
        (("--units-a-day", "0"), "units_a_day"),
        (("--basket-minor", "-5"), "basket_minor"),
        (("--alpha", "0"), "alpha"),
        (("--runs", "0"), "runs"),
    ],
)
def test_a_bad_value_is_named(arguments: tuple[str, ...], said: str) -> None:
    code, _, wrong = run(*arguments)
    assert code == 1
    assert said in wrong


@pytest.mark.parametrize(
    ("row", "said"),
    [("c0,2026-03-01T10:00:00Z,-5", "items_minor"), ("c0,yesterday,5", "occurred_at"), (",,5", "unit_id")],
)
def test_a_bad_row_of_the_log_is_named(tmp_path: Path, row: str, said: str) -> None:
    (tmp_path / "log.csv").write_text(f"unit_id,occurred_at,items_minor\n{row}\n")
    code, _, wrong = run("--orders", str(tmp_path / "log.csv"))
    assert code == 1
    assert f"row 2, column '{said}'" in wrong
    write_log(tmp_path / "log.csv", customers=20)
    assert "20 customers" in run("--orders", str(tmp_path / "log.csv"))[2]
