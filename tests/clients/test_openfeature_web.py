"""@openfeature/web-sdk with @openfeature/ofrep-web-provider in Chromium, on a page of another origin."""

from typing import Any

import pytest

from tests.clients.shop import Browser, Shop, nowhere

pytestmark = pytest.mark.browser
MINE = {"mine": True}
VISITORS = [*(f"v-{n}" for n in range(10)), "Мария", "שרה", "🛒-👩‍👩‍👧"]
BULK = "/ofrep/v1/evaluate/flags"


def evaluate(pages: Shop, told: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    with pages.browser("openfeature_web") as browser:
        found: dict[str, Any] = browser.run("evaluate", told)
        return found, browser.complaints


def test_every_visitor_gets_the_variant_and_the_offer_of_the_assignments_door(pages: Shop) -> None:
    key = pages.experiment("of-web", audience={"country": "RU"})
    contexts = [{"targetingKey": unit, "country": "RU"} for unit in VISITORS]
    found, complaints = evaluate(pages, pages.given(key, contexts=contexts))
    ours = [pages.assigned(key, unit, country="RU") for unit in VISITORS]
    assert (found["failure"], found["status"], complaints) == (None, "READY", [])
    assert [one["variant"] for one in found["details"]] == [one["variant"] for one in ours]
    assert [one["value"] for one in found["details"]] == [one["offer"] for one in ours]
    assert {one["reason"] for one in found["details"]} == {"SPLIT"}


def test_the_hook_stores_each_exposure_once(pages: Shop) -> None:
    key = pages.experiment("of-web")
    with pages.browser("openfeature_web") as browser:
        browser.run("expose", pages.given(key, visitors=VISITORS))
        assert pages.exposed(key, len(VISITORS)) == sorted(pages.variants(key, VISITORS))
        assert browser.complaints == []


def test_what_the_page_tracks_is_taken(pages: Shop) -> None:
    with pages.browser("openfeature_web") as browser:
        browser.run("track", pages.given(pages.experiment("of-web"), visitors=["v-1"]))
        browser.wait_for(lambda: browser.statuses("/v1/track") == [200])
        assert browser.complaints == []


def test_an_unknown_flag_is_the_shop_s_own_default(pages: Shop) -> None:
    pages.experiment("of-web")
    told = pages.given("nobody-knows-it", contexts=[{"targetingKey": "v-1"}])
    found, _ = evaluate(pages, told)
    (details,) = found["details"]
    assert (details["value"], details["errorCode"]) == (MINE, "FLAG_NOT_FOUND")
    assert found["status"] == "READY"


@pytest.mark.parametrize(
    ("context", "told", "status"),
    [
        ({}, {}, "ERROR"),
        ({"targetingKey": "v-1"}, {"key": "olk_pub_wrong"}, "FATAL"),
        ({"targetingKey": "v-1"}, {"url": nowhere()}, "ERROR"),
    ],
    ids=["no targeting key", "wrong key", "nobody there"],
)
def test_a_provider_that_cannot_start_serves_the_shop_s_own_default(
    pages: Shop, context: dict[str, Any], told: dict[str, Any], status: str
) -> None:
    found, _ = evaluate(pages, pages.given(pages.experiment("of-web"), contexts=[context]) | told)
    assert found["status"] == status
    assert found["failure"]
    assert found["details"][0]["value"] == MINE


def changes(pages: Shop, browser: Browser, options: dict[str, Any]) -> list[tuple[str, Any]]:
    """Reason and percentage before, while paused, resumed, and after a decision."""
    key = pages.experiment("of-web")
    told = pages.given(key, options=options)
    seen = [browser.run("begin", told)]
    decision = {"variant": "reusable", "reason": "won"}
    for action, body, reason in (
        ("pause", None, "DEFAULT"),
        ("resume", None, "SPLIT"),
        ("stop", None, "DISABLED"),
        ("decide", decision, "STATIC"),
    ):
        pages.act(key, action, body)
        seen.append(browser.run("noticed", told | {"reason": reason}))
    return [(one["reason"], one["value"].get("percent")) for one in seen]


def expected(pages: Shop) -> list[tuple[str, Any]]:
    percent = pages.assigned(pages.experiment("of-web"), "v-1")["offer"]["percent"]
    split = ("SPLIT", percent)
    return [split, ("DEFAULT", None), split, ("DISABLED", None), ("STATIC", 15)]


def test_changes_are_pushed_to_the_page_without_polling(pages: Shop) -> None:
    with pages.browser("openfeature_web") as browser:
        assert changes(pages, browser, {}) == expected(pages)
        assert 200 in browser.statuses("/ofrep/v1/events?client_key=")
        assert browser.complaints == []


def test_a_page_that_polls_is_answered_with_not_modified_until_something_changes(pages: Shop) -> None:
    key = pages.experiment("of-web")
    told = pages.given(key, options={"changeDetection": "polling", "pollInterval": 150})
    with pages.browser("openfeature_web") as browser:
        assert browser.run("begin", told)["reason"] == "SPLIT"
        browser.wait_for(lambda: browser.statuses(BULK).count(304) >= 3)
        pages.act(key, "pause")
        assert browser.run("noticed", told | {"reason": "DEFAULT"})["reason"] == "DEFAULT"
        assert browser.statuses(BULK).count(200) == 2
        assert browser.statuses("/ofrep/v1/events") == []
        assert browser.complaints == []
