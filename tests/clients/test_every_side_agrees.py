"""One unit gets one variant, whoever works it out: every client, the command and SQL against each other."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from growthbook import GrowthBook

from app.cli.assign import assign
from app.clients import Client, Options
from tests.clients.shop import Shop, node, running_shop
from tests.support.live import ROOT

MACROS = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "audit.md").read_text(encoding="utf-8"), re.DOTALL)
EXPERIMENTS = 20
WEIGHTS = ((0.5, 0.5), (0.9, 0.1), (0.3333, 0.6667), (0.2, 0.3, 0.5))
COVERAGES = (1.0, 0.37, 0.9999)
AUDIENCES: tuple[tuple[dict[str, Any], str], ...] = (  # for the rules, and the same in SQL
    ({}, "true"),
    ({"country": {"$in": ["RU", "KZ"]}}, "country IN ('RU', 'KZ')"),
    ({"$or": [{"country": "DE"}, {"orders_count": {"$gte": 3}}]}, "country = 'DE' OR orders_count >= 3"),
)
PEOPLE = ({"country": "RU", "orders_count": 0}, {"country": "KZ", "orders_count": 4}, {"country": "DE"})
LAYERS = {0: ("cart", (0.0, 0.5)), 1: ("cart", (0.5, 1.0)), 2: ("banner", (0.25, 0.75))}
CUSTOMERS = {7, 13}  # experiments on customers
DECIDED = 19  # rolled out, three in ten keep their split
HOLDOUT_SHARE, HOLD_BACK = 0.05, 0.3
Answers = Mapping[str, Sequence[int | None]]
"""Experiment → position of each visitor's variant, None outside."""


@dataclass(frozen=True)
class Visitor:
    """A unit of every experiment."""

    visitor: str
    customer: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Everything that is asked about.

    Attributes:
        shop: the running service with its experiments.
        definitions: experiment → what the service tells its owner.
        directory: for files.
    """

    shop: Shop
    definitions: dict[str, dict[str, Any]]
    directory: Path

    def position(self, key: str, variant: str | None) -> int | None:
        names = [one["key"] for one in self.definitions[key]["variants"]]
        return None if variant is None else names.index(variant)

    def percents(self, key: str) -> dict[int, int]:
        """The offer's percentage → position of the variant: a decided offer comes without its name."""
        return {
            int(one["offer"]["percent"]): place for place, one in enumerate(self.definitions[key]["variants"])
        }


def visitors(count: int) -> list[Visitor]:
    """Ids in five scripts, of many lengths."""
    forms: tuple[Callable[[int], str], ...] = (
        lambda n: f"v-{n}",
        lambda n: f"{n * 2654435761 % 2**32:08x}-{n:04x}-4000-8000-{n:012x}",
        lambda n: f"Мария-{n}",
        lambda n: f"שרה-{n}",
        lambda n: f"🛒{n}👩‍👩‍👧",
        lambda n: f"e\u0301-{n}" + "я" * (n % 150),
    )
    ids = [forms[n % len(forms)](n) for n in range(count)]
    return [Visitor(one, f"c{one}", PEOPLE[n % len(PEOPLE)]) for n, one in enumerate(ids)]


def definition(number: int) -> dict[str, Any]:
    """Fields of one experiment; offers differ by their percentage."""
    weights = WEIGHTS[number % len(WEIGHTS)]
    base = {"kind": "percent_off", "currency": "RUB"}
    variants = [
        {
            "key": f"arm-{place}",
            "weight": weight,
            "control": place == 0,
            "offer": {**base, "percent": place + 1},
        }
        for place, weight in enumerate(weights)
    ]
    layer = LAYERS.get(number)
    return {
        "seed": f"{number * 7919:016x}",
        "variants": variants,
        "unit": "customer" if number in CUSTOMERS else "visitor",
        "coverage": 1.0 if number == DECIDED else COVERAGES[number % len(COVERAGES)],
        "audience": AUDIENCES[number % len(AUDIENCES)][0],
        "layer": None if layer is None else {"key": layer[0], "range": list(layer[1])},
    }


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    directory = tmp_path_factory.mktemp("agree")
    with running_shop(directory) as shop:
        shop.call("PUT", "/api/v1/layers/cart", {"seed": "feedfacefeedface"})
        shop.call("PUT", "/api/v1/layers/banner", {"seed": "0ddba11c0ddba11c"})
        holdout = {"share": HOLDOUT_SHARE, "seed": "cafecafecafecafe"}
        shop.call("PUT", "/api/v1/holdouts/global", holdout)
        keys = [shop.experiment("agree", **definition(number)) for number in range(EXPERIMENTS)]
        shop.act(keys[DECIDED], "stop")
        decision = {"variant": "arm-1", "reason": "won", "hold_back_share": HOLD_BACK}
        shop.act(keys[DECIDED], "decide", decision)
        shown = {key: shop.call("GET", f"/api/v1/experiments/{key}", kind="ro") for key in keys}
        yield Case(shop, shown, directory)


