"""GrowthBook SDKs. Oracles: the real Python SDK on our payload, the assignments door, its plugins' words."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from growthbook import GrowthBook

from app.edge.growthbook import payload
from assignment.decision import Assigned, decide
from tests.support.inprocess import DEFINITION, InProcess, in_process

KEY = "promo-code-reuse"


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(sqlite_url, tmp_path) as running:
        yield running


def key_of(service: InProcess, kind: str = "pub") -> str:
    return service.keys[kind]


def features(service: InProcess, **headers: str) -> httpx.Response:
    return service.call("GET", f"/api/features/{key_of(service)}", kind=None, headers=headers)


def sdk_value(service: InProcess, attributes: dict[str, Any], key: str = KEY) -> Any:
    shown = json.loads(features(service).content)["features"]
    return GrowthBook(attributes=attributes, features=shown).eval_feature(key)


def test_only_experiments_that_may_be_seen_are_in_the_payload(service: InProcess) -> None:
    service.running(key="hidden")
    service.running(key="open", local_evaluation=True)
    service.create(key="draft", local_evaluation=True)
    found = features(service)
    assert found.status_code == 200
    assert list(found.json()["features"]) == ["open"]
    assert found.headers["x-sse-support"] == "enabled"
    assert found.json()["experiments"] == []
    assert "budget" not in found.text


def test_an_unchanged_payload_is_not_sent_twice_and_a_changed_one_has_another_date(
    service: InProcess,
) -> None:
    service.running(local_evaluation=True)
    first = features(service)
    again = features(service, **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    service.act(KEY, "pause")
    changed = features(service, **{"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.json()["dateUpdated"] != first.json()["dateUpdated"]  # SDKs take it for a version
    assert changed.json()["features"][KEY]["rules"] == []


def test_a_start_that_has_come_changes_the_date_without_a_change_of_the_configuration(
    service: InProcess,
) -> None:
    service.running(local_evaluation=True, starts_at="2026-06-01T00:00:00Z")
    before = features(service).json()
    assert before["features"][KEY]["rules"] == []
    service.clock.advance(40 * 86_400)
    after = features(service).json()
    assert len(after["features"][KEY]["rules"]) == 1
    assert after["dateUpdated"] != before["dateUpdated"]


def test_the_sdk_gives_every_unit_the_variant_of_the_server(service: InProcess) -> None:
    service.call("PUT", "/api/v1/layers/cart", {"seed": "feedfacefeedface"})
    service.call("PUT", "/api/v1/holdouts/global", {"share": 0.05, "seed": "cafecafecafecafe"})
    weights = ([0.5, 0.5], [0.9, 0.1], [0.3333, 0.6667])
    for number in range(20):
        share = weights[number % 3]
        variants = [
            {**variant, "weight": weight}
            for variant, weight in zip(DEFINITION["variants"], share, strict=True)
        ]
        service.running(
            key=f"exp-{number}",
            seed=f"{number:016x}",
            variants=variants,
            coverage=(1.0, 0.37, 0.9999)[number % 3],
            layer={"key": "cart", "range": [0.0, 0.5]} if number == 0 else None,
            local_evaluation=True,
            audience={"country": {"$in": ["RU", "KZ"]}} if number % 2 else {},
        )
    shown = json.loads(features(service).content)["features"]
    snapshot = service.services.snapshots.current
    units = [f"v-{n}" for n in range(480)] + [f"Мария-{n}" for n in range(10)]
    units += [f"שרה-{n}" for n in range(5)] + ["🛒", "👩‍👩‍👧", "é", "e\u0301", "a" * 200]
    different, enrolled = [], 0
    for unit in units:
        attributes = {"id": unit, "country": "RU"}
        sdk = GrowthBook(attributes=attributes, features=shown)
        for served in snapshot.listed:
            ours = decide(served.rules, unit, attributes)
            theirs = sdk.eval_feature(served.key)
            variant = ours.variant if isinstance(ours, Assigned) else None
            found = theirs.experimentResult.key if theirs.experimentResult else None
            enrolled += variant is not None
            if found != variant:
                different.append((unit, served.key, variant, found))
    assert different == []
    assert 5_000 < enrolled < 9_500  # some in, some out


@pytest.mark.parametrize("bot", [True, False])
def test_crawlers_and_strangers_get_the_fallback(service: InProcess, bot: bool) -> None:  # noqa: FBT001 - a table
    service.running(local_evaluation=True, audience={"country": "RU"})
    seen = sdk_value(service, {"id": "v-1", "country": "RU", "bot": bot})
    assert (seen.experimentResult is None) == bot
    stranger = sdk_value(service, {"id": "v-1", "country": "DE"})
    assert (stranger.value, stranger.source) == (None, "defaultValue")


def test_a_decision_forces_the_chosen_offer_and_the_hold_back_keeps_its_split(service: InProcess) -> None:
    service.running(local_evaluation=True)
    service.act(KEY, "stop")
    body = {"variant": "reusable", "reason": "won", "hold_back_share": 0.3}
    assert service.act(KEY, "decide", body).status_code == 200
    shown = json.loads(features(service).content)["features"]
    rules = service.services.snapshots.current.experiments[KEY].rules
    reasons = set()
    for number in range(300):
        ours = decide(rules, f"v-{number}", {})
        assert isinstance(ours, Assigned)
        theirs = GrowthBook(attributes={"id": f"v-{number}"}, features=shown).eval_feature(KEY)
        percent = {"single-use": 10, "reusable": 15}[ours.variant]
        assert (theirs.value or {})["percent"] == percent
        assert (theirs.source == "experiment") == ours.in_experiment
        reasons.add(ours.reason)
    assert reasons == {"SPLIT", "DECIDED"}


def test_stopped_means_the_fallback_and_archived_means_nothing(service: InProcess) -> None:
    service.running(local_evaluation=True)
    service.act(KEY, "stop")
    assert features(service).json()["features"][KEY] == {"defaultValue": None, "rules": []}
    service.act(KEY, "decide", {"variant": "reusable", "reason": "won"})
    service.act(KEY, "archive")
    assert features(service).json()["features"] == {}


@pytest.mark.parametrize("path", ["/api/features/", "/sub/", "/api/eval/"])
def test_a_key_in_the_address_must_be_publishable(service: InProcess, path: str) -> None:
    method = "POST" if "eval" in path else "GET"
    for kind, status in (("srv", 403), ("adm", 403), ("ro", 403)):
        answer = service.call(method, path + key_of(service, kind), kind=None)
        assert answer.status_code == status
        assert key_of(service, kind) not in answer.text
    assert service.call(method, path + "olk_pub_unknown", kind=None).status_code == 401
    assert service.call("POST", "/track", content=b"[]", kind=None).status_code == 401


def test_a_stream_begins_with_the_payload(service: InProcess) -> None:
    service.running(local_evaluation=True)
    status, said = service.open_stream(f"/sub/{key_of(service)}", None)
    snapshot = service.services.snapshots.current
    expected = payload(snapshot, service.clock.now_us())
    assert (status, said) == (200, b"event: features\ndata: %b\n\n" % expected)


# ---- remote evaluation


def evaluate(service: InProcess, **attributes: Any) -> dict[str, Any]:
    body = {"attributes": attributes, "forcedVariations": {}, "forcedFeatures": [], "url": ""}
    answer = service.call("POST", f"/api/eval/{key_of(service)}", body, kind=None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["features"]
    return found


def test_remote_evaluation_is_the_assignment_and_shows_no_other_offer(service: InProcess) -> None:
    service.running(audience={"country": "RU"})  # not for browsers: remote evaluation has it all the same
    for number in range(20):
        unit = f"v-{number}"
        ours = service.assign(visitor_id=unit, attributes={"country": "RU"}).json()["assignments"][0]
        shown = evaluate(service, id=unit, country="RU")
        theirs = GrowthBook(attributes={"id": unit}, features=shown).eval_feature(KEY)
        assert theirs.value == ours["offer"]
        track = shown[KEY]["rules"][0]["tracks"][0]
        assert track["result"]["key"] == ours["variant"]
        other = 15 if ours["offer"]["percent"] == 10 else 10
        assert f'"percent":{other}' not in json.dumps(shown, separators=(",", ":"))
    assert evaluate(service, id="v-1", country="DE")[KEY] == {"defaultValue": None, "rules": []}
    assert evaluate(service, country="RU")[KEY]["rules"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "not_json"),
        (b"[]", 422, "invalid_field"),
        (b'{"attributes": 5}', 422, "invalid_field"),
        (b'{"attributes": {"id": 5}}', 422, "invalid_field"),
        (b'{"attributes": {"id": "' + b"a" * 201 + b'"}}', 422, "invalid_field"),
    ],
)
def test_a_bad_evaluation_is_named(service: InProcess, body: bytes, status: int, code: str) -> None:
    answer = service.call("POST", f"/api/eval/{key_of(service)}", content=body, kind=None)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


# ---- tracking plugins


def viewed(unit: str, variation: str, **more: Any) -> dict[str, Any]:
    """What the JavaScript plugin sends."""
    properties = {"experimentId": KEY, "variationId": variation, "hashAttribute": "id", "hashValue": unit}
    return {"event_name": "Experiment Viewed", "properties_json": properties, "device_id": unit, **more}


def track(service: InProcess, items: Any, kind: str = "pub") -> httpx.Response:
    return service.call(
        "POST",
        f"/track?client_key={key_of(service, kind)}",
        content=json.dumps(items).encode(),
        kind=None,
        headers={"content-type": "text/plain"},
    )


def variant_of(service: InProcess, unit: str) -> tuple[str, int]:
    assigned = service.assign(visitor_id=unit).json()["assignments"][0]["variant"]
    return assigned, ["single-use", "reusable"].index(assigned)


def test_exposures_of_both_sdks_are_stored_once(service: InProcess) -> None:
    service.running(local_evaluation=True)
    variant, position = variant_of(service, "v-1")
    python: dict[str, Any] = {
        "event_name": "$$experiment_viewed",
        "properties_json": {
            "experiment_id": KEY,
            "variation_id": position,
            "variation_key": variant,
            "hash_attribute": "id",
            "hash_value": "v-1",
        },
        "context_json": {"country": "RU", "url": "https://shop.test/?q=secret", "deep": {}},
    }
    evaluated = {"event_name": "Feature Evaluated", "properties_json": {"feature": KEY}}
    first = track(service, [viewed("v-1", variant), evaluated]).json()
    assert first == {"ok": True, "accepted": 1, "duplicates": 0, "ignored": 1, "rejected": []}
    service.clock.advance(60)
    for again in (viewed("v-1", variant), viewed("v-1", str(position)), python):
        assert track(service, [again]).json()["duplicates"] == 1
    other, place = variant_of(service, "v-2")
    python["properties_json"] |= {"variation_id": place, "variation_key": other, "hash_value": "v-2"}
    assert track(service, [python]).json()["accepted"] == 1
    service.clock.advance(1)
    rows = service.call("GET", f"/api/v1/experiments/{KEY}/export/exposures.csv", kind="ro").text
    assert rows.count("\n") == 3
    assert "secret" not in rows


def test_a_lie_an_order_and_a_stranger_are_not_stored(service: InProcess) -> None:
    service.running(local_evaluation=True)
    variant, _ = variant_of(service, "v-1")
    wrong = "single-use" if variant == "reusable" else "reusable"
    order = {"event_name": "Order Completed", "properties_json": {"order_id": "o-1", "revenue": 2990}}
    signed_up = {"event_name": "Sign Up", "device_id": "v-1"}
    told = track(
        service,
        [order, viewed("v-1", wrong), viewed("v-1", "green"), signed_up],
    ).json()
    assert (told["accepted"], told["ignored"]) == (1, 1)
    assert [(entry["index"], entry["code"]) for entry in told["rejected"]] == [
        (1, "contradicts_assignment"),
        (2, "unknown_variant"),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"nonsense", 400), (b"{}", 422), (b"[5]", 422), (b"[" + b"{}," * 1000 + b"{}]", 422)],
)
def test_a_bad_track_is_refused_as_a_whole(service: InProcess, body: bytes, status: int) -> None:
    answer = service.call("POST", f"/track?client_key={key_of(service)}", content=body, kind=None)
    assert answer.status_code == status


def test_properties_may_come_as_text(service: InProcess) -> None:
    service.running(local_evaluation=True)
    variant, _ = variant_of(service, "v-1")
    item = viewed("v-1", variant)
    item["properties_json"] = json.dumps(item["properties_json"])
    assert track(service, [item]).json()["accepted"] == 1
