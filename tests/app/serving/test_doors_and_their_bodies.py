"""What every door says to a body, a method or a key it does not take. Oracles: the contract, RFC 9110."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.edge.http import Receive, Scope, Send
from app.edge.router import Edge
from tests.support.inprocess import InProcess, in_process

KEY = "promo-code-reuse"
FLAGS = "/ofrep/v1/evaluate/flags"
ASKED = {"context": {"targetingKey": "v-1"}}


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("doors")
    path = folder / "offerlab.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{path}", folder) as running:
        running.running()
        yield running


DOORS: dict[str, tuple[str, Any]] = {
    "/api/v1/assignments": ("srv", {"visitor_id": "v-1"}),
    "/api/v1/events": ("srv", {"events": []}),
    "/api/v1/experiments": ("mgr", {}),
    f"/api/v1/experiments/{KEY}/ramp": ("mgr", {"coverage": 1}),
    "/api/v1/keys": ("adm", {}),
    f"{FLAGS}/{KEY}": ("pub", ASKED),
    FLAGS: ("pub", ASKED),
}


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize("headers", [{"content-type": "text/plain"}, {"content-encoding": "gzip"}])
def test_a_body_that_is_not_plain_json_is_415_at_every_door(
    service: InProcess, path: str, headers: dict[str, str]
) -> None:
    kind, body = DOORS[path]
    content = json.dumps(body).encode()
    if "content-encoding" in headers:
        content = gzip.compress(content)
    answer = service.call("POST", path, kind=kind, content=content, headers=headers)
    assert answer.status_code == 415, answer.text
    if path.startswith(FLAGS):
        assert answer.json()["errorCode"] == "GENERAL"
    else:
        assert answer.json()["field"] in headers


@pytest.mark.parametrize("path", [path for path in DOORS if path.startswith("/api/")])
@pytest.mark.parametrize(("kind", "status"), [(None, 401), ("ro", 403)])
def test_the_key_is_looked_at_before_the_body(
    service: InProcess, path: str, kind: str | None, status: int
) -> None:
    answer = service.call("POST", path, kind=kind, content=b"{")
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/experiments", "GET, POST"),
        (f"/api/v1/experiments/{KEY}", "GET, PATCH"),
        ("/api/v1/keys", "GET, POST"),
        ("/api/v1/events", "POST"),
        ("/api/v1/assignments", "POST"),
        (f"{FLAGS}/{KEY}", "POST"),
    ],
)
@pytest.mark.parametrize("method", ["OPTIONS", "DELETE", "PROPFIND"])
def test_a_method_that_is_not_taken_is_405_and_all_that_are_taken_are_named(
    service: InProcess, method: str, path: str, allowed: str
) -> None:
    answer = service.call(method, path, kind="adm")
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["detail"]) == ("method_not_allowed", f"send {allowed}")


@pytest.mark.parametrize(
    ("tag", "status"), [("{}", 304), ("W/{}", 304), ('"other", {}', 304), ("*", 304), ('"other"', 200)]
)
def test_an_etag_is_compared_weakly_and_in_lists(service: InProcess, tag: str, status: int) -> None:
    etag = service.call("POST", FLAGS, ASKED, "pub").headers["etag"]
    answer = service.call("POST", FLAGS, ASKED, "pub", headers={"if-none-match": tag.format(etag)})
    assert answer.status_code == status


@pytest.mark.parametrize("path", [f"{FLAGS}/{KEY}", FLAGS])
def test_a_customer_that_a_browser_may_not_name_is_ignored_and_ofrep_says_so(
    service: InProcess, path: str
) -> None:
    context = ASKED["context"] | {"customer_id": "anna"}
    for kind, warning in (("pub", "customer_id_ignored"), ("srv", None)):
        found = service.call("POST", path, {"context": context}, kind).json()
        flag = found["flags"][0] if "flags" in found else found
        assert flag["metadata"].get("warning") == warning


def test_a_number_beyond_a_double_names_the_field_that_holds_it(service: InProcess) -> None:
    content = b'{"visitor_id":"v-1","attributes":{"sum":1e400}}'
    answer = service.call("POST", "/api/v1/assignments", kind="srv", content=content)
    assert (answer.status_code, answer.json()["field"]) == (422, "attributes")


async def _broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ZeroDivisionError


def test_a_fault_of_ours_on_a_hot_path_is_a_problem_document_without_details(service: InProcess) -> None:
    edge = Edge(_broken, exact={("POST", "/hot"): _broken}, prefixes={})

    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://shop") as client:
            return await client.post("/hot")

    answer = service.runner.run(call())
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Zero" not in answer.text
