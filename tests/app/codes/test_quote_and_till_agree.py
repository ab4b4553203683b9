"""What a code takes off at the till is what a quote of the same cart says. Oracle: the quote itself.

The planted bug is the arithmetic of percents and sums that codes had before they asked the quotes' engine.
"""

import copy
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.codes.basket import Basket, discount
from app.codes.terms import CodeTerms, terms_of
from app.errors import Refusal
from app.offers.carts import Cart, History
from app.offers.quoting import KnownCode, quote
from app.offers.ready import Ready, prepare
from tests.app.offers.test_quote_properties import NOW_US, carts, histories, offers, terms
from tests.support.codes import code, with_codes
from tests.support.inprocess import InProcess, in_process

Till = Callable[[Basket, CodeTerms, int], int]


def before(basket: Basket, of: CodeTerms, _now_us: int) -> int:
    """A planted bug: percents and sums worked out from the sum of the lines alone."""
    lines = () if basket.cart is None else basket.cart.lines
    items = sum(line.quantity * line.price_minor for line in lines)
    exact = Decimal(items) * Decimal(str(of.offer.get("percent") or 0)) / 100
    given = int(exact.to_integral_value(ROUND_HALF_UP)) or of.offer.get("amount_minor") or 0
    cap = of.offer.get("max_discount_minor")
    return min(given, items, items if cap is None else cap)


def coded(offer: dict[str, Any]) -> CodeTerms:
    """The terms of a variant with this offer, which has personal codes."""
    variant = {"key": "a", "offer": {**offer, "code": {"issue": "per_visitor"}}}
    found = terms_of({"key": "mine", "unit": "visitor", "variants": [variant]}, "a")
    assert found is not None
    return found


def quoted(of: CodeTerms, others: list[Ready], cart: Cart, history: History) -> int | str:
    """What the quote gives for the code: a sum, or why not. By itself, where others take its place."""
    mine = prepare("mine", "a", of.offer, code="C")
    assert mine is not None
    said = quote(cart, others, NOW_US, history, [KnownCode("C", mine, None)])
    every: list[Any] = [*said.applied, *said.blocked]
    (found,) = [one for one in every if one.code == "C"]
    reason = getattr(found, "reason", None)
    if reason in {"stacking", "worse_together"}:
        return quoted(of, [], cart, history) if others else "nothing_to_give"
    if reason is None:
        return int(getattr(found, "discount_minor", 0) + getattr(found, "shipping_discount_minor", 0))
    return 0 if reason == "not_on_carts" else str(reason)


def at_the_till(till: Till, of: CodeTerms, others: list[Ready], cart: Cart, history: History) -> int | str:
    """What redeeming gives: a sum, or the reason of the refusal in the quote's words."""
    theirs = {"below_min_order": "below_minimum", "currency": "currency_mismatch"}
    try:
        return till(Basket(cart, None, history, others), of, NOW_US)
    except Refusal as refusal:
        reason = str(refusal.extra.get("reason", refusal.code))
        return theirs.get(reason, reason)


combinable = st.sampled_from(["exclusive", {"combinable_with": [f"e-{n}" for n in range(6)]}])


@settings(max_examples=250, deadline=None, derandomize=True)
@given(
    offer=terms,
    minimum=st.sampled_from([None, 50_000]),
    cap=st.sampled_from([None, 1, 9_999]),
    stacking=combinable,
    found=offers,
    cart=carts,
    history=histories,
)
def test_a_code_takes_off_at_the_till_what_the_quote_says(  # noqa: PLR0913, PLR0917 - whatever can be
    offer: dict[str, Any],
    minimum: int | None,
    cap: int | None,
    stacking: Any,
    found: list[dict[str, Any]],
    cart: Cart,
    history: History,
) -> None:
    named = {"currency": "RUB", "min_order_minor": minimum, "max_discount_minor": cap, "stacking": stacking}
    of = coded({**offer, **named})
    others = _others(found)
    assert at_the_till(discount, of, others, cart, history) == quoted(of, others, cart, history)


def _others(found: list[dict[str, Any]]) -> list[Ready]:
    """Offers of the shopper beside the code; each that names others names this one as well."""
    made = []
    for number, one in enumerate(found):
        with_mine = copy.deepcopy(one)
        if isinstance(with_mine["stacking"], dict):
            with_mine["stacking"]["combinable_with"] = [*with_mine["stacking"]["combinable_with"], "mine"]
        made.append(prepare(f"e-{number}", "a", with_mine))
    return [one for one in made if one is not None]


def test_the_comparison_catches_arithmetic_of_ones_own() -> None:
    wrong = []

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(offer=terms, cart=carts)
    def compare(offer: dict[str, Any], cart: Cart) -> None:
        of = coded({**offer, "currency": "RUB"})
        said = quoted(of, [], cart, History())
        if isinstance(said, int) and at_the_till(before, of, [], cart, History()) != said:
            wrong.append(offer["kind"])

    compare()
    assert {"percent_off", "free_delivery", "bundle"} <= set(wrong)


