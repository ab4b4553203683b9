"""Oracle: the contract's table of events and the issue's list of bad input, one expected code each."""

import json
from dataclasses import replace
from typing import Any

import pytest
from babel.numbers import list_currencies
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from app.clock import isoformat
from app.errors import BadRequest, Invalid
from app.ledger.currencies import CURRENCIES, MINOR_DIGITS
from app.ledger.exposures import split_variant
from app.ledger.intake import MAX_DETAIL_LENGTH, parse, read_envelope
from app.ledger.rows import CONTRADICTS_HASH, UNTRUSTED
from assignment.decision import Assigned, Experiment, decide
from assignment.layers import Holdout, Layer, LayerSlot
from tests.support.ledger import HALVES, NOW_US, SECOND_US, Known, custom, event, items, order, parsed, refund
from tests.support.ledger import sender as made_sender

EXPOSED = {"experiment": "reuse", "variant": "once", "visitor_id": "a"}

REJECTED: dict[str, tuple[Any, str, str]] = {
    "unknown type": (event("dance"), "unknown_type", "type"),
    "no type": ({"event_id": "x"}, "missing_field", "type"),
    "not an object": (7, "invalid", "event"),
    "no event id": (custom("n", event_id=None), "missing_field", "event_id"),
    "empty event id": (custom("n", event_id=""), "invalid", "event_id"),
    "long event id": (custom("n", event_id="x" * 201), "invalid", "200"),
    "empty visitor id": (custom("n", visitor_id=""), "invalid", "visitor_id"),
    "numeric visitor id": (custom("n", visitor_id=7), "invalid", "visitor_id"),
    "long customer id": (custom("n", customer_id="x" * 201), "invalid", "customer_id"),
    "neither id": (custom("n", visitor_id=None), "no_unit", "visitor_id"),
    "identify with one id": (event("identify"), "no_unit", "customer_id"),
    "unknown field": (custom("n", colour="red"), "unknown_field", "colour"),
    "naive time": (custom("n", occurred_at="2026-01-01T00:00:00"), "naive_time", "occurred_at"),
    "time as a number": (custom("n", occurred_at=1767225600), "invalid", "occurred_at"),
    "a date": (custom("n", occurred_at="2026-01-01"), "invalid", "occurred_at"),
    "before 1970": (custom("n", occurred_at="1969-12-31T23:59:59Z"), "time_before_1970", "occurred_at"),
    "year 1": (custom("n", occurred_at="0001-01-01T00:00:00+14:00"), "time_before_1970", "occurred_at"),
    "far future": (custom("n", occurred_at="9999-12-31T23:59:59-14:00"), "future_time", "occurred_at"),
    "unknown experiment": (event("exposure", **EXPOSED | {"experiment": "no"}), "unknown_experiment", "no"),
    "unknown variant": (event("exposure", **EXPOSED | {"variant": "no"}), "unknown_variant", "no"),
    "negative items": (order("o", items_minor=-1), "invalid", "items_minor"),
    "money as a fraction": (order("o", items_minor=10.5), "invalid", "items_minor"),
    "money as text": (order("o", items_minor="10"), "invalid", "items_minor"),
    "money as a truth value": (order("o", items_minor=True), "invalid", "items_minor"),
    "money over the bound": (order("o", items_minor=10**15 + 1), "invalid", str(10**15)),
    "huge money": (order("o", items_minor=10**40), "invalid", "items_minor"),
    "margin below the bound": (order("o", margin_minor=-(10**15) - 1), "invalid", "margin_minor"),
    "negative refund": (refund("r", "o", amount_minor=-1), "invalid", "amount_minor"),
    "no order id": (order(None), "missing_field", "order_id"),
    "no items": (order("o", items_minor=None), "missing_field", "items_minor"),
    "unknown currency": (order("o", currency="ZZZ"), "unknown_currency", "currency"),
    "small currency": (order("o", currency="rub"), "unknown_currency", "currency"),
    "long currency": (order("o", currency="RUBL"), "invalid", "currency"),
    "discount over items": (order("o", discount_minor=1001), "discount_over_items", "discount_minor"),
    "discounts do not sum": (
        order("o", discount_minor=9, discounts=[{"code": "A", "amount_minor": 8}]),
        "discounts_do_not_sum",
        "discounts",
    ),
    "two sources of a discount": (
        order("o", discount_minor=9, discounts=[{"code": "A", "offer": "b", "amount_minor": 9}]),
        "invalid",
        "discounts",
    ),
    "a line of nothing": (
        order("o", lines=[{"sku": "s", "quantity": 0, "price_minor": 1}]),
        "invalid",
        "lines",
    ),
    "lines over the bound": (
        order("o", lines=[{"sku": "s", "quantity": 10**6, "price_minor": 10**10, "cost_minor": 0}]),
        "out_of_range",
        "lines",
    ),
    "NUL in an id": (custom("n", visitor_id="a\0b"), "invalid", "NUL"),
    "NUL in an attribute": (event("exposure", **EXPOSED, attributes={"a": ["\0"]}), "invalid", "NUL"),
    "NUL in an attribute's name": (event("exposure", **EXPOSED, attributes={"\0": 1}), "invalid", "NUL"),
    "nested attributes": (event("exposure", **EXPOSED, attributes={"a": {"b": 1}}), "invalid", "attributes"),
    "a value that is no integer": (custom("n", value=0.5), "invalid", "value"),
}


