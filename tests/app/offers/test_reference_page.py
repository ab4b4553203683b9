"""The reference page of offers says what the service accepts. Oracles: the page and the types."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from app.offers.schemas import AnyOffer, Budget, CodePolicy, Combinable, Terms, Validity
from tests.support.inprocess import InProcess, definition, in_process

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "offers.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^##+ (.+?)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
KINDS = {get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(AnyOffer)}
VALID_EXAMPLE = re.compile(r"^Valid:\n```json\n(.*)\n```", re.MULTILINE)
REFUSED_EXAMPLE = re.compile(r"^Refused, `(.+)`:\n```json\n(.*)\n```", re.MULTILINE)
VALID = {kind: VALID_EXAMPLE.findall(SECTIONS[f"`{kind}`"]) for kind in KINDS}
REFUSED = {kind: REFUSED_EXAMPLE.findall(SECTIONS[f"`{kind}`"]) for kind in KINDS}


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("reference")
    (folder / "offerlab.sqlite3").write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{folder / 'offerlab.sqlite3'}", folder) as running:
        yield running


def _rows(section: str) -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| `(\w+)` \| .+? \| (yes|no) \| (.*?) \| (?:.+) \|$", section, re.MULTILINE)
    return {name: (needed, default.strip("` ")) for name, needed, default in rows}


def _fields(model: Any, without: Any = ()) -> dict[str, tuple[str, str]]:
    return {
        name: ("yes", "") if field.is_required() else ("no", json.dumps(field.default))
        for name, field in model.model_fields.items()
        if name != "kind" and name not in without
    }


def _variants(offer: dict[str, Any]) -> dict[str, Any]:
    variants = definition()["variants"]
    variants[0]["offer"], variants[1]["offer"] = None, offer
    return definition(variants=variants, economics=None, plan=_plan_without_money())


def _plan_without_money() -> dict[str, Any]:
    return {**definition()["plan"], "secondary": [], "guardrails": []}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_s_table_is_its_own_fields(kind: str) -> None:
    assert _rows(SECTIONS[f"`{kind}`"]) == _fields(KINDS[kind], Terms.model_fields)


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("What every kind may have", Terms),
        ("`code`", CodePolicy),
        ("`budget`", Budget),
        ("`validity`", Validity),
        ("`stacking` when it is not `exclusive`", Combinable),
    ],
)
def test_the_tables_of_common_terms_are_their_fields(section: str, model: Any) -> None:
    assert _rows(SECTIONS[section]) == _fields(model)


def test_the_page_has_a_valid_and_a_refused_example_of_every_kind() -> None:
    assert {kind for kind in KINDS if len(VALID[kind]) == 1 and len(REFUSED[kind]) == 1} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_valid_example_is_stored_with_every_term_it_names(service: InProcess, kind: str) -> None:
    offer = json.loads(VALID[kind][0])
    key = f"valid-{kind.replace('_', '-')}"
    answer = service.call("POST", "/api/v1/experiments", {**_variants(offer), "key": key})
    assert answer.status_code == 201, answer.text
    stored = answer.json()["variants"][1]["offer"]
    moments = {"order_before"}  # shown in UTC
    assert offer["kind"] == kind
    assert _named(stored, offer) == offer | {name: stored[name] for name in moments & set(offer)}


def _named(stored: Any, sent: Any) -> Any:
    """The part of what was stored that was sent."""
    if not isinstance(sent, dict):
        return stored
    return {name: _named(stored[name], value) for name, value in sent.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_refused_example_is_refused_at_the_field_it_names(service: InProcess, kind: str) -> None:
    field, text = REFUSED[kind][0]
    body = {**_variants(json.loads(text)), "key": f"refused-{kind.replace('_', '-')}"}
    answer = service.call("POST", "/api/v1/experiments", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == f"variants.1.offer.{field}"
