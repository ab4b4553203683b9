"""Counts per variant through the command; oracles: statsmodels and scipy on the same numbers."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from scipy import stats
from statsmodels.stats.proportion import test_proportions_2indep as two_proportions

from app.cli.analyze import analyze


def command(folder: Path, text: str, *more: str) -> Result:
    (folder / "counts.csv").write_text(text)
    return CliRunner().invoke(analyze, ["counts", str(folder / "counts.csv"), "--control", "a", *more])


def document(folder: Path, text: str, *more: str) -> dict[str, Any]:
    done = command(folder, text, "--json", *more)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def comparison(found: dict[str, Any], place: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = found["metrics"][0]["comparisons"][place]
    return answer


def test_shares_are_the_score_test(tmp_path: Path) -> None:
    found = document(tmp_path, "variant,n,successes\na,10000,500\nb,10100,600\n")
    expected = two_proportions(600, 10100, 500, 10000, method="score", correction=False).pvalue
    assert comparison(found)["pvalue"] == pytest.approx(expected, rel=1e-5)
    assert comparison(found)["difference"] == pytest.approx(600 / 10100 - 0.05)
    assert comparison(found)["proven"] == "better"
    assert found["verdict"]["state"] == "roll_out"


def test_means_are_welch(tmp_path: Path) -> None:
    text = "variant,n,mean,variance\na,400,104.25,2500.5\nb,380,111.5,3000.75\n"
    expected = stats.ttest_ind_from_stats(111.5, 3000.75**0.5, 380, 104.25, 2500.5**0.5, 400, equal_var=False)
    parts = 3000.75 / 380, 2500.5 / 400
    df = sum(parts) ** 2 / (parts[0] ** 2 / 379 + parts[1] ** 2 / 399)
    half = float(stats.t.isf(0.025, df)) * sum(parts) ** 0.5
    found = comparison(document(tmp_path, text))
    assert found["pvalue"] == pytest.approx(expected.pvalue, rel=1e-5)
    assert found["interval"] == pytest.approx([7.25 - half, 7.25 + half], rel=1e-5)


def test_a_tiny_spread_beside_a_large_mean_keeps_its_digits(tmp_path: Path) -> None:
    text = "variant,n,mean,variance\na,400,1000.25,1e-8\nb,380,1000.25001,1e-8\n"
    found = comparison(document(tmp_path, text))
    expected = stats.ttest_ind_from_stats(1e-5, 1e-4, 380, 0.0, 1e-4, 400, equal_var=False)
    assert found["pvalue"] == pytest.approx(expected.pvalue, rel=1e-5)


def test_three_variants_share_alpha(tmp_path: Path) -> None:
    text = "variant,n,successes\na,10000,500\nb,10000,570\nc,10000,500\n"
    found = document(tmp_path, text)
    single = two_proportions(570, 10000, 500, 10000, method="score", correction=False).pvalue
    assert comparison(found)["pvalue"] > single
    assert comparison(found, 1)["pvalue"] == 1.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("variant,n,successes\na,100,0\nb,100,0\n", "no_variance"),
        ("variant,n,successes\na,100,100\nb,100,100\n", "no_variance"),
        ("variant,n,successes\na,0,0\nb,100,50\n", "no_units"),
        ("variant,n,mean,variance\na,100,1,0\nb,100,2,0\n", "no_variance"),
        ("variant,n,mean,variance\na,1,1,0\nb,100,2,1\n", "no_units"),
        ("variant,n,successes\na,100,3\nb,100,5\n", "below_minimum"),
    ],
)
def test_what_the_counts_cannot_say(tmp_path: Path, text: str, reason: str) -> None:
    found = comparison(document(tmp_path, text))
    assert found["inconclusive"] == reason
    assert found["pvalue"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("variant,n\na,1\nb,2\n", "no column 'mean'"),
        ("variant,n,successes\na,10,11\nb,10,1\n", "row 2, column 'successes': 11 is more than n = 10"),
        ("variant,n,successes\na,10,-1\nb,10,1\n", "is below 0"),
        ("variant,n,successes\na,1.5,1\nb,10,1\n", "not a whole number"),
        ("variant,n,successes\na,x,1\nb,10,1\n", "not a number"),
        ("variant,n,mean,variance\na,10,1,-2\nb,10,1,1\n", "column 'variance'"),
        ("variant,n,mean,variance\na,10,nan,2\nb,10,1,1\n", "column 'mean'"),
        ("variant,n,mean,variance\na,10,1e400,2\nb,10,1,1\n", "'mean': is not a number below 1e18"),
        ("variant,n,mean,variance\na,10,1,1e18\nb,10,1,1\n", "'variance': is not a number below 1e18"),
        ("variant,n,successes\na,10,1\na,10,1\n", "stands twice"),
        ("variant,n,successes\na,10,1\n", "two variants"),
        ("variant,n,successes\nb,10,1\nc,10,1\n", "'a' is no variant"),
    ],
)
def test_a_bad_cell_is_named(tmp_path: Path, text: str, said: str) -> None:
    done = command(tmp_path, text)
    assert done.exit_code == 1
    assert said in done.output


def test_a_mean_next_to_nothing_has_no_upper_end_of_its_uplift(tmp_path: Path) -> None:
    text = "variant,n,mean,variance\na,1000,0.001,300\nb,1000,0.001,1e-999999\n"
    assert comparison(document(tmp_path, text))["uplift_interval"] == [-1.0, None]


def test_planned_shares(tmp_path: Path) -> None:
    text = "variant,n,successes\na,90000,4500\nb,10000,500\n"
    assert document(tmp_path, text)["trust"]["status"] == "stop"
    assert document(tmp_path, text, "--weights", "a=0.9,b=0.1")["trust"]["status"] != "stop"
    assert command(tmp_path, text, "--weights", "a=1").exit_code == 1
    assert command(tmp_path, text, "--weights", "a:1").exit_code == 2
    assert command(tmp_path, text, "--alpha", "1.5").exit_code == 1


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_page_asks_for_nothing(tmp_path: Path, lang: str) -> None:
    out = tmp_path / "results.html"
    text = "variant,n,successes\na,10000,500\nb,10100,600\n"
    done = command(tmp_path, text, "--out", str(out), "--lang", lang)
    assert done.exit_code == 0, done.output
    page = out.read_text()
    assert f'<html lang="{lang}">' in page
    assert "default-src 'none'" in page
    assert 'src="/' not in page
    assert 'href="/' not in page
    assert "1970" not in page.partition("<script>")[0]
    assert command(tmp_path, text, "--out", str(tmp_path / "results.pdf")).exit_code == 2