@pytest.mark.parametrize("name", sorted(REJECTED))
def test_a_bad_event_is_rejected_by_name_and_its_neighbours_stay(name: str) -> None:
    bad, code, word = REJECTED[name]
    found = parsed(custom("before"), bad, custom("after"))
    assert [(one.index, one.code) for one in found.rejected] == [(1, code)]
    assert word in found.rejected[0].detail
    assert found.indices == [0, 2]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"type":"custom","event_id":"x","value":1e400}', "invalid"),
        (b'{"type":"custom","event_id":"\xff"}', "bad_json"),
        (b'{"type":"exposure","event_id":"x","attributes":{"a":1e400}}', "invalid"),
    ],
)
def test_broken_text_and_endless_numbers_are_rejected(raw: bytes, code: str) -> None:
    found = parse(read_envelope(b'{"events":[' + raw + b"]}"), made_sender())
    assert [one.code for one in found.rejected] == [code]


def test_the_event_id_of_a_rejected_event_is_given_where_it_can_be_read() -> None:
    found = parsed(custom("n", event_id="known", colour=1), custom("n", event_id=7), [], {"event_id": ""})
    assert [one.event_id for one in found.rejected] == ["known", None, None, None]


def test_a_detail_never_echoes_a_large_input() -> None:
    found = parsed(event("x" * 5000), custom("n", **{"y" * 5000: 1}))
    assert max(len(one.detail) for one in found.rejected) <= MAX_DETAIL_LENGTH


@pytest.mark.parametrize(
    ("body", "refusal", "code"),
    [
        (b"", BadRequest, "bad_json"),
        (b"{", BadRequest, "bad_json"),
        (b"\xff", BadRequest, "bad_json"),
        (b'{"events":[NaN]}', BadRequest, "bad_json"),
        (b'{"events":[{"a":-Infinity}]}', BadRequest, "bad_json"),
        (b'{"events":[' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]}", BadRequest, "bad_json"),
        (b'{"events":[]} more', BadRequest, "bad_json"),
        (b"[]", Invalid, "bad_envelope"),
        (b"{}", Invalid, "bad_envelope"),
        (b'{"events":3}', Invalid, "bad_envelope"),
        (b'{"events":[],"colour":1}', Invalid, "bad_envelope"),
        (b'{"events":[' + b",".join([b"1"] * 1001) + b"]}", Invalid, "too_many_events"),
    ],
)
def test_a_broken_envelope_is_refused_as_a_whole(body: bytes, refusal: type[Exception], code: str) -> None:
    with pytest.raises(refusal) as caught:
        read_envelope(body)
    assert getattr(caught.value, "code", None) == code


def test_a_thousand_events_are_taken() -> None:
    assert len(read_envelope(b'{"events":[' + b",".join([b"1"] * 1000) + b"]}")) == 1000


