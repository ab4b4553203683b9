"""Cumulative readings through the command; oracle: the same units read one by one, and scipy."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy import stats

from app.analyze.snapshots import analyze_snapshots
from app.cli.analyze import analyze
from app.cli.main import offerlab
from stats.results import Look
from tests.support.effort import THOROUGH, examples

HEADER = "time,metric,n_control,mean_control,variance_control,n_treatment,mean_treatment,variance_treatment"
PLAN = 'control = "a"\nplanned_units = 8000\n[weights]\na = 0.5\nb = 0.5\n'
ASOS = Path(__file__).parents[4] / "shared" / "data" / "asos_extract.csv.gz"
RENAMED = {
    "time_since_start": "time",
    "metric_id": "metric",
    "count_c": "n_control",
    "count_t": "n_treatment",
    "mean_c": "mean_control",
    "mean_t": "mean_treatment",
    "variance_c": "variance_control",
    "variance_t": "variance_treatment",
}


def rows(effect: float = 0.4, per_day: int = 500, days: int = 8) -> list[str]:
    rng = np.random.default_rng(5)
    a, b = rng.normal(10, 3, per_day * days), rng.normal(10 + effect, 3, per_day * days)
    found = []
    for day in range(1, days + 1):
        n = day * per_day
        cells = [f"{x:.17g}" for part in (a, b) for x in (n, part[:n].mean(), part[:n].var(ddof=1))]
        found.append(f"2026-03-{day:02},spent,{','.join(cells)}")
    return found


def command(folder: Path, lines: list[str], plan: str = PLAN, *more: str) -> Result:
    (folder / "readings.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    (folder / "plan.toml").write_text(plan)
    paths = [str(folder / "readings.csv"), "--plan", str(folder / "plan.toml")]
    return CliRunner().invoke(analyze, ["snapshots", *paths, *more])


def document(folder: Path, lines: list[str], plan: str = PLAN) -> dict[str, Any]:
    done = command(folder, lines, plan, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_reading_is_a_look_at_the_published_boundaries(tmp_path: Path) -> None:
    looks = document(tmp_path, rows())["looks"]
    assert [look["day"] for look in looks] == [f"2026-03-{day:02}" for day in range(1, 9)]
    assert [look["fraction"] for look in looks] == pytest.approx([day / 8 for day in range(1, 9)])
    information = ",".join(str(look["information"] / looks[-1]["information"]) for look in looks)
    alone = CliRunner().invoke(
        offerlab, ["boundaries", "--information", information, "--open-ended", "0.1", "--json"]
    )
    expected = [look["z"] for look in json.loads(alone.stdout)["looks"]]
    # spending is metered by units here and by information there, which differ by the estimated variance
    assert [look["upper"] for look in looks] == pytest.approx(expected, abs=0.05)


def test_each_z_is_welch_at_its_reading(tmp_path: Path) -> None:
    for line, look in zip(rows(), document(tmp_path, rows())["looks"], strict=True):
        n_c, m_c, v_c, n_t, m_t, v_t = map(float, line.split(",")[2:])
        welch = stats.ttest_ind_from_stats(m_t, v_t**0.5, int(n_t), m_c, v_c**0.5, int(n_c), equal_var=False)
        assert 2 * stats.norm.sf(abs(look["z"])) == pytest.approx(welch.pvalue, rel=1e-6)
        assert look["difference"] == pytest.approx(m_t - m_c, rel=1e-9)


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    assert document(tmp_path, rows()[::-1]) == document(tmp_path, rows())


def test_a_compressed_file_is_the_same_file(tmp_path: Path) -> None:
    plain = document(tmp_path, rows())
    packed = tmp_path / "readings.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "readings.csv").read_bytes()))
    result, _ = analyze_snapshots(packed, tmp_path / "plan.toml")
    assert result.inputs_sha256 == plain["inputs_sha256"]
    assert result.experiment == "snapshots"
    packed.write_bytes(packed.read_bytes()[:-20])
    done = CliRunner().invoke(analyze, ["snapshots", str(packed), "--plan", str(tmp_path / "plan.toml")])
    assert done.exit_code == 1
    assert "readings.csv.gz cannot be read" in done.output


def test_a_crossing_stays(tmp_path: Path) -> None:
    found = document(tmp_path, rows(effect=0.4))
    assert found["verdict"]["state"] == "roll_out"
    assert any(look["crossed"] == "upper" for look in found["looks"])
    assert document(tmp_path, rows(effect=0.0))["metrics"][0]["comparisons"][0]["proven"] is None


def test_rows_without_a_reading_are_named(tmp_path: Path) -> None:
    lines = [
        *rows(),
        "2026-03-09,spent,0,,,4100,10,9",
        "2026-03-10,spent,4100,10,,4100,10,",
        "2026-03-11,spent,100,10,9,4100,10,9",
        ",spent,100,10,9,4100,10,9",
        "2026-03-08,spent,100,10,9,4100,10,9",
    ]
    unusable = document(tmp_path, lines)["unusable"]
    assert {code: (found["count"], found["first"][0]["row"]) for code, found in unusable.items()} == {
        "no_units": (1, 10),
        "no_variance": (1, 11),
        "units_fell": (1, 12),
        "missing_time": (1, 13),
        "conflict": (1, 14),
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [("2026-03-01,spent,0,,,0,,", "no_units"), ("2026-03-01,spent,50,1,,50,2,", "no_variance")],
)
def test_a_metric_without_readings_says_why(tmp_path: Path, line: str, reason: str) -> None:
    found = document(tmp_path, [line])["metrics"][0]["comparisons"][0]
    assert found["inconclusive"] == reason
    assert found["pvalue"] is None


def test_shares_and_roles_of_the_plan(tmp_path: Path) -> None:
    plan = PLAN + (
        '[[metrics]]\nkey = "bought"\nkind = "binary"\n'
        '[[metrics]]\nkey = "left"\nkind = "binary"\ndirection = "decrease"\n'
    )
    lines = ["1,bought,4000,0.05,,4000,0.07,", "1,left,4000,0.5,,4000,0.4,", "1,other,1,1,1,1,1,1"]
    found = document(tmp_path, lines, plan)
    assert [metric["role"] for metric in found["metrics"]] == ["primary", "secondary"]
    assert [metric["comparisons"][0]["proven"] for metric in found["metrics"]] == ["better", "better"]
    assert found["unusable"]["unknown_metric"]["count"] == 1


@pytest.mark.parametrize(
    ("line", "plan", "said"),
    [
        ("soon,spent,1,1,1,1,1,1", PLAN, "row 2, column 'time'"),
        ("1,spent,-5,1,1,1,1,1", PLAN, "is below 0"),
        ("1,spent,5.5,1,1,1,1,1", PLAN, "whole number"),
        ("1,spent,5,1,-1,1,1,1", PLAN, "is below 0"),
        ("1,spent,5,x,1,1,1,1", PLAN, "is not a number"),
        ("1,spent,50,2,,50,1,", PLAN + '[[metrics]]\nkey = "spent"\nkind = "binary"\n', "between 0 and 1"),
        ("1,spent,5,1,1,5,1,1", PLAN.replace("b =", "c = 0.2\nb ="), "one treatment"),
        ("1,spent,5,1,1,5,1,1", 'control = "a"\nprimary = "other"\n', "'other' is no metric"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, line: str, plan: str, said: str) -> None:
    done = command(tmp_path, [line], plan)
    assert done.exit_code == 1
    assert said in done.output


def test_the_page_has_the_looks(tmp_path: Path) -> None:
    out = tmp_path / "results.html"
    done = command(tmp_path, rows(), PLAN, "--out", str(out))
    assert done.exit_code == 0, done.output
    page = out.read_text()
    assert "Mar 8, 2026" in page
    assert "Plotly" in page


@pytest.mark.long
@pytest.mark.skipif(not ASOS.exists(), reason="the extract of published readings is not beside the checkout")
def test_published_readings_of_a_real_shop(tmp_path: Path) -> None:
    with gzip.open(ASOS, "rt", newline="") as file:
        table = list(csv.DictReader(file))
    (tmp_path / "plan.toml").write_text('control = "a"\n')
    named = [{RENAMED.get(key, key): cell for key, cell in row.items()} for row in table]
    experiments = sorted({(row["experiment_id"], row["variant_id"]) for row in named})[:: examples(4, 1)]
    set_aside = 0
    for experiment in experiments:
        part = [row for row in named if (row["experiment_id"], row["variant_id"]) == experiment]
        with (tmp_path / "readings.csv").open("w", newline="") as out:
            writer = csv.DictWriter(out, list(part[0]))
            writer.writeheader()
            writer.writerows(part)
        result, _ = analyze_snapshots(tmp_path / "readings.csv", tmp_path / "plan.toml")
        bad = sum(not has_reading(row) for row in part)
        found = sum(result.unusable.get(code, {"count": 0})["count"] for code in ("no_units", "no_variance"))
        assert found == bad
        set_aside += found
        for metric in result.metrics:
            usable = [row for row in part if row["metric"] == metric.key and has_reading(row)]
            assert usable or metric.comparisons[0].inconclusive in {"no_units", "no_variance"}
            for look in (look for look in result.looks if look.metric == metric.key + ":0"):
                assert any(says(row, look) for row in usable)
    if THOROUGH:
        assert (len(experiments), len(named), set_aside) == (17, 5137, 316)


def says(row: dict[str, str], look: Look) -> bool:
    """Whether a look is the reading of this row."""
    if (float(row["n_control"]), float(row["n_treatment"])) != (look.n_control, look.n_treatment):
        return False
    gap = float(row["mean_treatment"]) - float(row["mean_control"])
    return look.difference == pytest.approx(gap, abs=1e-9)


def has_reading(row: dict[str, str]) -> bool:
    if min(float(row["n_control"] or 0), float(row["n_treatment"] or 0)) < 2:
        return False
    variances = [row["variance_control"], row["variance_treatment"]]
    return all(text not in {"", "nan"} for text in variances) and any(float(text) > 0 for text in variances)
