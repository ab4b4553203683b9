"""Bad input is normal: a named 4xx or a named rejected item, never a 500, nothing stored by half."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest

from tests.app.whole.test_from_assignment_to_verdict import definition
from tests.support.inprocess import SIDE_BY_SIDE
from tests.support.live import Live, live_service

GOOD = {
    "event_id": "good",
    "type": "exposure",
    "occurred_at": "2026-01-06T10:00:00+03:00",
    "visitor_id": "v-good",
    "experiment": "threshold",
    "variant": None,
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("bad")) as started:
        with started.client() as http:
            http.post("/api/v1/experiments", json=definition()).raise_for_status()
            http.post("/api/v1/experiments/threshold/start", json=SIDE_BY_SIDE).raise_for_status()
        yield started


@pytest.fixture
def http(live: Live) -> Iterator[httpx.Client]:
    with live.client() as client:
        yield client


def changed(**changes: Any) -> dict[str, Any]:
    """The good definition with dotted fields replaced."""
    made = deepcopy(definition("other"))
    for path, value in changes.items():
        target: Any = made
        *parents, last = path.split("__")
        for part in parents:
            target = target[int(part) if part.isdigit() else part]
        target[last] = value
    return made


BAD_DEFINITIONS: dict[str, tuple[dict[str, Any], str]] = {
    "weights that do not sum to 1": ({"variants__0__weight": 0.7}, "weight"),
    "a negative weight": ({"variants__0__weight": -0.5}, "weight"),
    "two variants with one key": ({"variants__0__key": "from-1000"}, "variants"),
    "a currency that is not the experiment's": ({"variants__0__offer__currency": "USD"}, "currency"),
    "an unknown field": ({"colour": "red"}, "colour"),
    "an unknown field in an offer": ({"variants__0__offer__colour": "red"}, "colour"),
    "an unknown metric": ({"plan__primary": "happiness"}, "primary"),
    "an explanatory primary": ({"plan__primary": "average_order_value"}, "primary"),
    "a naive start": ({"starts_at": "2026-01-05T00:00:00"}, "starts_at"),
    "an unknown zone": ({"timezone": "Europe/Moskva"}, "timezone"),
    "alpha of 1": ({"plan__alpha": 1.0}, "alpha"),
    "an unknown operator in the audience": ({"audience": {"country": {"$is": "RU"}}}, "audience"),
    "a key with spaces": ({"key": "my test"}, "key"),
    "a short seed": ({"seed": "abc"}, "seed"),
    "a percent as text": ({"plan__power": "0.8"}, "power"),
}


@pytest.mark.parametrize("name", sorted(BAD_DEFINITIONS))
def test_a_bad_definition_is_refused_naming_the_field(http: httpx.Client, name: str) -> None:
    changes, field = BAD_DEFINITIONS[name]
    answer = http.post("/api/v1/experiments", json=changed(**changes))
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in (answer.json()["field"] or ""), answer.text
    assert http.get("/api/v1/experiments/other").status_code == 404


def test_overlapping_ranges_in_one_layer_are_refused(http: httpx.Client) -> None:
    assert http.put("/api/v1/layers/checkout", json={}).is_success
    for key, reason in (("left", SIDE_BY_SIDE), ("right", {})):
        body = definition(key) | {"layer": {"key": "checkout", "range": [0, 0.6]}}
        created = http.post("/api/v1/experiments", json=body)
        started = created
        if created.is_success:
            started = http.post(f"/api/v1/experiments/{key}/start", json=reason)
    assert started.status_code in {409, 422}, started.text
    assert "left" in started.text


BAD_EVENTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown experiment": ({"experiment": "nowhere"}, "unknown_experiment"),
    "wrong variant": ({"variant": "from-2000"}, "unknown_variant"),
    "naive time": ({"occurred_at": "2026-01-06T10:00:00"}, "naive_time"),
    "a time in the future": ({"occurred_at": "2999-01-06T10:00:00Z"}, "future_time"),
    "unknown type": ({"type": "dance"}, "unknown_type"),
}


@pytest.mark.parametrize("name", sorted(BAD_EVENTS))
def test_a_bad_event_in_a_good_batch_is_named_and_the_rest_is_stored(http: httpx.Client, name: str) -> None:
    changes, code = BAD_EVENTS[name]
    slug = name.replace(" ", "-")
    good = GOOD | {"event_id": f"good-{slug}", "visitor_id": slug, "variant": _variant(http, slug)}
    bad = good | {"event_id": f"bad-{slug}"} | changes
    answer = http.post("/api/v1/events", json={"events": [bad, good]})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["accepted"], found["duplicates"]) == (1, 0)
    assert [(one["index"], one["code"]) for one in found["rejected"]] == [(0, code)]


def _variant(http: httpx.Client, visitor_id: str) -> str:
    body = {"visitor_id": visitor_id, "experiments": ["threshold"]}
    return str(http.post("/api/v1/assignments", json=body).json()["assignments"][0]["variant"])


def test_an_unknown_field_of_an_event_is_rejected_by_name(http: httpx.Client) -> None:
    found = http.post(
        "/api/v1/events", json={"events": [GOOD | {"variant": "from-1000", "colour": "red"}]}
    ).json()
    assert found["accepted"] == 0
    assert "colour" in found["rejected"][0]["detail"]


BAD_BODIES: dict[str, tuple[bytes, set[int]]] = {
    "not JSON": (b"{", {400, 422}),
    "not a number": (b'{"events":[{"event_id":"n","type":"custom","name":"x","value":NaN}]}', {400, 200}),
    "an infinite number": (
        b'{"events":[{"event_id":"n","type":"custom","name":"x","value":1e400}]}',
        {400, 200},
    ),
    "a lone surrogate": (b'{"events":[{"event_id":"\\ud800","type":"custom","name":"x"}]}', {400, 200}),
    "an unknown envelope field": (b'{"events":[],"colour":1}', {400, 422}),
    "no events": (b"{}", {400, 422}),
    "two mebibytes": (b'{"events":[' + b" " * (2 * 1024 * 1024) + b"]}", {413}),
    "deep nesting": (b'{"events":' + b"[" * 50_000 + b"]" * 50_000 + b"}", {400, 200, 422}),
}


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/assignments", "/api/v1/experiments"])
@pytest.mark.parametrize("name", sorted(BAD_BODIES))
def test_a_bad_body_is_a_4xx_and_stores_nothing(http: httpx.Client, name: str, path: str) -> None:
    body, statuses = BAD_BODIES[name]
    answer = http.post(path, content=body, headers={"content-type": "application/json"})
    empty = name == "no events" and path == "/api/v1/assignments"  # nobody asked: everybody is NO_UNIT
    allowed = {200} if empty else statuses if path == "/api/v1/events" else {400, 413, 422}
    assert answer.status_code in allowed, answer.text
    assert len(answer.content) < 5_000
    if answer.status_code == 200:
        assert not answer.json().get("accepted")


@pytest.mark.parametrize("key", [None, "olk_srv_" + "x" * 43, "nonsense", "olk_adm_ы"])
@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/assignments", "/api/v1/experiments"])
def test_a_missing_or_unknown_key_is_401(live: Live, key: str | None, path: str) -> None:
    headers = {} if key is None else {b"x-api-key": key.encode()}
    answer = httpx.post(live.url + path, json={}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_experiment_is_404_everywhere(http: httpx.Client) -> None:
    asked = http.post("/api/v1/assignments", json={"visitor_id": "v", "experiments": ["nowhere"]})
    assert asked.status_code == 404
    for path in ("", "/results", "/export/orders.csv"):
        assert http.get(f"/api/v1/experiments/nowhere{path}").status_code == 404


def test_a_started_experiment_is_immutable_and_the_field_is_named(http: httpx.Client) -> None:
    answer = http.patch("/api/v1/experiments/threshold", json={"seed": "f" * 16})
    assert answer.status_code == 409
    assert answer.json()["field"] == "seed"


@pytest.mark.parametrize("as_of", ["yesterday", "2026-13-01", "2026-01-01T00:00:00"])
def test_a_bad_as_of_is_named(http: httpx.Client, as_of: str) -> None:
    answer = http.get("/api/v1/experiments/threshold/results", params={"as_of": as_of})
    assert answer.status_code == 422
    assert answer.json()["field"] == "as_of"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/api/v1/events", 405),
        ("GET", "/api/v1/assignments", 405),
        ("GET", "/ofrep/v1/evaluate/flags/threshold", 405),
        ("DELETE", "/api/v1/experiments", 405),
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/nothing", 404),
    ],
)
def test_a_wrong_method_or_path_is_a_problem_document(
    http: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    if status == 405:
        assert answer.headers["allow"]


def test_the_service_still_answers(http: httpx.Client) -> None:
    assert http.get("/livez").json() == {"status": "ok"}
    assert http.get("/readyz").json()["status"] == "ok"