# ---- the sides; another one is a function more


def by_assignments(case: Case, who: Sequence[Visitor]) -> Answers:
    answers: dict[str, list[int | None]] = {key: [] for key in case.definitions}
    for one in who:
        ids = {"visitor_id": one.visitor, "customer_id": one.customer, "attributes": one.attributes}
        for found in case.shop.call("POST", "/api/v1/assignments", ids, "srv")["assignments"]:
            answers[found["experiment"]].append(case.position(found["experiment"], found["variant"]))
    return answers


def by_ofrep(case: Case, who: Sequence[Visitor]) -> Answers:
    answers: dict[str, list[int | None]] = {key: [] for key in case.definitions}
    for one in who:
        context = {"targetingKey": one.visitor, "customer_id": one.customer, **one.attributes}
        for flag in case.shop.call("POST", "/ofrep/v1/evaluate/flags", {"context": context}, "srv")["flags"]:
            answers[flag["key"]].append(case.position(flag["key"], flag["variant"]))
    return answers


def _attributes(one: Visitor) -> dict[str, Any]:
    return {"id": one.visitor, "customer_id": one.customer, **one.attributes}


def by_growthbook_python(case: Case, who: Sequence[Visitor]) -> Answers:
    payload = case.shop.call("GET", f"/api/features/{case.shop.keys['pub']}", kind="pub")["features"]
    answers: dict[str, list[int | None]] = {key: [] for key in case.definitions}
    percents = {key: case.percents(key) for key in case.definitions}
    for one in who:
        sdk = GrowthBook(attributes=_attributes(one), features=payload)
        for key, line in answers.items():
            value = sdk.eval_feature(key).value
            line.append(None if value is None else percents[key][value["percent"]])
    return answers


def by_growthbook_js(case: Case, who: Sequence[Visitor]) -> Answers:
    file = case.directory / "visitors.json"
    file.write_text(json.dumps([_attributes(one) for one in who]), encoding="utf-8")
    percents = {key: case.percents(key) for key in case.definitions}
    told = {"url": case.shop.live.url, "key": case.shop.keys["pub"], "visitors": str(file)}
    lines = node("growthbook_bulk.mjs", "evaluate", told | {"percents": percents})
    return {key: [None if place == "-" else int(place) for place in line] for key, line in lines.items()}


def by_command(case: Case, who: Sequence[Visitor]) -> Answers:
    """`offerlab assign` with a file of ids, once for each kind of people."""
    environment = {"OFFERLAB_DATA_DIR": str(case.shop.live.data_dir), "OFFERLAB_SECRET": "s" * 32}
    answers: dict[str, list[int | None]] = {key: [None] * len(who) for key in case.definitions}
    for person in PEOPLE:
        places = [place for place, one in enumerate(who) if one.attributes == person]
        for key, shown in case.definitions.items():
            unit = "customer" if shown["unit"] == "customer" else "visitor"
            file = case.directory / "ids.txt"
            file.write_text("".join(f"{getattr(who[at], unit)}\n" for at in places), encoding="utf-8")
            asked = ["--experiment", key, "--file", str(file), "--attributes", json.dumps(person)]
            done = CliRunner(env=environment).invoke(assign, asked, catch_exceptions=False)
            rows = [row.split("\t") for row in done.stdout.splitlines()]
            assert [row[0] for row in rows] == [getattr(who[at], unit) for at in places]
            for at, (_, variant, _) in zip(places, rows, strict=True):
                answers[key][at] = case.position(key, None if variant == "-" else variant)
    return answers


def by_sql(case: Case, who: Sequence[Visitor]) -> Answers:
    """The audit page's macros in DuckDB, rules read off the definitions."""
    database = duckdb.connect()
    database.execute(MACROS[0])
    people = [
        (place, one.visitor, one.customer, one.attributes["country"], one.attributes.get("orders_count"))
        for place, one in enumerate(who)
    ]
    columns = "place BIGINT, visitor VARCHAR, customer VARCHAR, country VARCHAR, orders_count BIGINT"
    database.execute(f"CREATE TABLE people ({columns})")
    file = case.directory / "people.json"
    names = ("place", "visitor", "customer", "country", "orders_count")
    file.write_text(json.dumps([dict(zip(names, row, strict=True)) for row in people]), encoding="utf-8")
    database.execute(
        "INSERT INTO people SELECT * FROM read_json(?, columns = ?)", [str(file), _types(columns)]
    )
    answers = {}
    for number, (key, shown) in enumerate(case.definitions.items()):
        rows = database.execute(_query(number, shown)).fetchall()
        answers[key] = [row[0] for row in rows]
    database.close()
    return answers


