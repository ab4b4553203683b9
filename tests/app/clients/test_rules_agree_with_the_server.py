"""A client's own decisions. Oracle: the assignments door, asked about the same unit at the same version."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fnv_hash_fast import fnv1a_32
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.clients.answers import Question
from app.clients.rules import LocalExperiment, RuleBook, read_rules
from app.experiments.tables import ExperimentRow, HoldoutRow, LayerRow
from app.serving.copies import Copy
from app.serving.snapshot import build
from assignment.decision import Assigned, NotAssigned
from assignment.hashing import BUCKETS
from tests.support.inprocess import NOW_US, InProcess, in_process

DAY_US = 86_400_000_000
SEEDS = st.text("0123456789abcdef", min_size=16, max_size=16)
IDS = st.text(max_size=20).filter(lambda text: "\0" not in text and text.isprintable()) | st.sampled_from(
    ["v-1", "Мария", "שרה", "🛒", "👩‍👩‍👧", "é", "e\u0301", ""]
)
AUDIENCES: list[dict[str, Any]] = [
    {},
    {"country": "RU"},
    {"orders_count": {"$gte": 2}},
    {"$or": [{"country": {"$in": ["RU", "KZ"]}}, {"tags": {"$elemMatch": {"$eq": "vip"}}}]},
    {"$not": {"app.version": {"$vgte": "2.1.0"}}},
    {"email": {"$regex": "@example\\.(com|ru)$"}},
]
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "country": st.sampled_from(["RU", "KZ", "DE", None, 7]),
        "orders_count": st.integers(-1, 4) | st.floats(allow_nan=False, allow_infinity=False, width=32),
        "tags": st.lists(st.sampled_from(["vip", "new"]), max_size=2),
        "app": st.fixed_dictionaries({"version": st.sampled_from(["2.0.9", "2.1.0", "2.10"])}),
        "email": st.sampled_from(["a@example.com", "a@example.ru.test", "😀@example.ru"]),
        "bot": st.sampled_from([True, False, "true", 1]),
    },
)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """What differs from the experiment of the other tests."""
    first = draw(st.floats(0.01, 0.99))
    state = draw(st.sampled_from(["running", "paused", "frozen", "stopped", "decided"]))
    return {
        "state": state,
        "unit": draw(st.sampled_from(["visitor", "customer"])),
        "seed": draw(SEEDS),
        "coverage": draw(st.sampled_from([0.0, 0.37, 0.9999, 1.0])),
        "weights": (first, 1 - first),
        "audience": draw(st.sampled_from(AUDIENCES)),
        "slot": draw(st.none() | st.sampled_from([[0.0, 0.5], [0.25, 0.3], [0.5, 1.0]])),
        "holdout": draw(st.none() | st.sampled_from([0.0, 0.05, 0.9])),
        "starts": draw(st.none() | st.sampled_from([-DAY_US, DAY_US])),
        "ends": draw(st.none() | st.sampled_from([-1, 0, DAY_US])),
        "hold_back": draw(st.sampled_from([0.0, 0.4])),
        "fallback": draw(st.sampled_from([None, {"kind": "percent_off", "percent": 3.0}])),
    }


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("rules")
    path = folder / "offerlab.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    with in_process(f"sqlite:///{path}", folder) as running:
        running.running(key="model")
        yield running


def _moment(offset_us: int | None) -> str | None:
    from app.clock import isoformat

    return None if offset_us is None else isoformat(NOW_US + offset_us)


def _row(model: dict[str, Any], key: str, change: dict[str, Any]) -> ExperimentRow:
    variants = [
        {**variant, "weight": weight}
        for variant, weight in zip(model["variants"], change["weights"], strict=True)
    ]
    slot = change["slot"]
    definition = model | {
        **{name: change[name] for name in ("unit", "seed", "coverage", "audience", "fallback")},
        "key": key,
        "variants": variants,
        "layer": None if slot is None else {"key": "cart", "range": slot},
        "starts_at": _moment(change["starts"]),
        "ends_at": _moment(change["ends"]),
    }
    held = [] if change["holdout"] is None else [f"{change['holdout']}"]
    decision = {"variant": "reusable", "hold_back_share": change["hold_back"]}
    return ExperimentRow(
        key=key,
        version=1,
        name=key,
        state=change["state"],
        definition=definition,
        created_at_us=NOW_US,
        started_at_us=NOW_US,
        frozen_at_us=NOW_US if change["state"] == "frozen" else None,
        decision=decision if change["state"] == "decided" else None,
        timeline=[{"action": "start", "at_us": NOW_US, "holdouts": held}],
    )


def _serve(service: InProcess, generated: list[dict[str, Any]]) -> None:
    current = service.services.snapshots.current
    model = service.call("GET", "/api/v1/experiments/model", kind="ro").json()
    stored = {name: model[name] for name in ("variants", "timezone", "name", "local_evaluation", "unit")}
    template = {**stored, **{name: model.get(name) for name in ("layer", "fallback", "audience")}}
    rows = [_row(template, f"exp-{number}", change) for number, change in enumerate(generated)]
    layers = [LayerRow(key="cart", seed="feedfacefeedface", created_at_us=NOW_US)]
    holdouts = [
        HoldoutRow(key=f"{share}", seed="cafecafecafecafe", share=share, created_at_us=NOW_US)
        for share in (0.0, 0.05, 0.9)
    ]
    copy = Copy(current.config_version, rows, layers, holdouts, [], [])
    service.services.snapshots.current = build(copy)


def _rules(service: InProcess) -> RuleBook:
    found = service.call("GET", "/api/v1/configuration", kind="srv")
    assert found.status_code == 200, found.text
    return read_rules(found.content)


def _shape(known: LocalExperiment, found: Assigned | NotAssigned) -> tuple[Any, ...]:
    variant = found.variant if isinstance(found, Assigned) else None
    is_in = isinstance(found, Assigned) and found.in_experiment
    return variant, is_in, found.reason, found.bucket, known.offer_of(variant)


def _differences(service: InProcess, book: RuleBook, question: dict[str, Any]) -> tuple[list[Any], int]:
    """Answers of the client that are not the server's, and how many the client left to the server."""
    told = service.assign(**question, experiments=sorted(book.experiments))
    assert told.status_code == 200, told.text
    wrong, left = [], 0
    for item in told.json()["assignments"]:
        known = book.experiments[item["experiment"]]
        asked = Question(
            known.key, question["visitor_id"], question["customer_id"] or None, question["attributes"]
        )
        found = known.decide(asked, service.clock.now_us())
        if found is None:
            left += 1
            continue
        names = ("variant", "in_experiment", "reason", "bucket", "offer")
        theirs = tuple(item[name] for name in names)
        if _shape(known, found) != theirs:
            wrong.append((question, known, theirs, _shape(known, found)))
    return wrong, left


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    generated=st.lists(changes(), min_size=1, max_size=6),
    visitor=IDS | st.none(),
    customer=st.none() | IDS,
    attributes=ATTRIBUTES,
)
def test_the_client_decides_as_the_server_for_any_experiment(
    service: InProcess,
    generated: list[dict[str, Any]],
    visitor: str | None,
    customer: str | None,
    attributes: dict[str, Any],
) -> None:
    _serve(service, generated)
    book = _rules(service)
    assert len(book.experiments) == len(generated)
    question = {"visitor_id": visitor, "customer_id": customer, "attributes": attributes}
    wrong, left = _differences(service, book, question)
    assert wrong == []
    may_ask = sum(
        change["state"] == "frozen" or (change["unit"] == "visitor" and bool(customer))
        for change in generated
    )
    assert left <= may_ask  # nothing else is left to the server


