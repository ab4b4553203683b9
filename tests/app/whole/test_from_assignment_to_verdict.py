"""One experiment through every door of the real service, and the files that come out of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.live import ROOT, Live, live_service

START = datetime(2026, 1, 5, tzinfo=UTC)
UNITS = 900


def definition(key: str = "threshold") -> dict[str, Any]:
    offer = {"kind": "amount_off", "amount_minor": 40_000, "currency": "RUB"}
    return {
        "key": key,
        "name": "1000 or 3000",
        "unit": "visitor",
        "seed": "0123456789abcdef",
        "variants": [
            {
                "key": "from-3000",
                "weight": 0.5,
                "control": True,
                "offer": offer | {"min_order_minor": 300_000},
            },
            {"key": "from-1000", "weight": 0.5, "offer": offer | {"min_order_minor": 100_000}},
        ],
        "economics": {"currency": "RUB", "margin_share": 0.35},
        "plan": {
            "primary": "conversion_rate",
            "secondary": [
                "revenue_per_unit",
                "average_order_value",
                {"key": "repeat_buyers_per_unit", "days": 7},
            ],
            "window_days": 7,
            "settle_days": 2,
            "alpha": 0.05,
            "power": 0.8,
            "mde": 0.1,
            "planned_units": UNITS,
            "min_days": 7,
        },
        "starts_at": START.isoformat(),
        "timezone": "Europe/Moscow",
    }


def shopper_events(number: int, variant: str) -> list[dict[str, Any]]:
    """Deterministic: every third shopper buys under control, every second under treatment; some come back."""
    seen = START + timedelta(days=number % 14, hours=9, minutes=number % 60)
    common = {"visitor_id": f"v-{number}"}
    events: list[dict[str, Any]] = [
        {
            "event_id": f"x-{number}",
            "type": "exposure",
            "occurred_at": seen.isoformat(),
            "experiment": "threshold",
            "variant": variant,
        }
        | common
    ]
    buys = number % (3 if variant == "from-3000" else 2) == 0
    for nth in range(0 if not buys else 1 + (number % 5 == 0)):
        order_id = f"o-{number}-{nth}"
        at = seen + timedelta(days=2 * nth, minutes=5)
        money = {"currency": "RUB", "items_minor": 150_000 + 1_000 * (number % 90), "shipping_minor": 0}
        discount = 0 if variant == "from-3000" else 40_000
        order = {
            "event_id": f"e-{order_id}",
            "type": "order",
            "occurred_at": at.isoformat(),
            "order_id": order_id,
        }
        events.append(order | money | {"discount_minor": discount} | common)
        if number % 20 == 0:
            refund = {"event_id": f"r-{order_id}", "type": "refund", "refund_id": f"r-{order_id}"}
            later = (at + timedelta(days=1)).isoformat()
            events.append(
                refund | {"order_id": order_id, "amount_minor": 50_000, "occurred_at": later} | common
            )
    return events


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("live")) as live:
        with live.client() as http:
            assert http.post("/api/v1/experiments", json=definition()).status_code == 201
            assert http.post("/api/v1/experiments/threshold/start", json={}).status_code == 200
            events = [
                event for number in range(UNITS) for event in shopper_events(number, assigned(http, number))
            ]
            for first in range(0, len(events), 1000):
                answer = http.post("/api/v1/events", json={"events": events[first : first + 1000]}).json()
                assert answer["rejected"] == []
        yield live


def assigned(http: httpx.Client, number: int) -> str:
    body = {"visitor_id": f"v-{number}", "experiments": ["threshold"]}
    return str(http.post("/api/v1/assignments", json=body).json()["assignments"][0]["variant"])


@pytest.fixture(scope="module")
def result(service: Live) -> dict[str, Any]:
    with service.client() as http:
        closed = http.post("/api/v1/experiments/threshold/looks", json={"through": "2026-02-15"})
        assert closed.status_code == 200, closed.text
        found: dict[str, Any] = http.get(
            "/api/v1/experiments/threshold/results", params={"as_of": "2026-02-15"}
        ).json()
    return found


def by_hand() -> dict[str, dict[str, int]]:
    """Buyers and revenue per variant, counted from the same shoppers in plain Python."""
    from assignment.hashing import bucket

    sums: dict[str, dict[str, int]] = {}
    for number in range(UNITS):
        variant = "from-3000" if bucket("0123456789abcdef", f"v-{number}") < 0.5 else "from-1000"
        found = sums.setdefault(variant, {"n": 0, "buyers": 0, "revenue": 0})
        orders = [event for event in shopper_events(number, variant) if event["type"] == "order"]
        refunds = [event for event in shopper_events(number, variant) if event["type"] == "refund"]
        found["n"] += 1
        found["buyers"] += bool(orders)
        found["revenue"] += sum(order["items_minor"] - order["discount_minor"] for order in orders)
        found["revenue"] -= sum(refund["amount_minor"] for refund in refunds)
    return sums


def metric(result: dict[str, Any], key: str) -> dict[str, Any]:
    return next(one for one in result["metrics"] if one["key"] == key)


def test_means_are_what_a_hand_counts(result: dict[str, Any]) -> None:
    hand = by_hand()
    for summary in metric(result, "conversion_rate")["variants"]:
        expected = hand[summary["variant"]]
        assert (summary["n"], summary["mean"]) == (expected["n"], expected["buyers"] / expected["n"])
    for summary in metric(result, "revenue_per_unit")["variants"]:
        expected = hand[summary["variant"]]
        assert summary["mean"] == expected["revenue"] / expected["n"]


def test_sample_ratio_is_counted_on_exposed_units(result: dict[str, Any]) -> None:
    assert result["trust"]["srm"]["counts"] == {key: value["n"] for key, value in by_hand().items()}
    assert result["trust"]["status"] == "ok"


def test_a_large_effect_crosses_and_sales_alone_do_not_roll_out(result: dict[str, Any]) -> None:
    comparison = metric(result, "conversion_rate")["comparisons"][0]
    assert comparison["look"]["crossed"] is True
    assert comparison["interval"][0] > 0
    assert 0 < comparison["pvalue"] < 0.05
    assert result["verdict"]["state"] != "roll_out"
    assert set(result["verdict"]["text"]) == {"en", "ru"}


def test_the_same_question_gives_the_same_bytes(service: Live, result: dict[str, Any]) -> None:
    with service.client() as http:
        path = "/api/v1/experiments/threshold/results?as_of=2026-02-15"
        first, second = http.get(path).content, http.get(path).content
    assert first == second
    assert json.loads(first) == result


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_exported_files_give_the_same_result_object(
    service: Live, result: dict[str, Any], suffix: str, tmp_path: Path
) -> None:
    with service.client() as http:
        for name in (f"exposures.{suffix}", f"orders.{suffix}", "plan.toml"):
            answer = http.get(f"/api/v1/experiments/threshold/export/{name}", params={"as_of": "2026-02-15"})
            assert answer.status_code == 200, answer.text
            (tmp_path / name).write_bytes(answer.content)
    command = [sys.executable, "-m", "app.cli.main", "analyze", "events", "--json"]
    files = ["--exposures", tmp_path / f"exposures.{suffix}", "--orders", tmp_path / f"orders.{suffix}"]
    done = subprocess.run(
        [str(part) for part in [*command, *files, "--plan", tmp_path / "plan.toml"]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for part in ("metrics", "looks", "verdict", "inputs_sha256"):
        assert found[part] == result[part], part


def test_looks_are_written_once(service: Live, result: dict[str, Any]) -> None:
    late = {"event_id": "late-refund", "type": "refund", "refund_id": "late", "order_id": "o-0-0"}
    with service.client() as http:
        body = late | {
            "amount_minor": 90_000,
            "occurred_at": "2026-01-06T10:00:00+03:00",
            "visitor_id": "v-0",
        }
        assert http.post("/api/v1/events", json={"events": [body]}).json()["accepted"] == 1
        again = http.post("/api/v1/experiments/threshold/looks", json={"through": "2026-02-15"})
        assert again.status_code == 200
        after = http.get("/api/v1/experiments/threshold/results", params={"as_of": "2026-02-15"}).json()
    assert after["looks"] == result["looks"]
    assert after["inputs_sha256"] != result["inputs_sha256"]
