"""What each kind does to a cart. Oracle: sums by hand beside each case."""

import re
from pathlib import Path
from typing import Any

import pytest

from app.offers.carts import Cart, History, Line
from app.offers.quotes import Quote, Reward
from app.offers.quoting import KnownCode, quote
from app.offers.ready import Ready, prepare

NOW_US = 1_780_000_000_000_000  # 2026-05-28
DAY_US = 86_400_000_000
CART = Cart("RUB", [Line("coffee", 2, 60_000, pack_size=500), Line("juice", 1, 30_005)], 35_000)  # 1500.05
RICH = History(4, 1_200_000, NOW_US - 3 * DAY_US, 80_000, 3, frozenset({"gold"}), invited=False)


def _offer(terms: dict[str, Any], key: str = "e", **more: Any) -> Ready:
    made = prepare(key, "a", {"currency": "RUB", **terms}, **more)
    assert made is not None
    return made


def _quote(terms: dict[str, Any], history: History = RICH, cart: Cart = CART, **more: Any) -> Quote:
    return quote(cart, [_offer(terms, **more)], NOW_US, history)


@pytest.mark.parametrize(
    ("terms", "per_line"),
    [
        ({"kind": "percent_off", "percent": 10}, [12_000, 3_001]),  # 15000.5 → 15001; 12000.4 and 3000.6
        (
            {"kind": "percent_off", "percent": 10, "max_discount_minor": 10_000},
            [8_000, 2_000],
        ),  # 7999.7
        ({"kind": "percent_off", "percent": 10, "min_order_minor": 150_005}, [12_000, 3_001]),  # inclusive
        ({"kind": "amount_off", "amount_minor": 1}, [1, 0]),
        ({"kind": "amount_off", "amount_minor": 900_000}, [120_000, 30_005]),  # no more than the cart
        ({"kind": "bundle", "products": ["coffee", "juice"], "price_minor": 80_000}, [6_670, 3_335]),
        ({"kind": "bundle", "products": ["juice", "coffee"], "percent": 50}, [30_000, 15_003]),  # 45002.5
        ({"kind": "next_order_discount", "percent": 10, "valid_days": 7}, [12_000, 3_001]),
        ({"kind": "spend_reward", "spend_minor": 70_000, "reward_minor": 7_000}, [5_600, 1_400]),
        ({"kind": "stamp_card", "every": 5}, [120_000, 30_005]),  # the fifth order
        ({"kind": "stamp_card", "every": 5, "counts": "pieces"}, [0, 30_005]),  # 3 + 3 pieces: the cheapest
        ({"kind": "stamp_card", "every": 5, "counts": "pieces", "products": ["coffee"]}, [60_000, 0]),
        (
            {
                "kind": "cumulative_discount",
                "tiers": [{"from_minor": 0, "percent": 5}, {"from_minor": 1_200_000, "percent": 10}],
            },
            [12_000, 3_001],
        ),
        ({"kind": "member_only", "membership": "gold", "percent": 10}, [12_000, 3_001]),
        (
            {
                "kind": "pre_order",
                "opens_at": "2026-05-01T00:00:00Z",
                "closes_at": "2026-06-01T00:00:00Z",
                "amount_minor": 7_000,
            },
            [5_600, 1_400],
        ),
    ],
    ids=lambda value: str(value.get("kind")) if isinstance(value, dict) else None,
)
def test_what_an_offer_takes_off_each_line(terms: dict[str, Any], per_line: list[int]) -> None:
    found = _quote(terms)
    assert [line.discount_minor for line in found.lines] == per_line
    assert found.applied[0].line_discounts_minor == per_line
    assert found.total_minor == 150_005 - sum(per_line) + 35_000


def test_delivery_is_free_from_the_threshold_on_up_to_the_cap() -> None:
    terms = {"kind": "free_delivery", "min_order_minor": 150_005}
    assert _quote(terms).shipping_discount_minor == 35_000
    assert _quote({**terms, "max_discount_minor": 20_000}).total_minor == 150_005 + 15_000
    assert _quote({**terms, "min_order_minor": 150_006}).shipping_discount_minor == 0


def test_from_the_break_even_on_delivery_is_free_beside_an_exclusive_offer() -> None:
    cut = _offer({"kind": "percent_off", "percent": 50}, "cut")
    free = _offer({"kind": "free_delivery", "min_order_minor": 1, "break_even_minor": 150_005}, "free")
    found = quote(CART, [cut, free], NOW_US)
    assert (found.discount_minor, found.shipping_discount_minor) == (75_003, 35_000)
    dearer = _offer({"kind": "free_delivery", "min_order_minor": 1, "break_even_minor": 150_006}, "free")
    found = quote(CART, [cut, dearer], NOW_US)
    assert (found.shipping_discount_minor, found.blocked[0].reason, found.blocked[0].by) == (
        0,
        "stacking",
        ["cut"],
    )


