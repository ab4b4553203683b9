"""Webhooks of shops. Oracles: published signatures, the library of Standard Webhooks, ledger rows."""

import base64
import csv
import hashlib
import hmac
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from app.clock import from_us
from app.sources.signatures import is_signed
from tests.support.inprocess import InProcess, in_process, second_replica

KEY = "promo-code-reuse"
STANDARD = "whsec_" + base64.b64encode(b"s" * 24).decode()
VECTORS = Path(__file__).resolve().parents[4] / "shared" / "transcripts" / "webhook_signature_vectors.json"
PAIRS = {"shopify": "shpss_one", "woocommerce": "wc_one", "standard": STANDARD}
Order = dict[str, Any]


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(sqlite_url, tmp_path) as running:
        for kind, secret in PAIRS.items():
            assert put(running, kind, [secret]).status_code == 200
        yield running


def put(service: InProcess, kind: str, secrets: list[str], name: str | None = None) -> httpx.Response:
    body = {"kind": kind, "secrets": secrets}
    return service.call("PUT", f"/api/v1/sources/{name or kind}", body, "adm")


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def call(
    service: InProcess, kind: str, document: Any, topic: str = "", secret: str | None = None, **more: str
) -> httpx.Response:
    """A call as the shop makes it; `more` replaces headers."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = signed(service, kind, body, secret or PAIRS[kind])
    headers |= {"shopify": {"x-shopify-topic": topic}, "woocommerce": {"x-wc-webhook-topic": topic}}.get(
        kind, {}
    )
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return service.call("POST", f"/webhooks/{kind}/{kind}", content=body, kind=None, headers=headers)


def signed(service: InProcess, kind: str, body: bytes, secret: str) -> dict[str, str]:
    if kind == "shopify":
        return {"x-shopify-hmac-sha256": signature(secret, body)}
    if kind == "woocommerce":
        return {"x-wc-webhook-signature": signature(secret, body)}
    now = from_us(service.clock.now_us())
    text = body.decode("utf-8", "replace")
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, text),
    }


def shopify_order(**more: Any) -> Order:
    return {
        "id": 820982911946154508,
        "currency": "RUB",
        "created_at": "2026-05-28T22:00:00+03:00",
        "updated_at": "2026-05-28T22:00:00+03:00",
        "total_line_items_price": "3290.00",
        "total_discounts": "300.00",
        "total_price": "3140.00",
        "total_tax": "0.00",
        "shipping_lines": [{"price": "150.00"}],
        "financial_status": "paid",
        "discount_codes": [{"code": "WELCOME10", "amount": "300.00"}],
        "customer": {"id": 115310627314723954},
        "note_attributes": [{"name": "visitor_id", "value": "v-1"}],
    } | more


def woo_order(**more: Any) -> Order:
    return {
        "id": 727,
        "status": "processing",
        "currency": "RUB",
        "date_created_gmt": "2026-05-28T19:00:00",
        "date_modified_gmt": "2026-05-28T19:00:00",
        "discount_total": "300.00",
        "discount_tax": "0.00",
        "shipping_total": "150.00",
        "shipping_tax": "0.00",
        "total": "3140.00",
        "total_tax": "0.00",
        "customer_id": 26,
        "line_items": [{"subtotal": "3290.00", "subtotal_tax": "0.00"}],
        "coupon_lines": [{"code": "WELCOME10"}],
        "meta_data": [{"key": "_visitor_id", "value": "v-1"}],
        "refunds": [],
    } | more


def own_order(**more: Any) -> dict[str, Any]:
    event = {
        "event_id": "e-1",
        "type": "order",
        "occurred_at": "2026-05-28T19:00:00Z",
        "visitor_id": "v-1",
        "order_id": "m-1",
        "currency": "RUB",
        "items_minor": 329000,
        "discount_minor": 30000,
        "shipping_minor": 15000,
    }
    return {"type": "order.placed", "data": {"events": [event | more]}}


ORDERS: dict[str, tuple[Order, str]] = {
    "shopify": (shopify_order(), "orders/create"),
    "woocommerce": (woo_order(), "order.created"),
    "standard": (own_order(), ""),
}


def exported(service: InProcess) -> list[dict[str, str]]:
    """Orders of the one exposed visitor, as the ledger sees them."""
    service.clock.advance(1)
    text = service.call("GET", f"/api/v1/experiments/{KEY}/export/orders.csv", kind="ro").text
    return list(csv.DictReader(io.StringIO(text)))


def expose(service: InProcess) -> None:
    service.clock.advance(-7200)
    service.running()
    variant = service.assign(visitor_id="v-1").json()["assignments"][0]["variant"]
    service.clock.advance(60)
    event = {"event_id": "x", "type": "exposure", "experiment": KEY, "variant": variant, "visitor_id": "v-1"}
    event["occurred_at"] = from_us(service.clock.now_us()).astimezone(UTC).isoformat()
    sent = service.call("POST", "/api/v1/events", {"events": [event]}, "srv")
    assert sent.json()["accepted"] == 1
    service.clock.advance(7200)


# ---- orders


@pytest.mark.parametrize("kind", ["shopify", "woocommerce", "standard"])
def test_an_order_is_stored_once(service: InProcess, kind: str) -> None:
    expose(service)
    document, topic = ORDERS[kind]
    first = call(service, kind, document, topic)
    assert (first.status_code, first.json()["accepted"]) == (200, 1)
    assert call(service, kind, document, topic).json()["duplicates"] == 1
    (row,) = exported(service)
    assert (row["items_minor"], row["discount_minor"], row["shipping_minor"]) == ("329000", "30000", "15000")


def test_the_same_order_from_an_sdk_and_a_webhook_counts_once(service: InProcess) -> None:
    expose(service)
    order = own_order(order_id="820982911946154508", event_id="sdk-1")["data"]["events"][0]
    assert service.call("POST", "/api/v1/events", {"events": [order]}, "srv").json()["accepted"] == 1
    told = call(service, "shopify", *ORDERS["shopify"]).json()
    assert (told["accepted"], told["duplicates"], told["rejected"]) == (0, 1, [])
    assert len(exported(service)) == 1


@pytest.mark.parametrize("kind", ["shopify", "woocommerce"])
def test_an_order_is_followed_through_its_life(service: InProcess, kind: str) -> None:
    expose(service)
    if kind == "shopify":
        calls = [
            (shopify_order(financial_status="pending"), "orders/create"),
            (
                shopify_order(total_line_items_price="3000.00", updated_at="2026-05-28T22:05:00+03:00"),
                "orders/paid",
            ),
            (
                {
                    "id": 5,
                    "order_id": 820982911946154508,
                    "created_at": "2026-05-28T22:06:00+03:00",
                    "transactions": [
                        {"kind": "refund", "status": "success", "amount": "100.00", "currency": "RUB"},
                        {"kind": "refund", "status": "failure", "amount": "999.00", "currency": "RUB"},
                    ],
                },
                "refunds/create",
            ),
        ]
    else:
        changed = {"line_items": [{"subtotal": "3000.00"}], "date_modified_gmt": "2026-05-28T19:05:00"}
        refund = {"refunds": [{"id": 5, "total": "-100.00"}], "date_modified_gmt": "2026-05-28T19:06:00"}
        calls = [
            (woo_order(status="pending"), "order.created"),
            (woo_order(**changed), "order.updated"),
            (woo_order(**changed | refund), "order.updated"),
        ]
    paid, items, refunds = [], [], []
    for document, topic in calls:
        told = call(service, kind, document, topic).json()
        assert told["rejected"] == []
        (row,) = exported(service)
        paid.append(row["paid"])
        items.append(row["items_minor"])
        refunds.append(row["refunds"])
    assert paid == ["false", "true", "true"]
    assert items == ["329000", "300000", "300000"]
    assert refunds[:2] == ["", ""]
    assert '"amount_minor": 10000' in refunds[2].replace('":', '": ').replace("  ", " ")


@pytest.mark.parametrize(
    ("kind", "document", "topic"),
    [
        ("shopify", shopify_order(cancelled_at="2026-05-28T22:10:00+03:00"), "orders/cancelled"),
        ("woocommerce", woo_order(status="cancelled"), "order.updated"),
    ],
)
def test_a_first_call_may_be_a_cancellation(
    service: InProcess, kind: str, document: Order, topic: str
) -> None:
    expose(service)
    told = call(service, kind, document, topic).json()
    assert (told["accepted"], told["rejected"]) == (3, [])
    (row,) = exported(service)
    assert row["cancelled_at"]


def test_other_topics_tell_nothing(service: InProcess) -> None:
    assert call(service, "shopify", {"id": 1}, "products/update").json()["ignored"] == 1
    assert call(service, "woocommerce", {"id": 1}, "customer.created").json()["ignored"] == 1


@pytest.mark.parametrize(
    ("kind", "document", "topic", "detail"),
    [
        ("shopify", shopify_order(currency="XXX"), "orders/create", "currency"),
        ("shopify", shopify_order(id=None), "orders/create", "id"),
        ("shopify", shopify_order(total_discounts="0.001"), "orders/create", "total_discounts"),
        ("woocommerce", woo_order(total_tax="abc"), "order.created", "total_tax"),
        ("woocommerce", woo_order(id={}), "order.created", "id"),
        ("standard", own_order(items_minor=1.5), "", "items_minor"),
    ],
)
def test_an_order_that_cannot_be_read_is_named(
    service: InProcess, kind: str, document: Order, topic: str, detail: str
) -> None:
    told = call(service, kind, document, topic)
    assert told.status_code == 200
    assert detail in told.json()["rejected"][0]["detail"]


# ---- signatures


@pytest.mark.parametrize("kind", ["shopify", "woocommerce", "standard"])
def test_a_call_that_is_not_signed_stores_nothing(service: InProcess, kind: str) -> None:
    document, topic = ORDERS[kind]
    other = {"standard": "whsec_" + base64.b64encode(b"x" * 24).decode()}.get(kind, "other")
    assert call(service, kind, document, topic, secret=other).status_code == 401
    body = json.dumps(document).encode()
    unsigned = service.call("POST", f"/webhooks/{kind}/{kind}", content=body, kind=None)
    assert (unsigned.status_code, unsigned.json()["code"]) == (401, "bad_signature")
    good = signed(service, kind, body, PAIRS[kind])
    changed = body.replace(b"RUB", b"USD")
    assert (
        service.call("POST", f"/webhooks/{kind}/{kind}", content=changed, kind=None, headers=good).status_code
        == 401
    )
    assert call(service, kind, document, topic).json()["accepted"] == 1


@pytest.mark.parametrize("kind", ["shopify", "woocommerce", "standard"])
def test_two_secrets_are_valid_while_one_is_being_changed(service: InProcess, kind: str) -> None:
    document, topic = ORDERS[kind]
    new = {"standard": "whsec_" + base64.b64encode(b"n" * 24).decode()}.get(kind, "new")
    assert put(service, kind, [new, PAIRS[kind]]).json()["secrets"] == 2
    for secret in (new, PAIRS[kind]):
        assert call(service, kind, document, topic, secret=secret).status_code == 200
    put(service, kind, [new])
    assert call(service, kind, document, topic).status_code == 401


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-299, 200), (299, 200), (301, 401)])
def test_an_old_standard_webhook_is_a_replay(service: InProcess, seconds: int, status: int) -> None:
    body = json.dumps(own_order()).encode()
    moment = datetime.fromtimestamp(service.clock.now_us() // 10**6 + seconds, tz=UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": "v1,AAAA " + Webhook(STANDARD).sign("msg_1", moment, body.decode()),
    }
    told = service.call("POST", "/webhooks/standard/standard", content=body, kind=None, headers=headers)
    assert told.status_code == status


@pytest.mark.skipif(not VECTORS.exists(), reason="the published vectors are not beside the checkout")
def test_the_vectors_of_the_shops(service: InProcess) -> None:
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    for kind in ("shopify", "woocommerce"):
        case = vectors[kind]
        headers = {case["header"].lower(): case["signature"]}
        assert is_signed(kind, (case["secret"],), case["body"].encode(), headers.get, 0)
        assert not is_signed(kind, ("other",), case["body"].encode(), headers.get, 0)
    case = vectors["standard_webhooks"]
    now_us = int(case["headers"]["webhook-timestamp"]) * 10**6
    assert is_signed("standard", (case["secret"],), case["body"].encode(), case["headers"].get, now_us)
    put(service, "shopify", [vectors["shopify"]["secret"]])
    body = vectors["shopify"]["body"].encode()
    told = call(service, "shopify", body, "orders/create", secret=vectors["shopify"]["secret"])
    assert told.json()["accepted"] == 1


def test_a_woocommerce_ping_gets_exactly_200(service: InProcess) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    ping = service.call(
        "POST", "/webhooks/woocommerce/woocommerce", content=b"webhook_id=5", kind=None, headers=headers
    )
    assert ping.status_code == 200


# ---- sources


def test_secrets_are_never_shown_nor_stored_as_they_are(service: InProcess, tmp_path: Path) -> None:
    listed = service.call("GET", "/api/v1/sources", kind="adm")
    assert [(item["key"], item["secrets"]) for item in listed.json()["items"]] == [
        ("shopify", 1),
        ("standard", 1),
        ("woocommerce", 1),
    ]
    audit = service.call("GET", "/api/v1/audit", kind="adm")
    assert "source.put" in audit.text
    for text in (listed.text, audit.text, (tmp_path / "snapshot.json").read_text(encoding="utf-8")):
        assert not any(secret in text for secret in PAIRS.values())
    files = b"".join(path.read_bytes() for path in tmp_path.glob("*.sqlite3*"))
    assert b"shpss_one" not in files


def test_another_replica_knows_a_source_and_the_copy_on_disk_too(service: InProcess, tmp_path: Path) -> None:
    other = second_replica(service, tmp_path / "second")
    other.snapshots.refresh()
    assert other.sources.get("shopify", "shopify").secrets == ("shpss_one",)
    third = second_replica(service, service.services.settings.data_dir)
    third.snapshots._load_copy()
    assert third.sources.get("standard", "standard").secrets == (STANDARD,)


@pytest.mark.parametrize(
    ("name", "body", "status", "field"),
    [
        ("Bad Name", {"kind": "shopify", "secrets": ["a"]}, 422, "source"),
        ("shop", {"kind": "magento", "secrets": ["a"]}, 422, "kind"),
        ("shop", {"kind": "shopify", "secrets": []}, 422, "secrets"),
        ("shop", {"kind": "shopify", "secrets": ["a", "b", "c"]}, 422, "secrets"),
        ("shop", {"kind": "standard", "secrets": ["whsec_"]}, 422, "secrets.0"),
        ("shopify", {"kind": "woocommerce", "secrets": ["a"]}, 409, None),
    ],
)
def test_a_bad_source_is_named(
    service: InProcess, name: str, body: dict[str, Any], status: int, field: str | None
) -> None:
    answer = service.call("PUT", f"/api/v1/sources/{name}", body, "adm")
    assert answer.status_code == status
    assert field is None or answer.json()["field"].startswith(field)


@pytest.mark.parametrize(
    "path", ["/webhooks/shopify/unknown", "/webhooks/woocommerce/shopify", "/webhooks/magento/x"]
)
def test_an_unknown_source_is_not_found(service: InProcess, path: str) -> None:
    assert service.call("POST", path, content=b"{}", kind=None).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 422), (b'{"a": "\\ud83d"}', 400), (b'{"events": 5}', 422)]
)
def test_a_signed_body_that_is_no_document(service: InProcess, body: bytes, status: int) -> None:
    assert call(service, "standard", body).status_code == status
