"""The page of refusals, sent row by row as it stands. Oracle: the page."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.inprocess import InProcess, in_process

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "refusals.md").read_text(encoding="utf-8")
REQUESTS = re.findall(r"^\| `(\w+) (\w+) (\S+)` \| (?:`(.*)` )?\| (\d+) \| `(\w+)` \|$", PAGE, re.MULTILINE)
EVENTS = re.findall(r"^\| `(srv|pub)` \| `(\{.*\})` \| `(\w+)` \|$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "offerlab.sqlite3").write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{folder / 'offerlab.sqlite3'}", folder) as running:
        running.running()
        running.create(key="draft-1")
        yield running


def test_the_page_has_rows_of_every_kind() -> None:
    assert len(REQUESTS) == PAGE.count("| 4")
    assert len(EVENTS) > 10
    assert {row[5] for row in REQUESTS} > {"TARGETING_KEY_MISSING", "bad_envelope", "unknown_source"}


@pytest.mark.parametrize(("kind", "method", "path", "body", "status", "code"), REQUESTS)
def test_a_refused_request(  # noqa: PLR0913, PLR0917 - the columns of the page
    service: InProcess, kind: str, method: str, path: str, body: str, status: str, code: str
) -> None:
    given = None if kind == "none" else kind
    answer = service.call(method, path, kind=given, content=body.encode() if body else None)
    found = answer.json()
    assert (answer.status_code, found.get("code", found.get("errorCode"))) == (int(status), code)


@pytest.mark.parametrize(("kind", "event", "code"), EVENTS)
def test_a_bad_event_is_named_and_its_neighbour_is_stored(
    service: InProcess, kind: str, event: str, code: str
) -> None:
    name = json.loads(event)["event_id"]
    good = {"type": "custom", "occurred_at": "2026-05-28T20:00:00Z", "visitor_id": "v", "name": "n"}
    both = f'{{"events":[{event},{json.dumps({"event_id": f"good-{name}", **good})}]}}'
    answer = service.call("POST", "/api/v1/events", kind=kind, content=both.encode()).json()
    assert [(entry["index"], entry["event_id"], entry["code"]) for entry in answer["rejected"]] == [
        (0, name, code)
    ]
    assert answer["accepted"] == 1