def test_points_are_rounded_half_up_and_are_a_liability() -> None:
    points = _quote({"kind": "points", "rate": 0.01, "point_value_minor": 100}).applied[0].points
    assert points is not None
    assert (points.points, points.liability_minor) == (15, 1_500)  # 15.0005
    per_order = _quote({"kind": "points", "per": "order", "rate": 2.5}).applied[0].points
    assert per_order is not None
    assert (per_order.points, per_order.liability_minor) == (3, None)


@pytest.mark.parametrize(
    ("terms", "rewards"),
    [
        ({"kind": "cashback", "percent": 3}, [Reward("cashback", 3, 4_500)]),  # 4500.15
        (
            {"kind": "next_order_discount", "percent": 15, "valid_days": 2},
            [Reward("next_order_percent", 15, None, 2)],
        ),
        (
            {"kind": "spend_reward", "spend_minor": 90_000, "reward_minor": 7_000},
            [Reward("next_order_amount", None, 7_000)],
        ),
        (
            {"kind": "partner_voucher", "partner": "cinema", "value_minor": 500},
            [Reward("partner_voucher", None, 500, name="cinema")],
        ),
        ({"kind": "content", "title": "Recipes"}, [Reward("content", name="Recipes")]),
        ({"kind": "custom", "terms": {"own_cup": True}}, [Reward("custom")]),
    ],
    ids=lambda value: str(value.get("kind")) if isinstance(value, dict) else None,
)
def test_what_an_order_brings_for_later(terms: dict[str, Any], rewards: list[Reward]) -> None:
    found = _quote(terms)
    assert (found.discount_minor, found.applied[0].rewards) == (0, rewards)


def test_the_invited_gets_a_discount_and_who_invites_a_growing_reward() -> None:
    terms = {"kind": "referral", "referrer_minor": 20_000, "invited_minor": 30_000, "growth": "growing"}
    friend = History(orders_count=0, invited=True, friends_before=2)
    found = _quote({**terms, "step_minor": 5_000}, friend)
    assert (found.discount_minor, found.applied[0].rewards) == (30_000, [Reward("referrer", None, 30_000)])


def test_a_gift_is_given_by_pack_size_with_its_cost() -> None:
    terms = {"kind": "gift", "product": "sample", "quantity": 2, "cost_minor": 400, "min_pack_size": 1_001}
    gift = _quote(terms).applied[0].gifts[0]  # 2 × 500 + 1 piece of 1
    assert (gift.sku, gift.quantity, gift.cost_minor) == ("sample", 2, 800)
    assert _quote({**terms, "min_pack_size": 1_002}).blocked[0].reason == "pack_too_small"


@pytest.mark.parametrize(
    ("terms", "history", "reason"),
    [
        ({"kind": "percent_off", "percent": 5, "currency": "EUR"}, RICH, "currency_mismatch"),
        ({"kind": "percent_off", "percent": 5, "min_order_minor": 200_000}, RICH, "below_minimum"),
        ({"kind": "percent_off", "percent": 5, "code": {"issue": "shared"}}, RICH, "code_needed"),
        (
            {"kind": "percent_off", "percent": 5, "validity": {"starts_at": "2026-06-01T00:00:00Z"}},
            RICH,
            "not_yet_valid",
        ),
        (
            {"kind": "percent_off", "percent": 5, "validity": {"ends_at": "2026-05-01T00:00:00Z"}},
            RICH,
            "expired",
        ),
        (
            {"kind": "percent_off", "percent": 5, "validity": {"days": 2, "days_after": "order"}},
            RICH,
            "expired",
        ),
        (
            {"kind": "percent_off", "percent": 5, "validity": {"days": 2, "days_after": "order"}},
            History(),
            "history_unknown",
        ),
        ({"kind": "reminder", "channel": "email", "delay_hours": 1}, RICH, "not_on_carts"),
        ({"kind": "member_only", "membership": "silver"}, RICH, "not_a_member"),
        ({"kind": "stamp_card", "every": 4}, RICH, "stamps_missing"),
        ({"kind": "stamp_card", "every": 4}, History(), "history_unknown"),
        (
            {"kind": "cumulative_discount", "tiers": [{"from_minor": 1_300_000, "percent": 5}]},
            RICH,
            "below_first_tier",
        ),
        ({"kind": "referral", "referrer_minor": 0, "invited_minor": 5}, RICH, "not_invited"),
        (
            {"kind": "referral", "referrer_minor": 0, "invited_minor": 5},
            History(1, invited=True),
            "not_first_order",
        ),
        ({"kind": "gift", "product": "cup", "order_before": "2026-05-01T00:00:00Z"}, RICH, "expired"),
        ({"kind": "bundle", "products": ["coffee", "tea"], "percent": 5}, RICH, "nothing_to_give"),
        ({"kind": "spend_reward", "spend_minor": 200_000, "reward_minor": 5}, RICH, "below_minimum"),
    ],
)
def test_why_an_offer_is_blocked(terms: dict[str, Any], history: History, reason: str) -> None:
    found = _quote(terms, history)
    assert (found.applied, [one.reason for one in found.blocked]) == ([], [reason])


