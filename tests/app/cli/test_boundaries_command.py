"""`offerlab boundaries`; oracle: the published Lan–DeMets boundaries (O'Brien–Fleming type, four looks)."""

import json

import pytest
from click.testing import CliRunner

from app.cli.main import offerlab

PUBLISHED = [4.3326, 2.9631, 2.3590, 2.0141]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(offerlab, ["boundaries", *arguments])
    return done.exit_code, done.output


def test_four_looks_are_the_published_ones() -> None:
    code, said = run("--information", "0.25,0.5,0.75,1", "--spending", "obrien-fleming", "--json")
    looks = json.loads(said)["looks"]
    assert code == 0
    assert [look["z"] for look in looks] == pytest.approx(PUBLISHED, abs=5e-4)
    assert set(looks[0]) == {"information", "z", "pvalue", "alpha_spent"}
    assert looks[-1]["alpha_spent"] == pytest.approx(0.05, abs=1e-9)


def test_the_open_end_keeps_alpha_for_later() -> None:
    _, said = run("--information", "1,2", "--open-ended", "0.1", "--json")
    spent = [look["alpha_spent"] for look in json.loads(said)["looks"]]
    assert spent == pytest.approx([0.045, 0.0475], abs=1e-12)


def test_a_table_for_people() -> None:
    _, said = run("--information", "0.5,1", "--sides", "1", "--alpha", "0.025")
    lines = said.splitlines()
    assert len(lines) == 3
    assert "alpha spent" in lines[0]


def test_json_holds_no_infinity() -> None:
    _, said = run("--information", "1e-9,1", "--spending", "obrien-fleming", "--json")
    assert json.loads(said)["looks"][0]["z"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--information", "a,b"), "0.25,0.5"),
        (("--information", "1,0.5"), "information"),
        (("--information", "1", "--alpha", "2"), "alpha"),
        (("--information", "1", "--spending", "magic"), "magic"),
        (("--information", "1", "--open-ended", "1"), "open"),
        (("--information", "nan"), "information"),
        (("--information", "1", "--sides", "3"), "--sides"),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[str, ...], said: str) -> None:
    code, output = run(*arguments)
    assert code in {1, 2}
    assert said in output
    assert "Traceback" not in output