KINDS: dict[str, dict[str, Any]] = {
    "percent": {"kind": "percent_off", "percent": 12.5, "max_discount_minor": 30_000},
    "amount": {"kind": "amount_off", "amount_minor": 50_000, "min_order_minor": 90_000},
    "delivery": {"kind": "free_delivery", "min_order_minor": 40_000},
    "capped-delivery": {"kind": "free_delivery", "max_discount_minor": 20_000},
    "gift": {"kind": "gift", "product": "cup", "min_pack_size": 500, "cost_minor": 9_000},
    "bundle": {"kind": "bundle", "products": ["coffee", "juice"], "price_minor": 70_000},
    "bundle-percent": {"kind": "bundle", "products": ["coffee", "tea"], "percent": 33.3},
    "next-order": {"kind": "next_order_discount", "percent": 15, "valid_days": 7},
    "spend": {"kind": "spend_reward", "spend_minor": 70_000, "reward_minor": 7_000, "valid_days": 14},
    "pieces": {"kind": "stamp_card", "every": 3, "counts": "pieces"},
    "members": {"kind": "member_only", "membership": "gold", "percent": 7},
    "points": {"kind": "points", "rate": 0.1, "point_value_minor": 10},
    "referral": {"kind": "referral", "referrer_minor": 100, "invited_minor": 20_000},
}


@pytest.fixture(scope="module")
def shop(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    """One service with an experiment of each kind; nobody gets anything without a code."""
    folder = tmp_path_factory.mktemp("till")
    (folder / "offerlab.sqlite3").write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{folder / 'offerlab.sqlite3'}", folder) as service:
        for key, terms_of_kind in KINDS.items():
            service.running(
                **with_codes(key, {**terms_of_kind, "currency": "RUB", "code": code(uses_per_customer=None)})
            )
        yield service


def _cart(rng: Random) -> dict[str, Any]:
    lines: list[dict[str, Any]] = [
        {
            "sku": rng.choice(["coffee", "juice", "tea"]),
            "quantity": rng.randint(1, 4),
            "price_minor": rng.randint(1, 60_000),
            "pack_size": rng.choice([1, 250]),
        }
        for _ in range(rng.randint(1, 4))
    ]
    lines[0]["discount_minor"] = rng.randint(0, lines[0]["price_minor"])
    return {"currency": "RUB", "lines": lines, "shipping_minor": rng.choice([0, 30_000])}


@pytest.mark.parametrize("key", KINDS)
def test_over_http_quote_validate_and_redeem_agree(shop: InProcess, key: str) -> None:
    rng = Random(key)
    claim = {"experiment": key, "visitor_id": "v-1"}
    typed = shop.call("POST", "/api/v1/codes/claim", claim, "srv").json()["code"]
    for number in range(8):
        attributes = rng.choice([{}, {"stamps": 2, "memberships": ["gold"], "invited": True}])
        asked = {"visitor_id": "v-1", "attributes": attributes, "cart": _cart(rng)}
        said = shop.call("POST", "/api/v1/quote", {**asked, "codes": [typed]}, "srv").json()
        applied = [one for one in said["applied"] if one["code"] == typed]
        at_till = {**asked, "code": typed, "order_id": f"{key}-{number}"}
        answers = [
            shop.call("POST", f"/api/v1/codes/{door}", at_till, "srv") for door in ("validate", "redeem")
        ]
        if applied:
            sums = applied[0]["discount_minor"] + applied[0]["shipping_discount_minor"]
            assert [answer.json()["discount_minor"] for answer in answers] == [sums, sums]
        else:
            assert {answer.status_code for answer in answers} == {422}
            (blocked,) = [one for one in said["blocked"] if one["code"] == typed]
            assert answers[0].json()["reason"] in {blocked["reason"], "below_min_order"}


def test_a_reservation_keeps_its_sum_where_the_redemption_says_nothing(shop: InProcess) -> None:
    claim = {"experiment": "percent", "visitor_id": "v-9"}
    typed = shop.call("POST", "/api/v1/codes/claim", claim, "srv").json()["code"]
    cart = {"currency": "RUB", "lines": [{"sku": "coffee", "quantity": 1, "price_minor": 10_004}]}
    asked = {"code": typed, "visitor_id": "v-9", "order_id": "held-1"}
    reserved = shop.call("POST", "/api/v1/codes/reserve", {**asked, "cart": cart}, "srv").json()
    redeemed = shop.call("POST", "/api/v1/codes/redeem", asked, "srv").json()
    assert (reserved["discount_minor"], redeemed["discount_minor"]) == (1_251, 1_251)


def test_where_delivery_is_not_told_its_code_is_not_refused_for_having_nothing_to_give(
    shop: InProcess,
) -> None:
    claim = {"experiment": "delivery", "visitor_id": "v-9"}
    typed = shop.call("POST", "/api/v1/codes/claim", claim, "srv").json()["code"]
    cart: dict[str, Any] = {
        "currency": "RUB",
        "lines": [{"sku": "coffee", "quantity": 1, "price_minor": 50_000}],
    }
    asked = {"code": typed, "visitor_id": "v-9"}
    untold = shop.call("POST", "/api/v1/codes/validate", {**asked, "cart": cart}, "srv")
    assert (untold.status_code, untold.json()["status"]) == (200, "valid")
    free = shop.call("POST", "/api/v1/codes/validate", {**asked, "cart": cart | {"shipping_minor": 0}}, "srv")
    assert (free.status_code, free.json()["reason"]) == (422, "nothing_to_give")
