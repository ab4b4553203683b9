"""Every broken definition is a named 4xx, none a 500, nothing stored. Oracle: the list below, by hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.inprocess import InProcess, definition, in_process


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("bad")
    path = folder / "offerlab.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{path}", folder) as running:
        yield running


def _plan(**fields: Any) -> dict[str, Any]:
    return {**definition()["plan"], **fields}


def _variants(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    given: list[dict[str, Any]] = definition()["variants"]
    return [{**variant, **change} for variant, change in zip(given, changes, strict=False)] + given[
        len(changes) :
    ]


def _offer(**offer: Any) -> list[dict[str, Any]]:
    return _variants({"offer": offer})


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("upper-case key", {"key": "Promo"}, "key"),
    ("key with a slash", {"key": "a/b"}, "key"),
    ("unknown field", {"colour": "red"}, "colour"),
    ("one variant", {"variants": definition()["variants"][:1]}, "variants"),
    ("two controls", {"variants": _variants({}, {"control": True})}, "variants"),
    ("no control", {"variants": _variants({"control": False})}, "variants"),
    ("weights of 0.9", {"variants": _variants({"weight": 0.4})}, "variants.weight"),
    ("weight 0", {"variants": _variants({"weight": 0}, {"weight": 1})}, "variants.0.weight"),
    ("weight as text", {"variants": _variants({"weight": "0.5"})}, "variants.0.weight"),
    ("same variant twice", {"variants": _variants({}, {"key": "single-use"})}, "variants.1.key"),
    ("unknown field of a variant", {"variants": _variants({"colour": 1})}, "variants.0.colour"),
    ("overlapping ranges", {"variants": _variants({"range": [0, 0.5]}, {"range": [0.4, 0.9]})}, "variants"),
    ("empty range", {"variants": _variants({"range": [0.5, 0.5]}, {"range": [0.5, 1]})}, "variants.0.range"),
    ("range of one arm", {"variants": _variants({"range": [0, 0.5]})}, "variants.1.range"),
    ("range not the weight", {"variants": _variants({"range": [0, 0.1]}, {"range": [0.5, 1]})},
     "variants.0.range"),
    ("coverage above 1", {"coverage": 1.01}, "coverage"),
    ("coverage below 0", {"coverage": -0.1}, "coverage"),
    ("short seed", {"seed": "abc"}, "seed"),
    ("unknown layer", {"layer": {"key": "nowhere", "range": [0, 1]}}, "layer.key"),
    ("layer backwards", {"layer": {"key": "nowhere", "range": [0.5, 0.2]}}, "layer.range"),
    ("unknown operator", {"audience": {"n": {"$regx": "a"}}}, "audience"),
    ("NUL in the audience", {"audience": {"name": "a\0b"}}, "audience.name"),
    ("offer of another currency", {"variants": _offer(kind="amount_off", amount_minor=1, currency="USD")},
     "variants.0.offer.currency"),
    ("currency in small letters", {"economics": {"currency": "rub"}}, "economics.currency"),
    ("margin above 1", {"economics": {"currency": "RUB", "margin_share": 1.5}}, "economics.margin_share"),
    ("margin backwards", {"economics": {"currency": "RUB", "margin_share": [0.5, 0.2]}},
     "economics.margin_share"),
    ("money metric without economics", {"economics": None}, "economics"),
    ("unknown kind", {"variants": _offer(kind="free_lunch")}, "variants.0.offer.kind"),
    ("offer without kind", {"variants": _offer(percent=10)}, "variants.0.offer.kind"),
    ("percent above 100", {"variants": _offer(kind="percent_off", percent=101)}, "variants.0.offer.percent"),
    ("percent missing", {"variants": _offer(kind="percent_off")}, "variants.0.offer.percent"),
    ("fraction of a minor unit", {"variants": _offer(kind="amount_off", amount_minor=0.5)},
     "variants.0.offer.amount_minor"),
    ("gift without product", {"variants": _offer(kind="gift")}, "variants.0.offer.product"),
    ("uses of 0", {"variants": _offer(kind="percent_off", percent=5, code={"uses_per_customer": 0})},
     "variants.0.offer.code.uses_per_customer"),
    ("falling tiers", {"variants": _offer(kind="cumulative_discount",
      tiers=[{"from_minor": 5, "percent": 5}, {"from_minor": 1, "percent": 10}])},
     "variants.0.offer.tiers.1.from_minor"),
    ("unknown metric", {"plan": _plan(primary="happiness")}, "plan.primary"),
    ("explanatory primary", {"plan": _plan(primary="average_order_value")}, "plan.primary"),
    ("unknown metric as guardrail",
     {"plan": _plan(guardrails=[{"metric": "x", "non_inferiority_margin": 0.1}])}, "plan.guardrails"),
    ("refunds as primary", {"plan": _plan(primary="refund_rate")}, "plan.primary"),
    ("bunching as guardrail",
     {"plan": _plan(guardrails=[{"metric": "threshold_bunching", "non_inferiority_margin": 0.1}])},
     "plan.guardrails"),
    ("a display as primary", {"plan": _plan(primary="profit_per_incremental_order")}, "plan.primary"),
    ("orders of no product", {"plan": _plan(primary="sku_orders_per_unit")}, "plan.primary.sku"),
    ("a product for the wrong metric",
     {"plan": _plan(secondary=["conversion_rate", {"key": "orders_per_unit", "sku": "tea"}])},
     "plan.secondary.1.sku"),
    ("an empty product", {"plan": _plan(secondary=[{"key": "sku_orders_per_unit", "sku": ""}])},
     "plan.secondary.0"),
    ("an event without a name", {"plan": _plan(secondary=["custom:"])}, "plan.secondary.0.key"),
    ("an event spelled otherwise", {"plan": _plan(secondary=["event:opened"])}, "plan.secondary"),
    ("an unknown statistic", {"plan": _plan(secondary=[{"key": "custom:opened", "statistic": "median"}])},
     "plan.secondary.0"),
    ("a statistic for the wrong guardrail",
     {"plan": _plan(guardrails=[{"metric": {"key": "unsubscribe_rate", "statistic": "count"},
                                 "non_inferiority_margin": 0.1}])},
     "plan.guardrails.0.metric.statistic"),
    ("a threshold of 0", {"plan": _plan(secondary=[{"key": "threshold_bunching", "threshold_minor": 0}])},
     "plan.secondary.0"),
    ("bunching at no threshold",
     {"plan": _plan(secondary=["threshold_bunching"]),
      "variants": _variants({"offer": {"kind": "none"}}, {"offer": {"kind": "none"}})},
     "plan.secondary"),
    ("money of events without economics",
     {"economics": None, "plan": _plan(guardrails=[], secondary=[
         {"key": "custom:opened", "statistic": "sum_minor"}])}, "economics"),
    ("margin of 1", {"plan": _plan(guardrails=[{"metric": "profit_per_unit", "non_inferiority_margin": 1}])},
     "plan.guardrails.0.non_inferiority_margin"),
    ("alpha of 0", {"plan": _plan(alpha=0)}, "plan.alpha"),
    ("power of 1", {"plan": _plan(power=1)}, "plan.power"),
    ("no mde", {"plan": {k: v for k, v in _plan().items() if k != "mde"}}, "plan.mde"),
    ("window of 0 days", {"plan": _plan(window_days=0)}, "plan.window_days"),
    ("days as truth", {"plan": _plan(window_days=True)}, "plan.window_days"),
    ("max_days below min_days", {"plan": _plan(min_days=20, max_days=10)}, "plan.max_days"),
    ("unknown spending", {"plan": _plan(spending="lavish")}, "plan.spending"),
    ("one primary twice", {"plan": _plan(primary=["conversion_rate", "conversion_rate"])}, "plan.primary"),
    ("naive start", {"starts_at": "2026-06-01T00:00:00"}, "starts_at"),
    ("a date for a moment", {"starts_at": "2026-06-01"}, "starts_at"),
    ("31 February", {"starts_at": "2026-02-31T00:00:00Z"}, "starts_at"),
    ("end before start", {"starts_at": "2026-06-02T00:00:00Z", "ends_at": "2026-06-01T00:00:00Z"}, "ends_at"),
    ("unknown zone", {"timezone": "Mars/Olympus"}, "timezone"),
    ("number for a name", {"name": 5}, "name"),
    ("null for the plan", {"plan": None}, "plan"),
    ("half a character", {"hypothesis": "\ud800"}, "hypothesis"),
    ("too large an integer", {"audience": {"n": 2**63}}, "audience.n"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "field"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_broken_definition_is_422_and_names_its_field(
    service: InProcess, fields: dict[str, Any], field: str
) -> None:
    body = json.dumps(definition(**fields)).encode()
    answer = service.call("POST", "/api/v1/experiments", content=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert service.call("GET", "/api/v1/experiments").json()["items"] == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_422_and_named(service: InProcess, number: str) -> None:
    body = json.dumps(definition(coverage=12345)).replace("12345", number).encode()
    answer = service.call("POST", "/api/v1/experiments", content=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "coverage")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"", 422),
        (b"\xff\xfe\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 500 + b"1" + b"}" * 500, 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b"null", 422),
        (b'{"coverage": ' + b"9" * 5000 + b"}", 400),
    ],
    ids=["half", "empty", "not UTF-8", "open brackets", "deep", "list", "text", "null", "long integer"],
)
def test_bodies_that_are_no_definition_are_refused(service: InProcess, content: bytes, status: int) -> None:
    answer = service.call("POST", "/api/v1/experiments", content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert len(answer.content) < 10_000, "the input is not echoed"


def test_a_body_of_2_mib_is_413(service: InProcess) -> None:
    answer = service.call("POST", "/api/v1/experiments", content=b'"' + b"a" * 2 * 1024 * 1024 + b'"')
    assert answer.status_code == 413


def test_a_body_that_is_not_json_by_its_type_is_415(service: InProcess) -> None:
    answer = service.call(
        "POST", "/api/v1/experiments", content=b"key=promo", headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 415


def test_the_input_is_never_echoed(service: InProcess) -> None:
    secret = "a-secret-nobody-should-see"
    answer = service.call(
        "POST", "/api/v1/experiments", definition(coverage=secret, unit=secret, seed=secret)
    )
    assert answer.status_code == 422
    assert secret not in answer.text


@pytest.mark.parametrize("key", ["unknown", "UPPER", "%00", "a%2Fb", "%F0%9F%92%A9", "x" * 500])
def test_an_unknown_key_is_404(service: InProcess, key: str) -> None:
    assert service.call("GET", f"/api/v1/experiments/{key}").status_code == 404
    assert service.call("POST", f"/api/v1/experiments/{key}/start").status_code == 404


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from(sorted(definition())), value=_json)
def test_any_json_in_any_field_is_accepted_or_4xx(service: InProcess, field: str, value: Any) -> None:
    body = json.dumps(definition(**{field: value})).encode()
    answer = service.call("POST", "/api/v1/experiments", content=body, kind="mgr")
    assert answer.status_code in {201, 409, 422}, answer.text
