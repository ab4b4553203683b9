"""Every door that takes a body × every hostile body: a 4xx in time, nothing echoed, the service lives."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from tests.app.whole.test_from_assignment_to_verdict import definition
from tests.support.postgres import administer
from tests.support.served import Served, served

METHODS = ("post", "put", "patch", "delete")
MARK = "echo-me-7f3a"
LONGEST_SECONDS = 1.0
LONGEST_ANSWER = 8_000
LONGEST_ECHO = 1_000
DEEP = 10_000
VALUES: dict[str, bytes] = {
    "not a number": b"NaN",
    "an infinite number": b"-Infinity",
    "1e400": b"1e400",
    "a huge integer": b"9" * 400,
    "half a character": rb'"\ud800"',
    "half a character as a name": rb'{"\udfff":1}',
    "a NUL": rb'"a\u0000b"',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a text": b'"' + MARK.encode() + b'"',
    "a list of texts": b'["' + MARK.encode() + b'"]',
    "an object": b'{"' + MARK.encode() + b'":1}',
    "a negative number": b"-1",
    "a number between": b"0.5",
    "a truth": b"true",
    "nothing": b"null",
}
BODIES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{" + MARK.encode(),
    "a list": b'["' + MARK.encode() + b'"]',
    "bare text": b'"' + MARK.encode() + b'"',
    "not UTF-8": b'{"a":"\xff\xfe' + MARK.encode() + b'"}',
    "a byte order mark": b"\xef\xbb\xbf[]",
    "two mebibytes": b'{"' + MARK.encode() + b'":"' + b"x" * (2 << 20) + b'"}',
    "an unknown field": b'{"' + MARK.encode() + b'":1}',
    "a deep list": b"[" * 100_000,
}


class Door(NamedTuple):
    """One operation that takes a body."""

    method: str
    path: str
    fields: tuple[str, ...]
    kind: str


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    url = ""
    if request.param == "postgresql":
        server = str(request.getfixturevalue("postgres_template"))
        name = f"hostile_{uuid4().hex[:8]}"  # a worker may come to this module twice
        administer(server, f"CREATE DATABASE {name} TEMPLATE template_offerlab")
        url = server.replace("/postgres?", f"/{name}?")
    with served(tmp_path_factory.mktemp("hostile"), url) as started:
        yield prepared(started)


def prepared(live: Served) -> Served:
    with live.client() as http:
        http.post("/api/v1/experiments", json=definition("threshold")).raise_for_status()
        http.post("/api/v1/experiments/threshold/start", json={}).raise_for_status()
        http.post("/api/v1/experiments", json=definition("draft")).raise_for_status()
    return live


@pytest.fixture(scope="module")
def keys(live: Served) -> dict[str, str]:
    with live.client() as http:
        made = {
            kind: http.post("/api/v1/keys", json={"kind": kind, "name": kind}).json()["key"]
            for kind in ("pub", "srv")
        }
    return {**made, "adm": live.admin_key}


@pytest.fixture(scope="module")
def doors(live: Served) -> list[Door]:
    """From the service's own document, so that a new door is tried on the day it comes."""
    with live.client() as http:
        document = http.get("/openapi.json").json()
    found = [
        Door(method.upper(), path, tuple(_fields(document, operation)), _kind(operation["x-key-kinds"]))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS and "requestBody" in operation
    ]
    assert len(found) > 25
    return found


def _kind(kinds: list[str]) -> str:
    return next((kind for kind in ("adm", "srv", "pub") if kind in kinds), "none")


