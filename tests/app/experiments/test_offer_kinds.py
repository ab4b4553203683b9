"""Every kind of offer that shops test can be defined and served. Oracle: the product page's table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from app.offers import schemas
from tests.support.inprocess import InProcess, definition, in_process

OFFERS: list[dict[str, Any]] = [
    {"kind": "none"},
    {"kind": "percent_off", "percent": 12.5, "max_discount_minor": 50000},
    {"kind": "amount_off", "amount_minor": 40000, "min_order_minor": 300000},
    {"kind": "free_delivery", "min_order_minor": 400000},
    {"kind": "gift", "product": "coffee-sample", "order_before": "2026-07-01T00:00:00+03:00"},
    {"kind": "bundle", "products": ["coffee", "juice"], "percent": 10},
    {"kind": "next_order_discount", "percent": 15, "valid_days": 7},
    {"kind": "spend_reward", "spend_minor": 70000, "reward_minor": 7000},
    {"kind": "points", "rate": 0.05, "spendable_after_days": 14},
    {"kind": "cashback", "percent": 3},
    {"kind": "stamp_card", "every": 5},
    {
        "kind": "cumulative_discount",
        "tiers": [{"from_minor": 0, "percent": 5}, {"from_minor": 1000000, "percent": 10}],
    },
    {"kind": "referral", "referrer_minor": 20000, "invited_minor": 0, "growth": "growing"},
    {"kind": "partner_voucher", "partner": "cinema", "value_minor": 50000},
    {"kind": "content", "title": "Ten recipes"},
    {"kind": "reminder", "channel": "email", "delay_hours": 24},
    {"kind": "pre_order", "opens_at": "2026-07-01T00:00:00Z", "closes_at": "2026-07-08T00:00:00Z"},
    {"kind": "member_only", "membership": "gold", "percent": 5},
    {"kind": "custom", "terms": {"own_cup": True}},
]


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("offers")
    path = folder / "offerlab.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{path}", folder) as running:
        yield running


def test_the_list_has_every_kind() -> None:
    union = get_args(schemas.Offer)[0]
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(union)}
    assert kinds == {offer["kind"] for offer in OFFERS}


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: str(offer["kind"]))
def test_a_kind_is_defined_and_served_with_its_terms(service: InProcess, offer: dict[str, Any]) -> None:
    key = str(offer["kind"]).replace("_", "-")
    variants = definition()["variants"]
    variants[0]["offer"] = variants[1]["offer"] = offer
    service.running(key=key, variants=variants)
    served = service.assign(visitor_id="v-1", experiments=[key]).json()["assignments"][0]["offer"]
    moments = {"order_before", "opens_at", "closes_at"}
    assert served["kind"] == offer["kind"]
    assert {name: served[name] for name in offer if name not in moments} == {
        name: value for name, value in offer.items() if name not in moments
    }


def test_a_control_without_an_offer_is_served_null(service: InProcess) -> None:
    variants = definition()["variants"]
    variants[0]["offer"] = variants[1]["offer"] = None
    service.running(key="nothing", variants=variants)
    assert service.assign(visitor_id="v", experiments=["nothing"]).json()["assignments"][0]["offer"] is None


def test_an_offer_takes_over_the_currency_of_the_economics(service: InProcess) -> None:
    variants = definition()["variants"]
    del variants[1]["offer"]["currency"]
    made = service.create(key="currency", variants=variants)
    assert made["variants"][1]["offer"]["currency"] == "RUB"


def test_a_window_shorter_than_the_code_lives_is_a_warning_unless_overridden(service: InProcess) -> None:
    variants = definition()["variants"]
    variants[1]["offer"]["code"] = {"issue": "per_visitor", "valid_days": 60}
    made = service.create(key="short", variants=variants)
    assert [warning["field"] for warning in made["warnings"]] == ["plan.window_days"]
    plan = {**definition()["plan"], "window_override": "the season ends"}
    assert service.create(key="short-meant", variants=variants, plan=plan)["warnings"] == []
