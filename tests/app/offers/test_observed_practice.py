"""The seven tests of the guide are created through the API as they stand. Oracle: the page."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.inprocess import InProcess, in_process

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "offers.md").read_text(encoding="utf-8")
EXAMPLES = list(map(json.loads, re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)))
TESTS: list[dict[str, Any]] = [found for found in EXAMPLES if "plan" in found]


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("practice")
    (folder / "offerlab.sqlite3").write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{folder / 'offerlab.sqlite3'}", folder) as running:
        yield running


def test_the_guide_has_the_seven_tests() -> None:
    assert [found["key"] for found in TESTS] == [
        *("threshold", "code-reuse", "second-purchase", "free-delivery", "gift", "referral", "reminder")
    ]


@pytest.mark.parametrize("found", TESTS, ids=lambda found: str(found["key"]))
def test_a_test_of_the_guide_is_created_and_starts(service: InProcess, found: dict[str, Any]) -> None:
    made = service.call("POST", "/api/v1/experiments", found)
    assert made.status_code == 201, made.text
    assert made.json()["warnings"] == []
    started = service.act(found["key"], "start")  # beside the others, which takes a reason
    assert started.status_code == 200, started.text
    unit = {"visitor_id": "v-1", "customer_id": "c-1"}
    assert service.assign(**unit, experiments=[found["key"]]).json()["assignments"][0]["in_experiment"]


def test_the_quote_of_the_guide_is_answered(service: InProcess) -> None:
    bodies = [found for found in EXAMPLES if "cart" in found]
    assert len(bodies) == 1
    answer = service.call("POST", "/api/v1/quote", bodies[0], "srv")
    assert (answer.status_code, answer.json()["items_minor"]) == (200, 120_000)
