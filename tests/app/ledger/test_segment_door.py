"""Segment and RudderStack. Oracles: what their SDKs were seen to send, and the ledger's own events."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.edge.segment_events import event_of
from app.ledger.currencies import MINOR_DIGITS
from app.ledger.intake import Unfit
from app.ledger.money import to_minor
from tests.support.inprocess import NOW_US, InProcess, in_process

KEY = "promo-code-reuse"
NOW = "2026-05-28T20:26:40Z"


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(sqlite_url, tmp_path) as running:
        yield running


def send(service: InProcess, path: str, body: bytes, kind: str = "srv", **headers: str) -> httpx.Response:
    pair = base64.b64encode(f"{service.keys.get(kind, kind)}:".encode()).decode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return service.call(
        "POST", path, content=body, kind=None, headers={"authorization": f"Basic {pair}", **named}
    )


def batch(service: InProcess, *messages: Any, kind: str = "srv", **more: Any) -> dict[str, Any]:
    told = send(service, "/v1/batch", json.dumps({"batch": messages, **more}).encode(), kind)
    assert told.status_code == 200, told.text
    found: dict[str, Any] = told.json()
    return found


def message(kind: str = "track", number: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": kind, "messageId": f"m-{number}", "anonymousId": "v-1", "timestamp": NOW, **more}


def completed(number: int = 1, **properties: Any) -> dict[str, Any]:
    given = {"order_id": f"o-{number}", "revenue": 2990, "currency": "RUB", **properties}
    return message(number=number, event="Order Completed", properties=given)


def order_of(**properties: Any) -> dict[str, Any]:
    event = event_of(completed(**properties), None, NOW_US)
    assert event is not None
    return event


# ---- as the SDKs were seen to send


def test_a_batch_of_the_node_sdk(service: InProcess) -> None:
    identify = message("identify", 1, userId="cust-7", traits={"email_sha256": "ab"}, integrations={})
    order = completed(2, total=2990, revenue=2700, discount=300, coupon="WELCOME10")
    order |= {"userId": "cust-7", "_metadata": {"nodeVersion": "v20.20.2"}}
    order["properties"]["products"] = [{"product_id": "p1", "price": 3000, "quantity": 1}]
    page = message("page", 3, name="Cart", properties={"url": "https://shop.test/cart"})
    told = batch(service, identify, order, page, sentAt=NOW, writeKey="ignored")
    assert told == {"success": True, "accepted": 2, "duplicates": 0, "ignored": 1, "rejected": []}
    again = batch(service, identify, order, page, sentAt=NOW)
    assert (again["accepted"], again["duplicates"]) == (0, 2)


def test_a_gzipped_batch_with_a_form_s_content_type_as_rudderstack_sends_it(service: InProcess) -> None:
    body = gzip.compress(json.dumps({"batch": [completed()], "sentAt": NOW}).encode())
    kind = "application/x-www-form-urlencoded"
    told = send(service, "/v1/batch", body, content_type=kind, content_encoding="gzip")
    assert told.json()["accepted"] == 1


def test_one_message_as_text_from_a_browser_with_the_key_in_its_body(service: InProcess) -> None:
    said = message(event="Sign Up", userId=None, writeKey=service.keys["pub"], properties={"value": 3})
    told = service.call(
        "POST",
        "/v1/t",
        content=json.dumps(said).encode(),
        kind=None,
        headers={"content-type": "text/plain"},
    )
    assert told.json()["accepted"] == 1


def test_a_browser_s_orders_are_refused_one_by_one_and_its_exposures_are_kept(service: InProcess) -> None:
    service.running()
    variant = service.assign(visitor_id="v-1").json()["assignments"][0]["variant"]
    viewed = message(
        number=2, event="Experiment Viewed", properties={"experiment_id": KEY, "variation_id": variant}
    )
    told = batch(service, completed(), viewed, message("identify", 3, userId="c-1"), kind="pub")
    assert told["accepted"] == 1
    assert [(entry["index"], entry["code"]) for entry in told["rejected"]] == [
        (0, "not_allowed_for_key"),
        (2, "not_allowed_for_key"),
    ]


def test_the_orders_reach_the_results(service: InProcess) -> None:
    service.running()
    service.clock.advance(-3600)
    variant = service.assign(visitor_id="v-1").json()["assignments"][0]["variant"]
    viewed = message(
        number=9, event="Experiment Viewed", properties={"experiment_id": KEY, "variation_id": variant}
    )
    viewed["timestamp"] = "2026-05-28T20:26:41Z"
    service.clock.advance(3700)
    order = completed(revenue="2990.50", discount=100, userId="c-1") | {"timestamp": "2026-05-28T20:27:00Z"}
    assert batch(service, viewed, order)["accepted"] == 2
    service.clock.advance(60)
    rows = service.call("GET", f"/api/v1/experiments/{KEY}/export/orders.csv", kind="ro").text.splitlines()
    names, values = rows[0].replace('"', "").split(","), rows[1].replace('"', "").split(",")
    row = dict(zip(names, values, strict=False))
    assert (row["order_id"], row["items_minor"], row["discount_minor"]) == ("o-1", "309050", "10000")


# ---- the vocabulary


@pytest.mark.parametrize(
    ("properties", "items", "discount", "shipping"),
    [
        ({"revenue": 2700, "discount": 300}, 300_000, 30_000, 0),
        ({"subtotal": "19.99", "revenue": None}, 1_999, 0, 0),
        ({"subtotal": 100, "revenue": 90}, 10_000, 0, 0),
        ({"revenue": None, "total": 130, "shipping": 10, "tax": 20}, 10_000, 0, 1_000),
        (
            {"revenue": None, "products": [{"sku": "a", "price": "9.99", "quantity": 3}], "discount": 5},
            2_997,
            500,
            0,
        ),
    ],
)
def test_an_order_s_money(properties: dict[str, Any], items: int, discount: int, shipping: int) -> None:
    found = order_of(**properties)
    assert (found["items_minor"], found["discount_minor"], found["shipping_minor"]) == (
        items,
        discount,
        shipping,
    )


def test_the_other_words_of_the_vocabulary() -> None:
    def made(event: str, **properties: Any) -> Any:
        return event_of(message(event=event, properties=properties), None, NOW_US)

    refund = made("Order Refunded", order_id="o-1", total="10.5", currency="RUB")
    assert (refund["type"], refund["amount_minor"], refund["refund_id"]) == ("refund", 1050, "o-1:refund")
    assert made("Order Cancelled", order_id=7)["order_id"] == "7"
    assert made("Order Updated", order_id="o", revenue=1, currency="JPY")["items_minor"] == 1
    assert made("Coupon Applied", coupon_id="X") | {"occurred_at": 0} == {
        "type": "custom",
        "name": "Coupon Applied",
        "event_id": "m-1",
        "visitor_id": "v-1",
        "occurred_at": 0,
    }
    viewed = made("Experiment Viewed", experiment_id="e", variation_name="b")
    assert (viewed["experiment"], viewed["variant"]) == ("e", "b")
    assert event_of(message("group"), None, NOW_US) is None
    assert event_of(message("identify"), None, NOW_US) is None
    alias = event_of(message("alias", previousId="v-0", userId=42), None, NOW_US)
    assert alias is not None
    assert (alias["visitor_id"], alias["customer_id"]) == ("v-0", "42")


@pytest.mark.parametrize(
    ("properties", "code", "field"),
    [
        ({"currency": None}, "missing_field", "currency"),
        ({"currency": "rub"}, "unknown_currency", "currency"),
        ({"revenue": "12.345"}, "inexact_money", "revenue"),
        ({"revenue": "12,5"}, "invalid", "revenue"),
        ({"revenue": True}, "invalid", "revenue"),
        ({"revenue": "1e999999"}, "invalid", "revenue"),
        ({"revenue": None}, "missing_field", "revenue"),
        ({"products": [{"sku": "a", "price": "x"}]}, "invalid", "products[0].price"),
        ({"order_id": None}, "invalid", "order_id"),
        ({"revenue": -5}, "invalid", "items_minor"),
        ({"discount": -5}, "invalid", "discount_minor"),
    ],
)
def test_an_order_that_cannot_be_is_named(
    service: InProcess, properties: dict[str, Any], code: str, field: str
) -> None:
    told = batch(service, completed(**properties), message(number=2, event="Hello"))
    assert told["accepted"] == 1
    (entry,) = told["rejected"]
    assert (entry["index"], entry["event_id"], entry["code"]) == (0, "m-1", code)
    assert field in entry["detail"]


@given(
    st.sampled_from(sorted(MINOR_DIGITS)),
    st.integers(0, 10**12),
    st.booleans(),
)
def test_money_in_any_currency_is_exact(currency: str, minor: int, as_text: bool) -> None:  # noqa: FBT001 - a drawn case
    amount = Decimal(minor).scaleb(-MINOR_DIGITS[currency])
    assert to_minor(str(amount) if as_text else amount, currency, "total") == minor
    with pytest.raises(Unfit, match="digits"):
        to_minor(amount + Decimal("0.00001"), currency, "total")


def test_messages_without_an_id_are_known_by_what_they_say(service: InProcess) -> None:
    service.running()
    variant = service.assign(visitor_id="v-1").json()["assignments"][0]["variant"]
    viewed = {"experiment_id": KEY, "variation_id": variant}
    said: list[dict[str, Any]] = [
        {"anonymousId": "v-1", "event": "Experiment Viewed", "properties": viewed},
        {
            "anonymousId": "v-1",
            "event": "Order Completed",
            "properties": {"currency": "RUB", "order_id": "o-1", "value": 2990.0},
        },
        {"anonymousId": "v-1", "event": "Sign Up", "properties": {}},
    ]
    outcomes = []
    for _ in range(2):
        for message_ in said:
            told = send(service, "/v1/track", json.dumps(message_).encode()).json()
            assert told["rejected"] == []
            outcomes.append((told["accepted"], told["duplicates"]))
        service.clock.advance(60)
    assert outcomes == [(1, 0), (1, 0), (1, 0), (0, 1), (0, 1), (1, 0)]  # a second sign-up is another


# ---- clocks


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "expected"),
    [
        (NOW, None, NOW),
        ("2026-05-28T20:26:38+00:00", "2026-05-28T20:26:39Z", "2026-05-28T20:26:38Z"),
        ("2026-05-28T19:26:00Z", "2026-05-28T19:26:40Z", "2026-05-28T20:26:00Z"),
        ("2027-05-28T20:26:30Z", "2027-05-28T20:26:40Z", "2026-05-28T20:26:30Z"),
        (None, None, NOW),
        ("2026-05-28T20:26:38.123456", None, "2026-05-28T20:26:38.123456Z"),
    ],
    ids=["as said", "a second under way", "an hour slow", "a year fast", "no time", "no zone"],
)
def test_a_wrong_clock_is_corrected(timestamp: str | None, sent_at: str | None, expected: str) -> None:
    event = event_of(message(event="Hello", timestamp=timestamp), sent_at, NOW_US)
    assert event is not None
    assert event["occurred_at"] == expected


def test_sending_again_later_with_a_wrong_clock_stays_one_event(service: InProcess) -> None:
    order = completed() | {"timestamp": "2026-05-28T19:26:00Z"}
    assert batch(service, order, sentAt="2026-05-28T19:26:40Z")["accepted"] == 1
    service.clock.advance(7)
    assert batch(service, order, sentAt="2026-05-28T19:26:46Z")["duplicates"] == 1


# ---- what is wrong around the messages


BOMB = gzip.compress(b"[" + b" " * 50_000_000 + b"]", mtime=0)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 422),
        (b'{"batch": 5}', {}, 422),
        (json.dumps({"batch": [{}] * 1001}).encode(), {}, 422),
        (b'{"batch": [{"value": NaN}]}', {}, 400),
        (BOMB, {"content_encoding": "gzip"}, 413),
        (zlib.compress(b" " * 50_000_000), {"content_encoding": "deflate"}, 413),
        (b"no gzip at all", {"content_encoding": "gzip"}, 400),
        (gzip.compress(b'{"batch": []}', mtime=0)[:-9], {"content_encoding": "gzip"}, 400),
        (b'{"batch": []}', {"content_encoding": "br"}, 415),
        (b"[" * 100_000, {}, 400),
    ],
)
def test_a_bad_request_is_refused_and_nothing_is_stored(
    service: InProcess, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert len(BOMB) < 100_000
    answer = send(service, "/v1/batch", body, **headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_odd_messages_are_named_and_their_neighbours_stored(service: InProcess) -> None:
    odd: list[Any] = [5, None, {"type": "track", "event": "Hello"}, message(number=4, event="a" * 300)]
    told = batch(service, *odd, message(number=5, event="Fine"))
    assert told["accepted"] == 1
    assert [entry["index"] for entry in told["rejected"]] == [0, 1, 2, 3]
    half = send(service, "/v1/batch", b'{"batch": [{"type": "track", "event": "\\ud83d", "messageId": "m"}]}')
    assert half.json()["rejected"][0]["code"] == "invalid"


def test_keys(service: InProcess) -> None:
    body = json.dumps({"batch": [message(event="Hello")]}).encode()
    assert send(service, "/v1/batch", body, "olk_srv_wrong").status_code == 401
    assert send(service, "/v1/batch", body, "ro").status_code == 403
    assert service.call("POST", "/v1/batch", content=body, kind=None).status_code == 401
    assert service.call("POST", "/v1/batch", content=body, kind="srv").status_code == 200