@pytest.mark.parametrize(
    ("seconds", "rejected"), [(-1, []), (0, []), (299, []), (300, []), (301, ["future_time"])]
)
def test_five_minutes_of_future_are_tolerated_and_not_a_second_more(
    seconds: int, rejected: list[str]
) -> None:
    found = parsed(custom("n", occurred_at=isoformat(NOW_US + seconds * SECOND_US)))
    assert [one.code for one in found.rejected] == rejected


def test_microseconds_are_kept_exactly() -> None:
    found = items(custom("n", occurred_at="1970-01-02T03:00:00.000001+03:00"))
    assert found[0].content["occurred_at_us"] == 86_400 * SECOND_US + 1


def test_a_publishable_key_sends_only_exposures_and_custom_events() -> None:
    browser = made_sender(trusted=False)
    sent = [event("exposure", **EXPOSED), custom("n"), order("o"), refund("r", "o"), event("identify")]
    found = parsed(*sent, by=browser)
    assert found.indices == [0, 1]
    assert {one.code for one in found.rejected} == {"not_allowed_for_key"}
    assert {item.flags for item in found.items} == {UNTRUSTED}


def test_a_publishable_key_names_a_customer_only_with_the_signature() -> None:
    sent = [
        custom("n", customer_id="anna", customer_signature="signed-anna"),
        custom("n", customer_id="anna", customer_signature="signed-boris"),
        custom("n", customer_id="anna"),
        custom("n", customer_id="anna", visitor_id=None),
    ]
    found = parsed(*sent, by=made_sender(trusted=False))
    assert [item.customer_id for item in found.items] == ["anna", None, None]
    assert [(one.index, one.code) for one in found.warnings] == [
        (1, "customer_id_ignored"),
        (2, "customer_id_ignored"),
    ]
    assert [(one.index, one.code) for one in found.rejected] == [(3, "no_unit")]


def test_a_server_key_needs_no_signature() -> None:
    found = parsed(custom("n", customer_id="anna"))
    assert (found.items[0].customer_id, found.warnings) == ("anna", [])


@pytest.mark.parametrize(
    ("trusted", "flags", "codes"), [(True, [CONTRADICTS_HASH], []), (False, [], ["contradicts_assignment"])]
)
def test_an_exposure_against_the_hash_is_flagged_from_a_server_and_refused_from_a_browser(
    trusted: bool,  # noqa: FBT001 - a table of cases
    flags: list[int],
    codes: list[str],
) -> None:
    # visitor "a" has bucket 0.0505 (doctest of assignment.decision.decide), so its variant is `once`
    found = parsed(event("exposure", **EXPOSED | {"variant": "often"}), by=made_sender(trusted=trusted))
    assert [item.flags for item in found.items] == flags
    assert [one.code for one in found.rejected] == codes


def test_a_draft_takes_no_exposures() -> None:
    by = made_sender(experiments={"reuse": Known(state="draft")})
    assert [one.code for one in parsed(event("exposure", **EXPOSED), by=by).rejected] == ["not_started"]


@pytest.mark.parametrize("state", ["paused", "frozen", "stopped", "decided", "archived"])
def test_exposures_that_come_when_nothing_runs_are_stored(state: str) -> None:
    by = made_sender(experiments={"reuse": Known(state=state)})
    assert [item.flags for item in parsed(event("exposure", **EXPOSED), by=by).items] == [0]


def test_where_the_customer_is_randomised_the_customer_id_is_checked() -> None:
    rules = replace(HALVES, unit="customer")
    by = made_sender(experiments={"reuse": Known(rules, unit="customer")})
    exposed = EXPOSED | {"visitor_id": "anyone", "customer_id": "a"}
    wrong = exposed | {"variant": "often"}
    unknown = wrong | {"customer_id": None}
    found = parsed(*(event("exposure", **one) for one in (exposed, wrong, unknown)), by=by)
    assert [item.flags for item in found.items] == [0, CONTRADICTS_HASH, 0]


