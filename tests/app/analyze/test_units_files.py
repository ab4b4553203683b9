"""One row per unit through the command; oracles: numpy, scipy and statsmodels on the same numbers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli.analyze import analyze

METRICS = """
control = "a"
weights = {a = 0.5, b = 0.5}
[[metrics]]
key = "spent"
kind = "mean"
column = "roubles"
[[metrics]]
key = "bought"
kind = "binary"
[[metrics]]
key = "basket"
kind = "ratio"
column = "roubles"
denominator = "orders"
"""
Row = tuple[str, str, str, str, str]


def people(count: int = 4000) -> list[Row]:
    """unit_id, variant, roubles (with kopecks), bought, orders."""
    rng = np.random.default_rng(11)
    rows = []
    for number in range(count):
        variant = "ab"[number % 2]
        orders = int(rng.poisson(0.4 if variant == "a" else 0.5))
        roubles = 0.0 if orders == 0 else round(float(rng.lognormal(7.0, 0.5)) * orders, 2)
        rows.append((f"u-{number}", variant, f"{roubles:.2f}", str(int(orders > 0)), str(orders)))
    return rows


def write(folder: Path, rows: Sequence[Sequence[str]], plan: str = METRICS) -> None:
    lines = ["unit_id,variant,roubles,bought,orders", *(",".join(row) for row in rows)]
    (folder / "units.csv").write_text("\n".join(lines) + "\n")
    (folder / "plan.toml").write_text(plan)


def command(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(
        analyze, ["units", str(folder / "units.csv"), f"--plan={folder / 'plan.toml'}", *more]
    )


def analysed(folder: Path) -> dict[str, Any]:
    done = command(folder, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def metric(document: dict[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["metrics"] if one["key"] == key)
    return found


def arms(rows: Sequence[Row], column: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return tuple(np.array([float(r[column]) for r in rows if r[1] == v]) for v in "ab")  # type: ignore[return-value]  # two of them


def test_means_are_those_of_numpy_and_the_pvalue_is_welch_s(tmp_path: Path) -> None:
    from scipy import stats

    rows = people()
    write(tmp_path, rows)
    found = metric(analysed(tmp_path), "spent")
    control, treatment = arms(rows, 2)
    for shown, values in zip(found["variants"], (control, treatment), strict=True):
        assert shown["n"] == values.size
        assert shown["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert shown["standard_error"] == pytest.approx(values.std(ddof=1) / values.size**0.5, rel=1e-9)
    (comparison,) = found["comparisons"]
    oracle = stats.ttest_ind(treatment, control, equal_var=False)
    assert comparison["difference"] == pytest.approx(treatment.mean() - control.mean(), rel=1e-12)
    assert comparison["pvalue"] == pytest.approx(oracle.pvalue, rel=1e-6)
    assert comparison["look"]["z"] == pytest.approx(stats.norm.isf(oracle.pvalue / 2), rel=1e-6)
    low, high = oracle.confidence_interval(0.95)
    assert comparison["interval"] == pytest.approx([low, high], rel=0.01)


def test_shares_are_compared_by_the_score_test(tmp_path: Path) -> None:
    from statsmodels.stats.proportion import proportions_ztest

    rows = people()
    write(tmp_path, rows)
    (comparison,) = metric(analysed(tmp_path), "bought")["comparisons"]
    control, treatment = arms(rows, 3)
    counts, sizes = [treatment.sum(), control.sum()], [treatment.size, control.size]
    z, pvalue = proportions_ztest(counts, sizes)
    assert comparison["difference"] == pytest.approx(treatment.mean() - control.mean(), rel=1e-12)
    assert comparison["look"]["z"] == pytest.approx(z, rel=0.01)
    assert comparison["pvalue"] == pytest.approx(pvalue, rel=0.05)


def test_a_ratio_is_the_ratio_of_sums_and_never_decides(tmp_path: Path) -> None:
    rows = people()
    write(tmp_path, rows)
    document = analysed(tmp_path)
    found = metric(document, "basket")
    money, orders = arms(rows, 2), arms(rows, 4)
    ratios = [m.sum() / o.sum() for m, o in zip(money, orders, strict=True)]
    assert [v["mean"] for v in found["variants"]] == pytest.approx(ratios, rel=1e-12)
    residual = [m - r * o for m, r, o in zip(money, ratios, orders, strict=True)]
    error = (
        sum(r.var(ddof=1) / r.size / o.mean() ** 2 for r, o in zip(residual, orders, strict=True)) ** 0.5
    )  # delta method
    (comparison,) = found["comparisons"]
    assert comparison["difference"] == pytest.approx(ratios[1] - ratios[0], rel=1e-9)
    assert comparison["look"]["z"] == pytest.approx((ratios[1] - ratios[0]) / error, rel=1e-3)
    assert found["explanatory"] is True
    assert document["metrics"][0]["role"] == "primary"


def test_rows_that_cannot_be_used_are_counted_and_named(tmp_path: Path) -> None:
    rows: list[Sequence[str]] = [
        *people(400),
        ("u-0", "b", "1", "1", "1"),  # row 402: u-0 is in a too, so both its rows go
        ("", "a", "1", "1", "1"),  # row 403
        ("u-x", "c", "1", "1", "1"),  # row 404
        ("u-y", "a", "", "1", "1"),  # row 405
        ("u-1", "b", "9", "1", "1"),  # row 406 differs from the first row of u-1
        people(400)[2],  # row 407 repeats u-2: passed over
    ]
    write(tmp_path, rows)
    found = analysed(tmp_path)
    assert {code: entry["count"] for code, entry in found["unusable"].items()} == {
        "two_variants": 2,
        "missing_id": 1,
        "unknown_variant": 1,
        "missing_value": 1,
        "conflict": 1,
    }
    assert [row["row"] for row in found["unusable"]["two_variants"]["first"]] == [2, 402]
    assert found["unusable"]["missing_id"]["first"] == [{"file": "units.csv", "row": 403}]
    assert sum(variant["n"] for variant in metric(found, "spent")["variants"]) == 399
    said = command(tmp_path).stdout
    assert "not used: 1 unknown_variant (units.csv row 404)" in said


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    rows = people(600)
    write(tmp_path, rows)
    once = analysed(tmp_path)
    write(tmp_path, rows[::-1])
    assert analysed(tmp_path) == once
    write(tmp_path, rows[1:])
    assert analysed(tmp_path) != once


def test_nobody_in_an_arm_is_no_number_and_no_crash(tmp_path: Path) -> None:
    write(tmp_path, [row for row in people(200) if row[1] == "a"])
    found = analysed(tmp_path)
    (comparison,) = metric(found, "spent")["comparisons"]
    assert comparison["difference"] is None
    assert comparison["inconclusive"]
    assert found["verdict"]["state"] == "collecting"


def test_the_effect_at_the_stop_is_in_the_unit_of_the_column(tmp_path: Path) -> None:
    write(tmp_path, people())
    compared = metric(analysed(tmp_path), "spent")["comparisons"][0]
    # one look: nothing could stop earlier, so it is the difference with its ordinary interval
    assert compared["at_stop"]["difference"] == pytest.approx(compared["difference"], rel=1e-3)
    low, high = compared["at_stop"]["interval"]
    assert low < compared["difference"] < high
