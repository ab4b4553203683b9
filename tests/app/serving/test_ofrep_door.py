"""OpenFeature Remote Evaluation. Oracle: OFREP 0.3.0 and what its real clients need (the clients page)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.inprocess import InProcess, definition, in_process

KEY = "promo-code-reuse"
FLAGS = "/ofrep/v1/evaluate/flags"


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(sqlite_url, tmp_path) as running:
        yield running


def _flag(service: InProcess, key: str = KEY, kind: str = "pub", **context: Any) -> httpx.Response:
    return service.call("POST", f"{FLAGS}/{key}", {"context": {"targetingKey": "v-1", **context}}, kind)


def test_a_flag_is_the_offer_of_the_assignment(service: InProcess) -> None:
    service.running(audience={"country": "RU"})
    assigned = service.assign(visitor_id="v-1", attributes={"country": "RU"}, experiments=[KEY]).json()[
        "assignments"
    ][0]
    answer = _flag(service, country="RU")
    found = answer.json()
    assert answer.status_code == 200
    assert (found["key"], found["value"], found["variant"]) == (KEY, assigned["offer"], assigned["variant"])
    assert found["reason"] == "SPLIT"
    assert found["metadata"]["assignmentReason"] == "SPLIT"
    assert all(isinstance(value, str | int) for value in found["metadata"].values()), "metadata is flat"


@pytest.mark.parametrize(
    ("steps", "reason", "why"),
    [(["pause"], "DEFAULT", "PAUSED"), (["freeze"], "DEFAULT", "FROZEN"), (["stop"], "DISABLED", "ENDED")],
)
def test_outside_the_value_is_never_missing(
    service: InProcess, steps: list[str], reason: str, why: str
) -> None:
    service.running()
    for step in steps:
        service.act(KEY, step)
    found = _flag(service).json()
    assert (found["value"], found["variant"], found["reason"]) == ({}, None, reason)
    assert found["metadata"]["assignmentReason"] == why


def test_a_decided_flag_is_static(service: InProcess) -> None:
    service.running()
    service.act(KEY, "stop")
    service.act(KEY, "decide", {"variant": "reusable", "reason": "yes"})
    found = _flag(service).json()
    assert (found["variant"], found["reason"], found["value"]["percent"]) == ("reusable", "STATIC", 15)


@pytest.mark.parametrize("key", ["unknown", "a-draft", "a/b", "%F0%9F%92%A9"])
def test_an_unknown_or_draft_flag_is_not_found(service: InProcess, key: str) -> None:
    service.create(key="a-draft")
    answer = _flag(service, key)
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "FLAG_NOT_FOUND")
    assert set(answer.json()) == {"key", "errorCode", "errorDetails"}


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "PARSE_ERROR"),
        (b"\xff", 400, "PARSE_ERROR"),
        (b'{"context":' * 5000, 400, "PARSE_ERROR"),
        (b'{"context":{}}', 400, "TARGETING_KEY_MISSING"),
        (b"{}", 400, "TARGETING_KEY_MISSING"),
        (b'{"context":{"targetingKey":""}}', 400, "TARGETING_KEY_MISSING"),
        (b'{"context":{"targetingKey":5}}', 400, "INVALID_CONTEXT"),
        (b'{"context":[]}', 400, "INVALID_CONTEXT"),
        (b"[]", 400, "INVALID_CONTEXT"),
        (b'"' + b"a" * 2 * 1024 * 1024 + b'"', 413, "GENERAL"),
    ],
)
@pytest.mark.parametrize("path", [f"{FLAGS}/{KEY}", FLAGS])
def test_a_bad_request_gets_ofreps_own_error_body(
    service: InProcess, path: str, content: bytes, status: int, code: str
) -> None:
    service.running()
    answer = service.call("POST", path, content=content, kind="pub")
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    assert answer.json()["errorDetails"]


def test_keys_are_refused_in_ofreps_own_body(service: InProcess) -> None:
    missing = service.call("POST", FLAGS, {"context": {"targetingKey": "v"}}, kind=None)
    wrong = service.call("POST", FLAGS, {"context": {"targetingKey": "v"}}, kind="ro")
    assert (missing.status_code, missing.json()["errorCode"]) == (401, "GENERAL")
    assert (wrong.status_code, wrong.json()["errorCode"]) == (403, "GENERAL")


def test_bulk_has_every_served_flag_and_an_etag_of_context_and_version(service: InProcess) -> None:
    service.running(key="one")
    service.running(key="two", variants=definition()["variants"])
    service.create(key="draft")
    body = {"context": {"targetingKey": "v-1"}}
    first = service.call("POST", FLAGS, body, "pub")
    assert [flag["key"] for flag in first.json()["flags"]] == ["one", "two"]
    same = service.call("POST", FLAGS, body, "pub", headers={"if-none-match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    service.act("two", "pause")
    changed = service.call("POST", FLAGS, body, "pub", headers={"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_an_ended_flag_says_so_in_bulk_until_it_is_archived(service: InProcess) -> None:
    service.running(key="one")
    service.running(key="two")
    service.act("two", "stop")
    body = {"context": {"targetingKey": "v-1"}}
    flags = service.call("POST", FLAGS, body, "pub").json()["flags"]
    assert [(flag["key"], flag["reason"]) for flag in flags] == [("one", "SPLIT"), ("two", "DISABLED")]
    service.act("two", "archive")
    assert [flag["key"] for flag in service.call("POST", FLAGS, body, "pub").json()["flags"]] == ["one"]


def test_a_browser_is_told_where_to_hear_of_changes_and_a_server_is_not(service: InProcess) -> None:
    service.running()
    body = {"context": {"targetingKey": "v-1"}}
    (stream,) = service.call("POST", FLAGS, body, "pub").json()["eventStreams"]
    assert stream["type"] == "sse"
    address = stream["endpoint"]["requestUri"]
    assert address.startswith("/ofrep/v1/events?client_key=olk_pub_")
    assert "eventStreams" not in service.call("POST", FLAGS, body, "srv").json()
    since = address.rpartition("since=")[2]
    status, said = service.open_stream("/ofrep/v1/events", "pub", f"since={since}")
    assert (status, said) == (200, b": here\n\n")
    service.act(KEY, "pause")
    status, said = service.open_stream("/ofrep/v1/events", "pub", f"since={since}")
    assert b'data: {"type":"refetchEvaluation"}' in said
    assert service.open_stream("/ofrep/v1/events", "srv")[0] == 403
    assert service.open_stream("/ofrep/v1/events", None, "client_key=olk_pub_wrong")[0] == 401