def _many(service: InProcess) -> tuple[int, int]:
    """Differences over 2,000 ids in several scripts × 8 experiments, and answers compared."""
    changed = [
        {
            "state": "running",
            "unit": "visitor",
            "seed": f"{number:016x}",
            "coverage": (1.0, 0.37)[number % 2],
            "weights": ((0.5, 0.5), (0.9, 0.1), (0.3333, 0.6667))[number % 3],
            "audience": {"country": "RU"} if number % 2 else {},
            "slot": [0.0, 0.5] if number == 3 else None,
            "holdout": 0.05 if number == 4 else None,
            "starts": None,
            "ends": None,
            "hold_back": 0.0,
            "fallback": None,
        }
        for number in range(8)
    ]
    _serve(service, changed)
    book = _rules(service)
    ids = [f"v-{n}" for n in range(1400)] + [f"Мария-{n}" for n in range(300)]
    ids += [f"שרה-{n}" for n in range(150)] + [f"🛒{n}👩‍👩‍👧" for n in range(150)]
    assert len(ids) == 2000
    wrong = 0
    for unit in ids:
        question = {"visitor_id": unit, "customer_id": None, "attributes": {"country": "RU"}}
        differences, left = _differences(service, book, question)
        assert left == 0
        wrong += len(differences)
    return wrong, len(ids) * len(book.experiments)


def test_two_thousand_ids_in_four_scripts_get_the_variants_of_the_server(service: InProcess) -> None:
    assert _many(service) == (0, 16_000)


def test_the_comparison_sees_a_client_that_hashes_bytes(
    service: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted bug: UTF-8 bytes instead of UTF-16 code units, in the client only."""

    def utf8(seed: str, unit_id: str) -> int:
        text = f"{seed}{unit_id}".encode()
        return int(fnv1a_32(b"%d" % fnv1a_32(text)) % BUCKETS)

    decide = LocalExperiment.decide

    def broken(self: LocalExperiment, question: Question, now_us: int) -> Assigned | NotAssigned | None:
        with monkeypatch.context() as planted:
            planted.setattr("assignment.decision.bucket_index", utf8)
            return decide(self, question, now_us)

    monkeypatch.setattr(LocalExperiment, "decide", broken)
    wrong, _ = _many(service)
    assert 1_000 < wrong < 4_800  # of 600 ids × 8 outside ASCII, about half by chance
