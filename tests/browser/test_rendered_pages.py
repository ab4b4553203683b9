"""Pages in a real Chromium under the service's own security policy."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from dashboards.meta import VariantMeta
from dashboards.pages import render_experiment, render_list, render_login
from dashboards.wording import verdict_sentence
from tests.support.browser import DESK, PHONE, chromium_missing, chromium_page
from tests.support.example_results import (
    aa_meta,
    aa_result,
    list_rows,
    not_trusted_result,
    roll_out_result,
    threshold_meta,
)
from tests.support.page_server import STATIC, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_missing() is not None, reason=str(chromium_missing())),
]
HOSTILE = "</script><img src=x onerror=alert(1)>"


def _pages() -> dict[str, str]:
    hostile = threshold_meta(HOSTILE, treatment_name=HOSTILE)
    hostile_aa = replace(
        aa_meta(), variants=(VariantMeta("a", HOSTILE, 0.5, control=True), VariantMeta("b", HOSTILE, 0.5))
    )
    pages = {
        "/hostile?lang=en": render_experiment(roll_out_result(), hostile, "en"),
        "/hostile-curves?lang=en": render_experiment(aa_result(), hostile_aa, "en"),
    }
    for lang in ("en", "ru"):
        rows = list_rows(verdict_sentence(roll_out_result(), lang))
        pages |= {
            f"/roll?lang={lang}": render_experiment(
                roll_out_result(), threshold_meta(), lang, csrf_token="t"
            ),
            f"/stop?lang={lang}": render_experiment(not_trusted_result(), threshold_meta(), lang),
            f"/aa?lang={lang}": render_experiment(aa_result(), aa_meta(), lang),
            f"/list?lang={lang}": render_list(rows, lang, csrf_token="t"),
            f"/login?lang={lang}": render_login(lang),
        }
    return pages


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with serving(_pages()) as address:
        yield address


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_pages_draw_their_charts_quietly_and_alone(origin: str, size: tuple[int, int]) -> None:
    charts = {"/roll": 3, "/stop": 3, "/aa": 2, "/list": 0, "/login": 0}
    with chromium_page(size) as seen:
        for lang in ("en", "ru"):
            for path, count in charts.items():
                seen.page.goto(f"{origin}{path}?lang={lang}", wait_until="networkidle")
                assert seen.page.locator(".figure:has(.main-svg)").count() == count, path
                assert not seen.scrolls_sideways(), path
        assert seen.complaints == []
        assert seen.hosts == {urlsplit(origin).netloc}


def test_a_hostile_name_is_shown_and_never_runs(origin: str) -> None:
    with chromium_page() as seen:
        for path in ("/hostile", "/hostile-curves"):
            seen.page.goto(f"{origin}{path}?lang=en", wait_until="networkidle")
            assert HOSTILE in seen.page.inner_text("main")
            assert seen.page.locator("img").count() == 0
            assert seen.page.locator(".figure:has(.main-svg)").count() >= 1
        assert HOSTILE in (seen.page.text_content("#curve-0 .legend") or "")
        assert (seen.dialogs, seen.complaints) == ([], [])


def test_the_language_link_leads_to_the_russian_verdict(origin: str) -> None:
    with chromium_page() as seen:
        seen.page.goto(f"{origin}/roll?lang=en")
        seen.page.click("a[hreflang=ru]")
        seen.page.wait_for_url("**/roll?lang=ru")
        assert "больше прибыли с посетителя, от 2,9 до 22,6: внедряйте" in seen.page.inner_text(".headline")
        assert seen.page.get_attribute("html", "lang") == "ru"


def test_without_javascript_the_tables_still_say_everything(origin: str) -> None:
    with chromium_page(PHONE, javascript=False) as seen:
        seen.page.goto(f"{origin}/roll?lang=en")
        looks = seen.page.locator(".chart:has(#effect-0)")
        looks.locator("summary").click()
        assert "+2.9 … +22.6" in looks.locator("table").inner_text()
        assert seen.page.locator(".main-svg").count() == 0


def test_a_chart_is_saved_as_a_file_without_leaving_the_host(origin: str) -> None:
    with chromium_page() as seen:
        seen.page.goto(f"{origin}/roll?lang=en", wait_until="networkidle")
        seen.page.hover("#effect-0")
        assert seen.page.locator("#effect-0 .modebar-btn").count() == 1  # no upload button
        with seen.page.expect_download() as download:
            seen.page.click("#effect-0 .modebar-btn")
        assert download.value.suggested_filename.endswith(".svg")
        assert seen.complaints == []
        assert seen.hosts == {urlsplit(origin).netloc}


# Contrast of every visible text against the first opaque ground behind it (WCAG 2.2, 1.4.3).
_FAINT_TEXTS = """() => {
  const numbers = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, place) => sum + c * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *:not(svg *)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [light(numbers(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push([element.className, element.textContent.trim().slice(0, 40), ratio]);
  }
  return faint;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(origin: str, scheme: str) -> None:
    with chromium_page(PHONE, scheme=scheme) as seen:  # type: ignore[arg-type] # parametrize knows no Literal
        for path in ("/roll", "/stop", "/aa", "/list", "/login"):
            seen.page.goto(f"{origin}{path}?lang=en", wait_until="networkidle")
            assert seen.page.evaluate(_FAINT_TEXTS) == [], path


def test_the_keyboard_reaches_the_content_first(origin: str) -> None:
    with chromium_page() as seen:
        seen.page.goto(f"{origin}/roll?lang=en")
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.className") == "skip"
        outline = seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"


def test_the_first_visit_weighs_less_than_600_kilobytes() -> None:
    page = _pages()["/aa?lang=ru"].encode()
    files = ["app.css", "charts.js", "icon.svg"]
    vendored = ["vendor/plotly-basic.min.js", "vendor/plotly-locale-ru.js", "vendor/plotly.css"]
    weight = sum(len(gzip.compress((STATIC / file).read_bytes())) for file in files + vendored)
    assert weight + len(gzip.compress(page)) < 600_000