def test_after_the_decision_the_chosen_variant_is_right_for_everybody() -> None:
    rules = Experiment(
        "reuse", 1, "visitor", "seed", HALVES.variants, HALVES.ranges, "decided", decided_variant="often"
    )
    by = made_sender(experiments={"reuse": Known(rules, "decided")}, trusted=False)
    found = parsed(*(event("exposure", **EXPOSED | {"variant": v}) for v in ("once", "often")), by=by)
    assert len(found.items) == 2


@given(st.text(min_size=1, max_size=20), st.booleans(), st.booleans())
def test_the_split_is_what_decide_says_while_running(unit_id: str, layered: bool, held: bool) -> None:  # noqa: FBT001 - drawn
    rules = Experiment(
        "reuse",
        1,
        "visitor",
        "seed",
        ("once", "often"),
        ((0.0, 0.3), (0.5, 0.8)),
        layer_slot=LayerSlot(Layer("checkout", "layer-seed"), 0.0, 0.5) if layered else None,
        holdouts=(Holdout("all", "holdout-seed", 0.2),) if held else (),
    )
    decided = decide(rules, unit_id, {})
    assert split_variant(rules, unit_id) == (decided.variant if isinstance(decided, Assigned) else None)


def test_the_sums_of_lines_are_known_only_when_every_line_has_a_cost() -> None:
    line = {"sku": "coffee", "quantity": 2, "price_minor": 900, "cost_minor": 400}
    bare = {"sku": "tea", "quantity": 1, "price_minor": 100}
    known, unknown = items(order("o", lines=[line, line]), order("p", lines=[line, bare]))
    assert (known.content["lines_price_minor"], known.content["lines_cost_minor"]) == (3600, 1600)
    assert "lines_cost_minor" not in unknown.content
    assert json.loads(unknown.content["rest"])["lines"][1]["sku"] == "tea"


def test_every_type_of_the_contract_is_taken() -> None:
    sent = [
        event("exposure", **EXPOSED, attributes={"country": "RU", "cities": ["Omsk", None], "vip": True}),
        order(
            "o",
            discount_minor=30,
            codes=["A"],
            discounts=[
                {"code": "A", "amount_minor": 10},
                {"offer": "b", "amount_minor": 10},
                {"other": True, "amount_minor": 5},
                {"amount_minor": 5},
            ],
            fingerprints={"payment": "p"},
            shipping_cost_minor=5,
            tax_minor=1,
            margin_minor=-3,
            gift_cost_minor=2,
            paid=False,
        ),
        order("o", type="order_updated"),
        event("order_cancelled", order_id="o"),
        refund("r", "o", margin_minor=1),
        event("identify", customer_id="c"),
        custom("n", value=-3, value_minor=-4),
        event("message_sent", experiment="reuse", cost_minor=300),
        event("points_earned", points=5, value_minor=500),
        event("points_spent", points=5, value_minor=500),
    ]
    assert [item.content["type"] for item in items(*sent)] == [one["type"] for one in sent]


def test_currencies_are_those_of_cldr_with_the_digits_of_iso_4217() -> None:
    assert list_currencies() >= CURRENCIES
    assert {code: MINOR_DIGITS[code] for code in ("RUB", "USD", "JPY", "KWD", "EUR")} == {
        "RUB": 2,
        "USD": 2,
        "JPY": 0,
        "KWD": 3,
        "EUR": 2,
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted(
    set(order("o")) | set(refund("r", "o")) | {"customer_id", "lines", "discounts", "attributes", "name"}
)


@given(
    st.sampled_from([order("o"), refund("r", "o"), custom("n"), event("exposure", **EXPOSED)]),
    st.sampled_from(FIELDS),
    JSON,
)
def test_anything_in_any_field_is_either_an_item_or_a_named_rejection(
    good: dict[str, Any], name: str, value: Any
) -> None:
    found = parsed(good | {name: value})
    assert len(found.items) + len(found.rejected) == 1
    assert all(one.code and one.detail for one in found.rejected)


@given(JSON)
def test_any_json_as_an_event_is_a_named_rejection(value: Any) -> None:
    found = parse([Raw(json.dumps(value).encode())], made_sender())
    assert [bool(one.code and one.detail) for one in found.rejected] == [True]
