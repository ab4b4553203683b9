"""`POST /api/v1/quote`. Oracles: the contract's body, the assignments door, and sums by hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.inprocess import InProcess, closed, definition, in_process

CART = {
    "currency": "RUB",
    "lines": [
        {"sku": "coffee", "quantity": 2, "price_minor": 60_000},
        {"sku": "juice", "quantity": 1, "price_minor": 30_005},
    ],
    "shipping_minor": 35_000,
}


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(sqlite_url, tmp_path) as running:
        yield running


def _variants(first: Any, second: Any) -> list[dict[str, Any]]:
    variants: list[dict[str, Any]] = definition()["variants"]
    variants[0]["offer"], variants[1]["offer"] = first, second
    return variants


def _quote(service: InProcess, **fields: Any) -> dict[str, Any]:
    body = {"visitor_id": "v-1", "cart": CART, "codes": [], **fields}
    answer = service.call("POST", "/api/v1/quote", body, "srv")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_quote_holds_the_offer_of_the_variant_that_the_assignments_door_gives(service: InProcess) -> None:
    offers = [{"kind": "percent_off", "percent": percent} for percent in (10, 20)]
    service.running(variants=_variants(*offers))
    for number in range(20):
        unit = f"v-{number}"
        variant = service.assign(visitor_id=unit).json()["assignments"][0]["variant"]
        found = _quote(service, visitor_id=unit)
        assert [(one["experiment"], one["variant"]) for one in found["applied"]] == [
            ("promo-code-reuse", variant)
        ]
        assert found["discount_minor"] == {"single-use": 15_001, "reusable": 30_001}[variant]
        assert sum(line["discount_minor"] for line in found["lines"]) == found["discount_minor"]


def test_the_whole_answer(service: InProcess) -> None:
    terms = {"kind": "percent_off", "percent": 10, "currency": "RUB", "budget": {"money_minor": 10**9}}
    service.running(key="ten", variants=_variants(terms, terms))
    free = {"kind": "free_delivery", "min_order_minor": 188_005, "currency": "RUB"}
    service.running(key="free", variants=_variants(free, free))
    variants = {
        one["experiment"]: one["variant"] for one in service.assign(visitor_id="v-1").json()["assignments"]
    }
    assert _quote(service) == {
        "currency": "RUB",
        "items_minor": 150_005,
        "own_discount_minor": 0,
        "discount_minor": 15_001,
        "shipping_minor": 35_000,
        "shipping_discount_minor": 0,
        "total_minor": 170_004,
        "lines": [
            {
                "sku": "coffee",
                "quantity": 2,
                "price_minor": 60_000,
                "own_discount_minor": 0,
                "discount_minor": 12_000,
                "total_minor": 108_000,
            },
            {
                "sku": "juice",
                "quantity": 1,
                "price_minor": 30_005,
                "own_discount_minor": 0,
                "discount_minor": 3_001,
                "total_minor": 27_004,
            },
        ],
        "applied": [
            {
                "experiment": "ten",
                "variant": variants["ten"],
                "kind": "percent_off",
                "code": None,
                "discount_minor": 15_001,
                "shipping_discount_minor": 0,
                "line_discounts_minor": [12_000, 3_001],
                "gifts": [],
                "points": None,
                "rewards": [],
            }
        ],
        "blocked": [
            {
                "experiment": "free",
                "variant": variants["free"],
                "kind": "free_delivery",
                "code": None,
                "reason": "below_minimum",
                "by": [],
                "missing_minor": 38_000,
            }
        ],
        "missing": {
            "experiment": "free",
            "variant": variants["free"],
            "kind": "free_delivery",
            "minimum_minor": 188_005,
            "missing_minor": 38_000,
            "text": {
                "en": "380\xa0₽ more for free delivery",
                "ru": "Ещё 380\xa0₽ до бесплатной доставки",
            },
        },
        "history": None,
    }


def test_outside_the_audience_the_fallback_is_quoted_and_a_draft_is_not(service: InProcess) -> None:
    ten = {"kind": "percent_off", "percent": 10, "currency": "RUB"}
    fallback = {"kind": "amount_off", "amount_minor": 500, "currency": "RUB"}
    service.running(variants=_variants(ten, ten), audience={"country": "RU"}, fallback=fallback)
    service.create(key="draft", variants=_variants(ten, ten))
    assert _quote(service, attributes={"country": "RU"})["discount_minor"] == 15_001
    outside = _quote(service)
    assert (outside["discount_minor"], outside["applied"][0]["variant"]) == (500, None)
    assert outside["blocked"] == []


def test_the_offer_that_was_decided_is_quoted(service: InProcess) -> None:
    ten = {"kind": "percent_off", "percent": 10, "currency": "RUB"}
    key = service.running(variants=_variants({"kind": "none"}, ten))
    service.act(key, "stop")
    assert _quote(service)["applied"] == []
    service.act(key, "decide", {"variant": "reusable", "reason": "earns more"})
    assert {_quote(service, visitor_id=f"v-{n}")["discount_minor"] for n in range(9)} == {15_001}


def test_an_offer_with_a_code_needs_it_and_an_unknown_code_says_so(service: InProcess) -> None:
    ten = {"kind": "percent_off", "percent": 10, "currency": "RUB", "code": {"issue": "per_visitor"}}
    service.running(variants=_variants(ten, ten))
    found = _quote(service, codes=["NOBODYS", "NOBODYS"])
    assert [(one["experiment"], one["code"], one["reason"]) for one in found["blocked"]] == [
        (None, "NOBODYS", "unknown_code"),
        ("promo-code-reuse", None, "code_needed"),
    ]


def test_a_claimed_code_applies_until_it_is_spent(service: InProcess) -> None:
    policy = {"issue": "per_visitor", "uses_per_customer": 1, "valid_days": 7}
    ten = {
        "kind": "percent_off",
        "percent": 10,
        "currency": "RUB",
        "min_order_minor": 150_005,
        "code": policy,
    }
    key = service.running(variants=_variants(ten, ten))
    claim = service.call(
        "POST", "/api/v1/codes/claim", {"experiment": key, "visitor_id": "v-1"}, "srv"
    ).json()
    typed = claim["code"].lower()
    found = _quote(service, codes=[typed])
    assert [(one["code"], one["discount_minor"], one["variant"]) for one in found["applied"]] == [
        (typed, 15_001, claim["variant"])
    ]
    assert found["blocked"] == []
    small = {**CART, "lines": CART["lines"][:1]}  # type: ignore[index]  # a list, as written above
    assert [one["reason"] for one in _quote(service, codes=[typed], cart=small)["blocked"]] == [
        "below_minimum"
    ]
    redeemed = {"code": typed, "visitor_id": "v-1", "order_id": "o-1", "discount_minor": 15_001}
    assert service.call("POST", "/api/v1/codes/redeem", redeemed, "srv").status_code == 200
    assert [(one["code"], one["reason"]) for one in _quote(service, codes=[typed])["blocked"]] == [
        (typed, "spent"),
        (None, "code_needed"),
    ]


def test_a_quote_needs_no_database(service: InProcess) -> None:
    ten = {"kind": "percent_off", "percent": 10, "currency": "RUB"}
    service.running(variants=_variants(ten, ten))
    closed(service.services.database)
    assert _quote(service)["discount_minor"] == 15_001


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"cart": None}, 422, "cart"),
        ({"visitor_id": None}, 422, "visitor_id"),
        ({"visitor_id": "a\0"}, 422, "visitor_id"),
        ({"cart": {**CART, "currency": "RUR"}}, 422, "cart.currency"),
        ({"cart": {**CART, "shipping_minor": -1}}, 422, "cart.shipping_minor"),
        ({"cart": {**CART, "total": 1}}, 422, "cart.total"),
        ({"cart": {"currency": "RUB"}}, 422, "cart.lines"),
        ({"cart": {**CART, "lines": [{"sku": "a", "quantity": 1}]}}, 422, "cart.lines.0.price_minor"),
        (
            {"cart": {**CART, "lines": [{"sku": "a", "quantity": 0, "price_minor": 1}]}},
            422,
            "cart.lines.0.quantity",
        ),
        (
            {"cart": {**CART, "lines": [{"sku": "a", "quantity": 1, "price_minor": 1.5}]}},
            422,
            "cart.lines.0.price_minor",
        ),
        (
            {"cart": {**CART, "lines": [{"sku": "a", "quantity": 1, "price_minor": 1, "discount_minor": 2}]}},
            422,
            "cart.lines.0.discount_minor",
        ),
        (
            {"cart": {**CART, "lines": [{"sku": "a", "quantity": 10**6, "price_minor": 10**15}]}},
            422,
            "cart.lines",
        ),
        ({"codes": [""]}, 422, "codes.0"),
        ({"codes": "ABC"}, 422, "codes"),
        ({"codes": ["A"] * 21}, 422, "codes"),
    ],
)
def test_a_bad_request_is_refused_with_its_field(
    service: InProcess, change: dict[str, Any], status: int, field: str
) -> None:
    body = {"visitor_id": "v-1", "cart": CART, "codes": [], **change}
    answer = service.call("POST", "/api/v1/quote", content=json.dumps(body).encode(), kind="srv")
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text


def test_a_cart_in_another_currency_blocks_the_offer_by_name(service: InProcess) -> None:
    ten = {"kind": "percent_off", "percent": 10, "currency": "RUB"}
    service.running(variants=_variants(ten, ten))
    found = _quote(service, cart={**CART, "currency": "EUR"})
    assert [one["reason"] for one in found["blocked"]] == ["currency_mismatch"]


def test_hostile_attributes_change_nothing(service: InProcess) -> None:
    service.running(
        variants=_variants({"kind": "stamp_card", "every": 2}, {"kind": "stamp_card", "every": 2})
    )
    values: list[Any] = [True, "1", 1.5, -1, 10**30, [], {}]
    for value in values:
        found = _quote(
            service, attributes={"orders_count": value, "last_order_at": value, "memberships": value}
        )
        assert [one["reason"] for one in found["blocked"]] == ["stamps_missing"]  # of no orders at all


def test_the_document_describes_the_answer(service: InProcess) -> None:
    document = service.fastapi.openapi()
    answer = document["components"]["schemas"]["QuoteQuote"]["properties"]
    service.running()
    assert set(answer) == set(_quote(service))
