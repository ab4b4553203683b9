"""The demo goes through the service's own API, and its figures are the ones counted from the log itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.clock import SystemClock
from app.demo import cdnow
from app.demo.service import seed
from tests.support.live import Live, live_service

pytestmark = pytest.mark.long  # the pages' tests seed the same demo every day


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("demo")) as live:
        seed(live.url, live.admin_key, SystemClock().now_us())
        yield live


def results(live: Live, key: str) -> dict[str, Any]:
    with live.client() as http:
        found: dict[str, Any] = http.get(f"/api/v1/experiments/{key}/results").json()
    return found


def metric(result: dict[str, Any], key: str) -> dict[str, Any]:
    return next(one for one in result["metrics"] if one["key"] == key)


def test_the_log_holds_what_its_authors_published() -> None:
    customers = cdnow.purchases()
    assert len(customers) == 2357
    assert sum(len(rows) for rows in customers.values()) == 6919


@pytest.mark.parametrize("key", ["repeat_purchase_rate", "repeat_buyers_per_unit"])
def test_thirty_day_repeat_purchase_of_cdnow(demo: Live, key: str) -> None:
    variants = metric(results(demo, "cdnow"), key)["variants"]
    assert sum(variant["n"] for variant in variants) == 2357
    assert sum(variant["total"] for variant in variants) == 410
    share = sum(variant["mean"] * variant["n"] for variant in variants) / 2357
    assert share == pytest.approx(410 / 2357, abs=1e-9)


def test_every_order_line_is_in_the_ledger(demo: Live) -> None:
    with demo.client() as http:
        orders = http.get("/api/v1/experiments/cdnow/export/orders.csv").text.splitlines()
    assert len(orders) == 6919 + 1


def test_the_sample_ratio_of_cdnow_is_fine(demo: Live) -> None:
    trust = results(demo, "cdnow")["trust"]
    assert trust["srm"]["pvalue"] > 0.001
    assert trust["status"] != "stop"


def test_more_sales_and_less_profit_is_not_rolled_out(demo: Live) -> None:
    result = results(demo, "threshold-1000-3000")
    assert metric(result, "conversion_rate")["comparisons"][0]["interval"][0] > 0
    assert metric(result, "profit_per_unit")["comparisons"][0]["interval"][1] < 0
    assert result["verdict"]["state"] == "keep_control"
    assert "profit_falls" in [reason["code"] for reason in result["verdict"]["reasons"]]


def test_seeding_again_changes_nothing(demo: Live) -> None:
    before = results(demo, "threshold-1000-3000")["inputs_sha256"]
    seed(demo.url, demo.admin_key, SystemClock().now_us())
    assert results(demo, "threshold-1000-3000")["inputs_sha256"] == before
