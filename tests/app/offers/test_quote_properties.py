"""Properties of every quote. Oracle: the sums that must hold, whatever the cart and the offers."""

from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.offers.carts import Cart, History, Line
from app.offers.exact import part_of, ratio, split
from app.offers.quotes import Quote
from app.offers.quoting import quote
from app.offers.ready import Ready, prepare

NOW_US = 1_780_000_000_000_000
DAY_US = 86_400_000_000
KEYS = [f"e-{number}" for number in range(6)]
SKUS = ["coffee", "juice", "tea", "cup"]

money = st.integers(0, 3_000_00)
percents = st.sampled_from([0.1, 5, 10, 12.5, 33.3, 50, 99.9, 100])
lines = st.builds(
    lambda sku, quantity, price, share, pack: Line(sku, quantity, price, quantity * price * share // 4, pack),
    st.sampled_from(SKUS),
    st.integers(1, 7),
    money,
    st.integers(0, 4),
    st.integers(1, 500),
)
carts = st.builds(
    lambda found, shipping: Cart("RUB", found, shipping), st.lists(lines, max_size=6), st.integers(0, 40_000)
)
histories = st.builds(
    History,
    st.none() | st.integers(0, 9),
    st.none() | st.integers(0, 5_000_000),
    st.none() | st.integers(NOW_US - 20 * DAY_US, NOW_US),
    st.none() | money,
    st.none() | st.integers(0, 9),
    st.sampled_from([frozenset(), frozenset({"gold"})]),
    st.none() | st.booleans(),
    st.none() | st.integers(0, 3),
)
terms = st.one_of(
    st.builds(lambda percent: {"kind": "percent_off", "percent": percent}, percents),
    st.builds(lambda amount: {"kind": "amount_off", "amount_minor": amount}, st.integers(1, 200_000)),
    st.builds(
        lambda more: {"kind": "free_delivery", **({"break_even_minor": more} if more else {})},
        st.sampled_from([None, 400_000, 900_000]),
    ),
    st.builds(lambda grams: {"kind": "gift", "product": "cup", "min_pack_size": grams}, st.integers(1, 900)),
    st.builds(
        lambda skus, percent: {"kind": "bundle", "products": skus, "percent": percent},
        st.lists(st.sampled_from(SKUS), min_size=2, max_size=3, unique=True),
        percents,
    ),
    st.builds(
        lambda price: {"kind": "bundle", "products": ["coffee", "juice"], "price_minor": price},
        st.integers(1, 300_000),
    ),
    st.just({"kind": "next_order_discount", "percent": 15, "valid_days": 7}),
    st.just({"kind": "spend_reward", "spend_minor": 70_000, "reward_minor": 7_000, "valid_days": 14}),
    st.builds(lambda rate: {"kind": "points", "rate": rate, "point_value_minor": 10}, st.floats(0.01, 9)),
    st.builds(lambda percent: {"kind": "cashback", "percent": percent}, percents),
    st.builds(
        lambda every, counts: {"kind": "stamp_card", "every": every, "counts": counts},
        st.integers(2, 4),
        st.sampled_from(["orders", "pieces"]),
    ),
    st.just({"kind": "cumulative_discount", "tiers": [{"from_minor": 100_000, "percent": 5}]}),
    st.just({"kind": "referral", "referrer_minor": 100, "invited_minor": 20_000}),
    st.just({"kind": "member_only", "membership": "gold", "percent": 7}),
    st.just({"kind": "content", "title": "Recipes"}),
    st.just({"kind": "custom", "terms": {}}),
)
offers = st.lists(
    st.builds(
        lambda found, minimum, cap, stacking: {
            **found,
            "currency": "RUB",
            "min_order_minor": minimum,
            "max_discount_minor": cap,
            "stacking": stacking,
        },
        terms,
        st.sampled_from([None, 0, 50_000, 300_000]),
        st.sampled_from([None, 1, 9_999, 100_000]),
        st.sampled_from(["exclusive", {"combinable_with": KEYS[:3]}, {"combinable_with": KEYS}]),
    ),
    max_size=len(KEYS),
)


def _ready(found: list[dict[str, Any]]) -> list[Ready]:
    made = [prepare(key, "a", terms) for key, terms in zip(KEYS, found, strict=False)]
    return [one for one in made if one is not None]


def _benefit(found: Quote) -> int:
    """What the shopper gets out of it, all in one number: only zero matters."""
    return sum(
        one.discount_minor
        + one.shipping_discount_minor
        + len(one.gifts)
        + len(one.rewards)
        + bool(one.points)
        for one in found.applied
    )


def check_sums(found: Quote, cart: Cart, ready: list[Ready]) -> None:
    """Never negative, never above cap or cart, and every sum is the sum of its parts."""
    caps = {one.experiment: one.cap_minor for one in ready}
    assert 0 <= found.discount_minor <= found.items_minor - found.own_discount_minor
    assert 0 <= found.shipping_discount_minor <= found.shipping_minor == cart.shipping_minor
    assert found.items_minor == sum(line.quantity * line.price_minor for line in cart.lines)
    assert found.discount_minor == sum(one.discount_minor for one in found.applied)
    assert found.discount_minor == sum(line.discount_minor for line in found.lines)
    assert found.shipping_discount_minor == sum(one.shipping_discount_minor for one in found.applied)
    assert found.total_minor == (
        sum(line.total_minor for line in found.lines) + found.shipping_minor - found.shipping_discount_minor
    )
    for place, line in enumerate(found.lines):
        parts = [one.line_discounts_minor[place] for one in found.applied]
        assert min([line.total_minor, *parts], default=0) >= 0
        assert sum(parts) == line.discount_minor
        gross = line.quantity * line.price_minor
        assert line.total_minor == gross - line.own_discount_minor - line.discount_minor
    for one in found.applied:
        cap = caps[one.experiment]
        assert sum(one.line_discounts_minor) == one.discount_minor
        assert cap is None or one.discount_minor + one.shipping_discount_minor <= cap


@settings(max_examples=300, deadline=None)
@given(carts, offers, histories)
def test_no_sum_is_negative_above_its_cap_or_above_the_cart_and_lines_add_up(
    cart: Cart, found: list[dict[str, Any]], history: History
) -> None:
    ready = _ready(found)
    quoted = quote(cart, ready, NOW_US, history)
    check_sums(quoted, cart, ready)
    named = [one.experiment for one in quoted.applied] + [one.experiment for one in quoted.blocked]
    assert sorted(map(str, named)) == sorted(one.experiment for one in ready), "each applies or is blocked"


@settings(max_examples=200, deadline=None)
@given(carts, offers, histories, st.randoms(use_true_random=False))
def test_the_order_of_lines_and_offers_does_not_matter(
    cart: Cart, found: list[dict[str, Any]], history: History, random: Any
) -> None:
    ready = _ready(found)
    first = quote(cart, ready, NOW_US, history)
    mixed_lines, mixed_offers = list(cart.lines), list(ready)
    random.shuffle(mixed_lines)
    random.shuffle(mixed_offers)
    second = quote(Cart("RUB", mixed_lines, cart.shipping_minor), mixed_offers, NOW_US, history)
    assert _unordered(first) == _unordered(second)


def _unordered(found: Quote) -> Any:
    lines = sorted(
        (line.sku, line.quantity, line.price_minor, line.own_discount_minor, line.discount_minor)
        for line in found.lines
    )
    applied = [
        (one.experiment, one.discount_minor, one.shipping_discount_minor, str(one.gifts), str(one.rewards))
        for one in found.applied
    ]
    return lines, applied, found.blocked, found.missing, found.total_minor


@settings(max_examples=200, deadline=None)
@given(carts, lines, offers, histories)
def test_an_added_item_never_makes_the_benefit_vanish_without_a_reason(
    cart: Cart, more: Line, found: list[dict[str, Any]], history: History
) -> None:
    ready = _ready(found)
    before = quote(cart, ready, NOW_US, history)
    after = quote(Cart("RUB", [*cart.lines, more], cart.shipping_minor), ready, NOW_US, history)
    if _benefit(before) and not _benefit(after):
        lost = {one.experiment for one in before.applied}
        assert lost <= {one.experiment for one in after.blocked if one.reason}


@settings(max_examples=150, deadline=None)
@given(carts, offers, histories)
def test_no_allowed_combination_of_offers_on_the_whole_order_takes_more(
    cart: Cart, found: list[dict[str, Any]], history: History
) -> None:
    """Oracle: every subset of pairwise combinable offers, quoted by itself."""
    ready = _ready(found)
    best = quote(cart, ready, NOW_US, history)
    best_money = best.discount_minor + best.shipping_discount_minor
    for size in range(1, len(ready) + 1):
        for subset in permutations(ready, size):
            if list(subset) != sorted(subset, key=lambda one: one.experiment):
                continue
            alone = quote(cart, subset, NOW_US, history)
            assert alone.discount_minor + alone.shipping_discount_minor <= best_money


@given(st.lists(st.integers(0, 10**12), max_size=30), st.integers(0, 10**6))
def test_a_split_adds_up_and_no_part_is_a_whole_unit_off_its_share(
    weights: list[int], millionths: int
) -> None:
    whole = sum(weights)
    total = whole * millionths // 10**6
    parts = split(total, weights, lambda place: place)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part <= weight
        assert whole == 0 or abs(part - Fraction(total * weight, whole)) < 1


@given(st.integers(0, 10**15), st.decimals("0.01", 100, places=2))
def test_a_share_is_rounded_half_up_once(amount: int, percent: Any) -> None:
    exact = Fraction(amount) * Fraction(percent) / 100
    assert part_of(amount, ratio(float(percent), per=100)) == int(exact + Fraction(1, 2))


def test_the_checks_see_a_planted_lost_unit() -> None:
    ready = _ready([{"kind": "percent_off", "percent": 10, "currency": "RUB"}])
    cart = Cart("RUB", [Line("tea", 1, 105), Line("cup", 1, 105)])
    quoted = quote(cart, ready, NOW_US)
    quoted.lines[0].discount_minor -= 1
    with pytest.raises(AssertionError):
        check_sums(quoted, cart, ready)