def _types(columns: str) -> dict[str, str]:
    return dict(pair.split() for pair in columns.split(", "))


def _query(number: int, shown: dict[str, Any]) -> str:
    unit, seed = shown["unit"], shown["seed"]
    start, arms = 0.0, []
    for place, variant in enumerate(shown["variants"]):
        end = start + shown["coverage"] * variant["weight"]
        arms.append(f"WHEN b >= {start!r} AND b < {end!r} THEN {place}")
        start += variant["weight"]
    inside = [f"bucket('cafecafecafecafe', {unit}) >= {HOLDOUT_SHARE}"]
    if number in LAYERS:
        name, (low, high) = LAYERS[number]
        layer = {"cart": "feedfacefeedface", "banner": "0ddba11c0ddba11c"}[name]
        inside.append(f"bucket('{layer}', {unit}) >= {low} AND bucket('{layer}', {unit}) < {high}")
    audience = AUDIENCES[number % len(AUDIENCES)][1]
    split = f"CASE WHEN NOT ({' AND '.join(inside)}) THEN NULL {' '.join(arms)} END"
    if number == DECIDED:
        held = f"bucket(substr(sha256('{seed}:hold-back'), 1, 16), {unit}) < {HOLD_BACK}"
        split = f"CASE WHEN {held} THEN coalesce({split}, 1) ELSE 1 END"
    chosen = f"CASE WHEN coalesce({audience}, false) THEN {split} END"
    buckets = f"SELECT *, bucket('{seed}', {unit}) AS b FROM people"  # noqa: S608 - the test's own words
    return f"SELECT {chosen} FROM ({buckets}) ORDER BY place"  # noqa: S608 - the test's own words


def by_python_client(case: Case, who: Sequence[Visitor]) -> Answers:
    """Our own client, which evaluates by itself: it asks nobody about a visitor without a customer."""
    answers: dict[str, list[int | None]] = {}
    with Client(case.shop.live.url, case.shop.keys["srv"], Options(budget_seconds=10)) as client:
        assert client.ready(30)
        for key, shown in case.definitions.items():
            knows = shown["unit"] == "customer"
            found = [
                client.assign(key, one.visitor, one.customer if knows else None, one.attributes)
                for one in who
            ]
            assert {one.source for one in found} <= {"local", "server"}
            assert found[0].source == "local"
            answers[key] = [case.position(key, one.variant) for one in found]
    return answers


SIDES: tuple[Callable[[Case, Sequence[Visitor]], Answers], ...] = (
    by_assignments,
    by_growthbook_python,
    by_growthbook_js,
    by_python_client,
    by_command,
    by_sql,
)


def differences(ours: Answers, theirs: Answers, who: Sequence[Visitor]) -> list[Any]:
    """Experiment, visitor and the two answers, where these differ."""
    assert ours.keys() == theirs.keys()
    return [
        (key, one.visitor, mine, other)
        for key in ours
        for one, mine, other in zip(who, ours[key], theirs[key], strict=True)
        if mine != other
    ]


def check(case: Case, who: Sequence[Visitor]) -> None:
    ours = by_ofrep(case, who)
    for line in ours.values():  # every answer occurs: the comparison can fail
        assert len(Counter(line)) >= 3
    found = {side.__name__: differences(ours, side(case, who), who) for side in SIDES}
    assert {name: (len(rows), rows[:3]) for name, rows in found.items() if rows} == {}


def test_500_units_get_the_same_variants_everywhere(case: Case) -> None:
    check(case, visitors(500))


@pytest.mark.long
def test_10_000_units_get_the_same_variants_everywhere(case: Case) -> None:
    check(case, visitors(10_000))


def test_a_side_that_hashes_otherwise_is_seen(case: Case) -> None:
    who = visitors(60)
    ours = by_sql(case, who)
    bytewise = [Visitor(one.visitor.encode().decode("latin-1"), one.customer, one.attributes) for one in who]
    seen = differences(ours, by_sql(case, bytewise), who)
    assert {len(visitor) == len(visitor.encode()) for _, visitor, _, _ in seen} == {False}
