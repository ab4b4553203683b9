"""The pages of the running service in a real Chromium, with the demo's data; oracle: the results document."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.clock import SystemClock
from app.database import Database
from app.demo.service import seed
from app.demo.shoppers import THRESHOLD_KEY
from app.pages.service import make_login_link
from app.settings import Settings
from tests.support.browser import DESK, PHONE, Watched, chromium_missing, chromium_page
from tests.support.live import Live, live_service

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_missing() is not None, reason=str(chromium_missing())),
]
PAGES = ("/", "/experiments/cdnow", f"/experiments/{THRESHOLD_KEY}")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("pages")) as live:
        seed(live.url, live.admin_key, SystemClock().now_us())
        yield live


def log_in(watched: Watched, live: Live) -> str:
    """Open a fresh login link; gives the link."""
    settings = Settings(data_dir=live.data_dir)
    database = Database(settings.url)
    link = make_login_link(database, settings, "mgr", SystemClock().now_us(), base_url=live.url)
    database.close()
    watched.page.goto(link)
    return link


def results(live: Live, key: str) -> dict[str, Any]:
    with live.client() as http:
        found: dict[str, Any] = http.get(f"/api/v1/experiments/{key}/results").json()
    return found


def test_without_a_login_there_are_no_numbers(demo: Live) -> None:
    with chromium_page() as watched:
        for path in PAGES:
            answer = watched.page.goto(demo.url + path)
            assert answer.status == 401
            assert "CDNOW" not in watched.page.content()
            assert watched.page.locator("input[name=token]").is_visible()


def test_a_login_link_works_once(demo: Live) -> None:
    with chromium_page() as watched:
        link = log_in(watched, demo)
        assert watched.page.locator("h1").inner_text() == "Experiments"
        assert "offerlab_session" in [cookie["name"] for cookie in watched.page.context.cookies()]
        watched.page.get_by_role("button", name="Log out").click()
        assert watched.page.goto(link).status == 410
        assert watched.page.goto(demo.url).status == 401


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["1440", "390"])
@pytest.mark.parametrize("lang", ["en", "ru"])
def test_pages_fit_complain_about_nothing_and_ask_nobody_else(
    demo: Live, size: tuple[int, int], lang: str
) -> None:
    with chromium_page(size) as watched:
        log_in(watched, demo)
        for path in PAGES:
            answer = watched.page.goto(f"{demo.url}{path}?lang={lang}")
            assert answer.status == 200
            assert watched.page.locator("html").get_attribute("lang") == lang
            if path != "/":
                watched.page.wait_for_selector(".js-plotly-plot .main-svg")
            assert not watched.scrolls_sideways(), path
        assert watched.complaints == []
        assert watched.hosts == {demo.url.removeprefix("http://")}


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("key", ["cdnow", THRESHOLD_KEY])
def test_the_page_says_the_verdict_of_the_results_document(demo: Live, key: str, lang: str) -> None:
    with chromium_page() as watched:
        log_in(watched, demo)
        watched.page.goto(f"{demo.url}/experiments/{key}?lang={lang}")
        said = " ".join(watched.page.locator("main").inner_text().split())
        promised = " ".join(results(demo, key)["verdict"]["text"][lang].split())
        headline = promised.split(": ", 2)
        assert ": ".join(headline[:2]) in said


def test_the_pages_say_what_is_no_real_experiment(demo: Live) -> None:
    with chromium_page() as watched:
        log_in(watched, demo)
        watched.page.goto(f"{demo.url}/experiments/cdnow")
        assert "A/A test" in watched.page.locator("main").inner_text()
        watched.page.goto(f"{demo.url}/experiments/{THRESHOLD_KEY}")
        assert "Simulated" in watched.page.locator("main").inner_text()


def test_the_numbers_of_the_page_are_those_of_the_document(demo: Live) -> None:
    found = results(demo, "cdnow")
    repeat = next(metric for metric in found["metrics"] if metric["key"] == "repeat_purchase_rate")
    with chromium_page() as watched:
        log_in(watched, demo)
        watched.page.goto(f"{demo.url}/experiments/cdnow")
        said = watched.page.locator("main").inner_text()
        for variant in repeat["variants"]:
            assert f"{variant['n']:,}" in said
            assert f"{variant['mean']:.1%}" in said


def test_a_page_without_scripts_still_says_everything(demo: Live) -> None:
    with chromium_page(javascript=False) as watched:
        log_in(watched, demo)
        watched.page.goto(f"{demo.url}/experiments/cdnow")
        assert "repeat purchase" in watched.page.locator("main").inner_text()
        assert watched.page.locator("table").count() >= 3


def test_a_missing_experiment_and_a_draft_have_pages(demo: Live) -> None:
    body = {
        "key": "draft-one",
        "name": "<b>A draft</b>",
        "unit": "visitor",
        "variants": [
            {"key": "a", "weight": 0.5, "control": True, "offer": None},
            {"key": "b", "weight": 0.5, "offer": None},
        ],
        "economics": {"currency": "RUB", "margin_share": 0.3},
        "plan": {"primary": "conversion_rate", "window_days": 7, "planned_units": 1000, "mde": 0.1},
        "timezone": "Europe/Moscow",
    }
    with demo.client() as http:
        http.post("/api/v1/experiments", json=body).raise_for_status()
    with chromium_page() as watched:
        log_in(watched, demo)
        assert watched.page.goto(f"{demo.url}/experiments/draft-one").status == 200
        assert "<b>A draft</b>" in watched.page.locator("main").inner_text()
        assert watched.page.goto(f"{demo.url}/experiments/nothing").status == 404
        assert watched.page.goto(demo.url).status == 200


def test_a_foreign_form_logs_nobody_out(demo: Live) -> None:
    with chromium_page() as watched:
        log_in(watched, demo)
        answer = watched.page.request.post(f"{demo.url}/logout", form={"csrf_token": "wrong"})
        assert answer.status == 401
        assert watched.page.goto(demo.url).status == 200


def test_a_download_is_the_api_s_export(demo: Live) -> None:
    with demo.client() as http:
        promised = http.get("/api/v1/experiments/cdnow/export/orders.csv").content
    with chromium_page() as watched:
        log_in(watched, demo)
        watched.page.goto(f"{demo.url}/experiments/cdnow")
        with watched.page.expect_download() as download:
            watched.page.get_by_role("link", name="orders.csv").click()
        assert download.value.path().read_bytes() == promised