def _fields(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    content = operation["requestBody"]["content"]
    schemas = [media["schema"] for media in content.values()]
    while schemas:
        schema = schemas.pop()
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        schemas += [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
        yield from schema.get("properties", ())


def filled(path: str, keys: dict[str, str]) -> str:
    known = {"client_key": keys["pub"], "kind": "shopify"}
    key = "draft" if path.endswith("{key}") else "threshold"
    return re.sub(r"\{([^}]+)\}", lambda name: known.get(name[1], key), path)


def ask(http: httpx.Client, door: Door, keys: dict[str, str], body: bytes) -> str | None:
    """What is wrong with the answer, or None. Time counts the faster of two: others use this machine too."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {keys.get(door.kind, 'none')}"}
    params = {"client_key": keys["pub"]} if door.path == "/track" else {}
    took = []
    for _ in range(2):
        began = time.monotonic()
        answer = http.request(
            door.method, filled(door.path, keys), content=body, headers=headers, params=params
        )
        took.append(time.monotonic() - began)
        fault = _fault(door, answer)
        if fault or took[-1] < LONGEST_SECONDS:
            break
    if fault is None and min(took) >= LONGEST_SECONDS:
        fault = f"took {min(took):.1f} s"
    return None if fault is None else f"{door.method} {door.path} ← {body[:60]!r}: {fault}"


def _fault(door: Door, answer: httpx.Response) -> str | None:
    if answer.status_code >= 500:
        return f"{answer.status_code} {answer.text[:200]}"
    if len(answer.content) > LONGEST_ANSWER:
        return f"{len(answer.content)} bytes of answer"
    if answer.status_code < 400:
        return None
    if MARK in answer.text and len(answer.content) >= LONGEST_ECHO:  # naming a field is meant, echoing is not
        return f"echoes the input: {answer.text[:300]}"
    is_problem = answer.headers["content-type"] == "application/problem+json"
    if not is_problem and not door.path.startswith(("/ofrep", "/v1/", "/track")):
        return f"{answer.status_code} {answer.headers['content-type']}"
    return None


@pytest.mark.parametrize("name", sorted(BODIES))
def test_a_hostile_body_is_refused_at_every_door(
    live: Served, doors: list[Door], keys: dict[str, str], name: str
) -> None:
    with live.client() as http:
        faults = [ask(http, door, keys, BODIES[name]) for door in doors]
        assert [fault for fault in faults if fault] == []
        assert http.get("/livez").status_code == 200


@pytest.mark.parametrize("name", sorted(VALUES))
def test_a_hostile_value_in_every_field_of_every_door(
    live: Served, doors: list[Door], keys: dict[str, str], name: str
) -> None:
    with live.client() as http:
        faults = [
            ask(http, door, keys, b"{" + json.dumps(field).encode() + b":" + VALUES[name] + b"}")
            for door in doors
            for field in (door.fields or ("events", "batch"))
        ]
        assert [fault for fault in faults if fault] == []
        assert http.get("/livez").status_code == 200


@pytest.mark.parametrize("name", sorted(VALUES))
def test_a_hostile_value_in_every_field_of_an_event_takes_only_that_event_along(
    live: Served, keys: dict[str, str], name: str
) -> None:
    good = {"event_id": f"good {name}", "type": "custom", "name": "x", "visitor_id": "v"}
    good["occurred_at"] = "2026-01-06T10:00:00Z"
    fields = ("event_id", "visitor_id", "occurred_at", "name", "value", "attributes", "lines", "discounts")
    with live.client(keys["srv"]) as http:
        for number, field in enumerate(fields):
            head = json.dumps({k: v for k, v in good.items() if k not in {field, "event_id"}})[1:-1]
            own = f'"event_id":"bad {name} {number}",' if field != "event_id" else ""
            bad = b"{" + (own + head + "," + json.dumps(field)).encode() + b":" + VALUES[name] + b"}"
            body = b'{"events":[' + bad + b"," + json.dumps(good).encode() + b"]}"
            answer = http.post("/api/v1/events", content=body, headers={"content-type": "application/json"})
            assert answer.status_code in {200, 400}, (field, answer.text)
            if answer.status_code == 200:
                found = answer.json()
                assert found["accepted"] + found["duplicates"] >= 1, (field, found)
                assert all(len(one["detail"]) <= 400 for one in found["rejected"])


@pytest.mark.parametrize("part", ["a%00b", "%ED%A0%80", "%FF", "x" * 3000, "..%2F..%2Fetc", "%F0%9F%98%80"])
def test_a_hostile_name_in_every_path(live: Served, part: str) -> None:
    with live.client() as http:
        document = http.get("/openapi.json").json()
        faults = []
        for path, operations in document["paths"].items():
            for method in operations:
                if "{" not in path or path.startswith(("/sub", "/static")):
                    continue
                target = re.sub(r"\{[^}]+\}", part, path)
                answer = http.request(method.upper(), target, headers={"content-type": "application/json"})
                if answer.status_code >= 500:
                    faults.append((method, path, answer.text[:200]))
        assert faults == []


def raw(live: Served) -> socket.socket:
    host, port = live.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def head(live: Served, door: Door, keys: dict[str, str], *more: str) -> bytes:
    target = filled(door.path, keys) + (f"?client_key={keys['pub']}" if door.path == "/track" else "")
    lines = (
        f"{door.method} {target} HTTP/1.1",
        f"host: {live.url.removeprefix('http://')}",
        f"authorization: Bearer {keys.get(door.kind, 'none')}",
        "content-type: application/json",
        *more,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_a_request_that_never_ends_is_given_up_at_every_door(
    live: Served, doors: list[Door], keys: dict[str, str]
) -> None:
    answers: dict[str, bytes] = {}

    def half(door: Door) -> None:
        with raw(live) as line:
            line.sendall(head(live, door, keys, "content-length: 1000") + b'{"events":[')
            answers[f"{door.method} {door.path}"] = line.recv(64)

    threads = [threading.Thread(target=half, args=(door,)) for door in doors]
    for thread in threads:
        thread.start()
    with live.client() as http:
        assert http.post("/api/v1/assignments", json={"visitor_id": "v"}).status_code == 200
    for thread in threads:
        thread.join(60)
    assert len(answers) == len(doors)
    assert {name: told for name, told in answers.items() if not told.startswith(b"HTTP/1.1 4")} == {}


def test_a_body_without_an_end_is_refused_when_it_is_over_the_cap(
    live: Served, doors: list[Door], keys: dict[str, str]
) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for door in doors:
        with raw(live) as line:
            told = b""
            line.sendall(head(live, door, keys, "transfer-encoding: chunked"))
            try:
                for _ in range(3200):  # 200 MiB
                    line.sendall(chunk)
                    line.settimeout(0)
                    try:
                        told = line.recv(64)
                    except BlockingIOError:
                        told = b""
                    line.settimeout(30)
                    if told:
                        break
            except (BrokenPipeError, ConnectionResetError):
                told = told or b"HTTP/1.1 4 (closed)"
        assert told.startswith(b"HTTP/1.1 4"), (door, told)


def test_the_service_still_works(live: Served, keys: dict[str, str]) -> None:
    with live.client(keys["srv"]) as http:
        assert http.get("/readyz").status_code == 200
        assert http.post("/api/v1/assignments", json={"visitor_id": "v"}).status_code == 200


def test_the_search_for_faults_finds_planted_ones() -> None:
    door = Door("POST", "/api/v1/x", (), "adm")
    problem = {"content-type": "application/problem+json"}
    assert _fault(door, httpx.Response(500, json={}))
    assert _fault(door, httpx.Response(422, json={"detail": f"{MARK} {'x' * 2000}"}, headers=problem))
    assert _fault(door, httpx.Response(422, json={"detail": "x"}))  # FastAPI's own, not a problem document
    assert _fault(door, httpx.Response(422, json={"detail": "x" * 9000}, headers=problem))
    assert _fault(door, httpx.Response(422, json={"detail": "x", "field": MARK}, headers=problem)) is None