def test_an_order_before_the_start_triggers_no_next_order_discount() -> None:
    terms = {"kind": "next_order_discount", "percent": 10, "valid_days": 7}
    assert _quote(terms, since_us=NOW_US - 4 * DAY_US).discount_minor == 15_001
    assert _quote(terms, since_us=NOW_US - 2 * DAY_US).discount_minor == 0


def test_of_exclusive_offers_the_best_applies_and_the_others_say_who_is_in_the_way() -> None:
    offers = [_offer({"kind": "percent_off", "percent": percent}, f"p-{percent}") for percent in (5, 20, 10)]
    found = quote(CART, offers, NOW_US)
    assert [one.experiment for one in found.applied] == ["p-20"]
    assert [(one.experiment, one.reason, one.by) for one in found.blocked] == [
        ("p-10", "stacking", ["p-20"]),
        ("p-5", "stacking", ["p-20"]),
    ]


def test_offers_that_name_each_other_apply_together_and_one_sided_naming_is_not_enough() -> None:
    def made(first: Any, second: Any) -> Quote:
        cut = _offer({"kind": "percent_off", "percent": 10, "stacking": first}, "cut")
        free = _offer({"kind": "free_delivery", "stacking": second}, "free")
        return quote(CART, [free, cut], NOW_US)

    both = made({"combinable_with": ["free"]}, {"combinable_with": ["cut"]})
    assert (both.discount_minor, both.shipping_discount_minor) == (15_001, 35_000)
    one_sided = made({"combinable_with": ["free"]}, "exclusive")
    assert (one_sided.discount_minor, one_sided.shipping_discount_minor) == (0, 35_000)


def test_thresholds_compare_with_items_after_line_discounts() -> None:
    """A bundle takes 10.00 off: the order falls below 1500.00, so the larger of the two is chosen."""
    own = Cart("RUB", [Line("tea", 1, 100_000, 10_000)])
    assert (
        _quote({"kind": "percent_off", "percent": 10, "min_order_minor": 90_000}, cart=own).discount_minor
        == 9_000
    )
    assert _quote({"kind": "percent_off", "percent": 10, "min_order_minor": 90_001}, cart=own).applied == []
    keys = {"combinable_with": ["cut", "set"]}
    cut = _offer({"kind": "percent_off", "percent": 10, "min_order_minor": 150_000, "stacking": keys}, "cut")
    pair = _offer(
        {"kind": "bundle", "products": ["coffee", "juice"], "price_minor": 89_005, "stacking": keys}, "set"
    )
    found = quote(CART, [cut, pair], NOW_US)
    assert [one.experiment for one in found.applied] == ["cut"]
    assert [(one.experiment, one.reason) for one in found.blocked] == [("set", "worse_together")]


def test_the_nearest_threshold_is_named_in_both_languages() -> None:
    free = _offer({"kind": "free_delivery", "min_order_minor": 188_005}, "free")
    cut = _offer({"kind": "percent_off", "percent": 10, "min_order_minor": 300_000}, "cut")
    found = quote(CART, [cut, free], NOW_US).missing
    assert found is not None
    assert (found.experiment, found.minimum_minor, found.missing_minor) == ("free", 188_005, 38_000)
    assert found.text == {
        "en": "380\xa0₽ more for free delivery",
        "ru": "Ещё 380\xa0₽ до бесплатной доставки",
    }


def test_a_code_brings_its_own_variant_s_offer_and_a_refused_one_says_why() -> None:
    policy = {"code": {"issue": "per_visitor"}}
    mine = _offer({"kind": "percent_off", "percent": 5, **policy})
    theirs = prepare(
        "e", "b", {"kind": "percent_off", "percent": 10, "currency": "RUB", **policy}, code="ABC"
    )
    found = quote(
        CART, [mine], NOW_US, codes=[KnownCode("ABC", theirs, None), KnownCode("XYZ", None, "spent")]
    )
    assert [(one.variant, one.code, one.discount_minor) for one in found.applied] == [("b", "ABC", 15_001)]
    assert [(one.variant, one.code, one.reason) for one in found.blocked] == [
        (None, "XYZ", "spent"),
        ("a", None, "code_needed"),
    ]


def test_the_order_of_two_same_lines_decides_nothing() -> None:
    lines = [Line("tea", 1, 105), Line("cup", 3, 35)]
    for given in (lines, lines[::-1]):
        found = quote(Cart("RUB", given), [_offer({"kind": "amount_off", "amount_minor": 1})], NOW_US)
        assert {line.sku: line.discount_minor for line in found.lines} == {"cup": 1, "tea": 0}


def test_every_reason_in_the_code_is_in_the_guide() -> None:
    root = Path(__file__).resolve().parents[3]
    guide = (root / "docs" / "offers.md").read_text(encoding="utf-8")
    code = "".join((root / "app" / "offers" / f"{name}.py").read_text() for name in ("standing", "quoting"))
    named = set(re.findall(r'(?:return|else|if [^\n]+ else|and) "([a-z_]+)"|live\.ready, "([a-z_]+)"', code))
    reasons = {one or other for one, other in named}
    assert {"code_needed", "below_minimum", "not_a_member"} <= reasons
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in guide] == []
