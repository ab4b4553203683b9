"""Whole pages as text: order, accessibility, escaping, no inline code; oracle: an HTML parser."""

import hashlib
import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import pytest

import dashboards
from dashboards.meta import ExperimentMeta, ListRow, Site, VariantMeta
from dashboards.pages import render_experiment, render_list, render_login, render_message
from dashboards.wording import LOCALES
from dashboards.wording.messages import MESSAGES
from stats.results import AtStop
from tests.support.example_results import (
    aa_meta,
    aa_result,
    list_rows,
    not_trusted_result,
    roll_out_result,
    threshold_meta,
)

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028&{{7*7}}"
STATIC = Path(dashboards.__file__).parent / "static"


class Outline(HTMLParser):
    """Tags with their attributes in order; texts of data scripts."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = False
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "script"

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 -- the base class passes it
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts.append(data)

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def all_pages(locale: str) -> dict[str, str]:
    return {
        "roll_out": render_experiment(roll_out_result(), threshold_meta(), locale, csrf_token="t0"),
        "stop": render_experiment(not_trusted_result(), threshold_meta(), locale),
        "aa": render_experiment(aa_result(), aa_meta(), locale, downloads=(("units.csv", "/u.csv"),)),
        "list": render_list(list_rows("Text."), locale, csrf_token="t0"),
        "empty": render_list((), locale),
        "login": render_login(locale, csrf_token="t1", error="No."),
        "confirm": render_login(locale, token="one-time"),
        "message": render_message(locale, *MESSAGES["link_expired"], action=("→", "/login")),
    }


@pytest.mark.parametrize("locale", LOCALES)
def test_pages_have_no_inline_code_and_no_foreign_address(locale: str) -> None:
    for name, document in all_pages(locale).items():
        outline = Outline(document)
        assert not outline.named("style"), name
        for _, attributes in outline.tags:
            assert not [key for key in attributes if key.startswith("on") or key == "style"], name
            links = (
                attributes.get("href") or "",
                attributes.get("src") or "",
                attributes.get("action") or "",
            )
            assert not [link for link in links if "//" in link or link.startswith("javascript")], name
        for script in outline.named("script"):
            assert script.get("src") or script.get("type") == "application/json", name


@pytest.mark.parametrize("locale", LOCALES)
def test_pages_are_accessible_in_structure(locale: str) -> None:
    for name, document in all_pages(locale).items():
        outline = Outline(document)
        assert outline.named("html")[0]["lang"] == locale
        levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1, name
        assert levels.count(1) == 1, name
        assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels)), name
        assert len(outline.named("caption")) == len(outline.named("table")), name
        assert all("scope" in head for head in outline.named("th")), name
        ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
        assert len(ids) == len(set(ids)), name


def test_the_verdict_comes_first_then_trust_then_the_numbers() -> None:
    document = render_experiment(roll_out_result(), threshold_meta(), "en")
    places = [document.index(mark) for mark in ('class="headline"', 'id="trust-head"', 'id="scorecard-head"')]
    assert places == sorted(places)
    assert "Simulated shoppers" in document


def test_red_data_grey_the_numbers_and_name_no_winner() -> None:
    document = render_experiment(not_trusted_result(), threshold_meta(), "en")
    assert '<div class="numbers untrusted">' in document
    assert "roll it out" not in document
    assert "The variants did not get their planned shares of visitors" in document
    assert "Remedy" in document


def test_a_missing_number_says_why_and_shows_no_zero() -> None:
    document = render_experiment(aa_result(), aa_meta(), "en")
    assert document.count("No number: the goods margin is unknown") == 2
    assert "$0" not in document


def test_the_scorecard_says_what_any_look_has_proven() -> None:
    good = roll_out_result()
    comparison = good.metrics[0].comparisons[0]
    assert comparison.look is not None
    # on a weekday the last look tests harm only and crosses nothing; what was proven on Sunday stays proven
    weekday = replace(comparison, look=replace(comparison.look, crossed=False, side=None, tested=("harm",)))
    cases: dict[Literal["better", "worse"] | None, str] = {
        "better": "proven better",
        "worse": "proven worse",
        None: "not proven",
    }
    for proven, said in cases.items():
        metric = replace(good.metrics[0], comparisons=(replace(weekday, proven=proven),))
        document = render_experiment(replace(good, metrics=(metric,)), threshold_meta(), "en")
        assert [text for text in cases.values() if text in document] == [said]


def test_the_scorecard_corrects_the_effect_for_the_stop_but_not_at_a_first_look() -> None:
    good = roll_out_result()
    for look, said in ((6, True), (1, False)):
        stopped = replace(
            good.metrics[0].comparisons[0], at_stop=AtStop(look, "2026-02-24", 1234.0, (56.0, 2412.0))
        )
        metric = replace(good.metrics[0], comparisons=(stopped,))
        document = render_experiment(replace(good, metrics=(metric,)), threshold_meta(), "en")
        assert ("Without the luck of stopping there" in document) == said
        assert ("Feb 24, 2026" in document) == said


def test_the_list_does_not_say_collecting_of_what_has_ended() -> None:
    row = ListRow(key="x", name="X", status="stopped", days=3, state="collecting", text="", units=1)
    assert "No answer" in render_list((row,), "en")
    assert "No answer" not in render_list((replace(row, status="running"),), "en")


def test_each_chart_has_a_table_with_the_same_numbers() -> None:
    document = render_experiment(roll_out_result(), threshold_meta(), "en").replace("\u00a0", " ")
    assert document.count('class="figure-data"') == document.count("The same as a table") == 3
    assert "+2.9 … +22.6 ₽" in document
    assert "May 3, 2026" in document


def test_hostile_names_are_text_everywhere() -> None:
    meta = ExperimentMeta(
        key=HOSTILE,
        name=HOSTILE,
        hypothesis=HOSTILE,
        status=HOSTILE,
        variants=(VariantMeta("a", HOSTILE, 0.5, control=True), VariantMeta("b", HOSTILE, 0.5)),
        notices=(HOSTILE,),
    )
    for locale in LOCALES:
        outline = Outline(render_experiment(aa_result(), meta, locale))
        assert not outline.named("img")
        figures = [json.loads(text) for text in outline.scripts if text.startswith("{")]
        assert len(figures) == 2
    assert not Outline(render_list((replace(list_rows("")[0], name=HOSTILE, key=HOSTILE),), "en")).named(
        "img"
    )
    assert not Outline(render_login("en", error=HOSTILE, token=HOSTILE)).named("img")
    assert not Outline(render_message("en", HOSTILE, HOSTILE)).named("img")


def test_script_data_hold_no_sign_that_could_end_the_script() -> None:
    meta = replace(
        aa_meta(), variants=(VariantMeta("a", HOSTILE, 0.5, control=True), VariantMeta("b", HOSTILE, 0.5))
    )
    for text in Outline(render_experiment(aa_result(), meta, "en")).scripts:
        assert not set("<>&\u2028\u2029") & set(text)


def test_forms_carry_the_token_and_languages_are_links() -> None:
    document = render_experiment(
        roll_out_result(), threshold_meta(), "ru", csrf_token="t0", site=Site(logout="/bye")
    )
    assert 'action="/bye"' in document
    assert 'name="csrf_token" value="t0"' in document
    assert 'href="?lang=en"' in document
    assert "<form" not in render_experiment(roll_out_result(), threshold_meta(), "ru")


def test_vendored_files_are_the_published_ones() -> None:
    lines = (STATIC / "vendor" / "README.md").read_text("utf-8").splitlines()
    rows = [re.match(r"\| `([^`]+)` .*`([0-9a-f]{64})` \|$", line) for line in lines]
    sums = {row[1]: row[2] for row in rows if row}
    files = {file.name for file in (STATIC / "vendor").iterdir()} - {"README.md"}
    assert set(sums) == files
    for name, expected in sums.items():
        content = (STATIC / "vendor" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == expected, name
        assert b"sourceMappingURL" not in content
