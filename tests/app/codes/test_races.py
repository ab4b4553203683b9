"""One code, one winner: requests at one instant over two workers, and answers lost after the commit.

Each is shown to fail on a planted build that looks first and uses then (`tests.support.check_then_act`).
"""

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.database import Database, migrate
from tests.support.codes import both, code, offer
from tests.support.inprocess import SIDE_BY_SIDE, definition
from tests.support.last_byte import Volley
from tests.support.ledger import query
from tests.support.live import Live, live_service
from tests.support.losing_proxy import LosingProxy
from tests.support.postgres import administer

SIZE = 50
SOUND, PLANTED = "app.main:application_factory", "tests.support.check_then_act:application_factory"
HOW_MANY = pytest.mark.parametrize(
    "rounds", [3, pytest.param(100, marks=pytest.mark.long)], ids=["few", "hundred"]
)


class Race:
    """A live service with experiments whose codes are fought for."""

    def __init__(self, live: Live, url: str) -> None:
        self.live, self.url = live, url
        self.volley = Volley(live.url, live.admin_key, SIZE)

    def run(self, key: str, terms: dict[str, Any], **fields: Any) -> None:
        """Define an experiment and start it; every worker knows it before this returns."""
        made = definition(key=key, variants=both(terms), **fields)
        with self.live.client() as client:
            assert client.post("/api/v1/experiments", json=made).status_code == 201
            assert client.post(f"/api/v1/experiments/{key}/start", json=SIDE_BY_SIDE).status_code == 200
        heard = 0
        while heard < 5:  # in a row, over connections of both workers
            body = {"visitor_id": "v", "experiments": [key]}
            answers = self.volley.fire("/api/v1/assignments", [body] * SIZE)
            heard = heard + 1 if {status for status, _ in answers} == {200} else 0

    def import_codes(self, key: str, count: int) -> None:
        """The shop's own codes for both variants, so many for each."""
        for variant in ("control", "treatment"):
            lines = "".join(f"SPRING-2026-{variant}-{number}\n" for number in range(count))
            where = f"/api/v1/experiments/{key}/codes?variant={variant}&batch={variant}"
            with self.live.client() as client:
                sent = client.post(where, content="code\n" + lines, headers={"content-type": "text/csv"})
            assert sent.json()["added"] == count, sent.text

    def claim(self, key: str, visitor_id: str) -> str:
        """A code."""
        wanted: list[dict[str, Any]] = [{"experiment": key, "visitor_id": visitor_id}]
        ((status, body),) = self.answered("/api/v1/codes/claim", wanted)
        assert status == 200, body
        return str(body["code"])

    def redeem_at_once(self, typed: str, name: str) -> Counter[int]:
        """Fifty orders use one code at one instant; how many got which status."""
        orders = [
            {"code": typed, "visitor_id": f"v-{n}", "order_id": f"{name}-{n}", "discount_minor": 500}
            for n in range(SIZE)
        ]
        return Counter(status for status, _ in self.answered("/api/v1/codes/redeem", orders))

    def answered(self, path: str, bodies: list[dict[str, Any]]) -> list[tuple[int, Any]]:
        """All at one instant; whoever is told that the database was slow (503) asks again, as clients do."""
        found = self.volley.fire(path, bodies)
        for _ in range(20):
            again = [place for place, (status, _) in enumerate(found) if status == 503]
            answers = self.volley.fire(path, [bodies[place] for place in again])
            for place, answer in zip(again, answers, strict=True):
                found[place] = answer
        return found

    def of(self, key: str, what: str, table: str, where: str = "1 = 1") -> int:
        """A number about one experiment out of the database."""
        return self.count(f"SELECT {what} FROM {table} WHERE experiment = '{key}' AND {where}")  # noqa: S608 - a test's own words

    def count(self, statement: str) -> int:
        """A number out of the database."""
        database = Database(self.url)
        try:
            return int(query(database, statement)[0][0])
        finally:
            database.close()


@contextmanager
def race(url: str, folder: Path, factory: str = SOUND) -> Iterator[Race]:
    """Two workers on one database."""
    migrate(url)
    other = None if factory == SOUND else factory
    with live_service(folder, {"OFFERLAB_DATABASE_URL": url}, ("--workers", "2"), other) as live:
        running = Race(live, url)
        try:
            yield running
        finally:
            running.volley.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Race]:
    """One service on each database for all races; each race has an experiment of its own."""
    folder = tmp_path_factory.mktemp("races")
    url = f"sqlite:///{folder / 'races.sqlite3'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        name = f"races_{uuid.uuid4().hex[:12]}"
        administer(server, f"CREATE DATABASE {name}")
        url = server.replace("/postgres?", f"/{name}?")
    with race(url, folder) as found:
        yield found


@HOW_MANY
def test_of_fifty_at_once_exactly_one_uses_a_single_use_code(running: Race, rounds: int) -> None:
    key = f"single-{rounds}"
    running.run(key, offer())
    found = [running.redeem_at_once(running.claim(key, f"c-{n}"), f"r{n}") for n in range(rounds)]
    assert found == [Counter({409: SIZE - 1, 200: 1})] * rounds
    assert running.of(key, "count(*)", "events", "type = 'redemption'") == rounds


def test_a_code_with_seven_uses_gives_exactly_seven(running: Race) -> None:
    running.run("seven", offer(code=code(uses_per_customer=None, uses_total=7)))
    found = [running.redeem_at_once(running.claim("seven", f"c-{n}"), f"r{n}") for n in range(3)]
    assert found == [Counter({409: SIZE - 7, 200: 7})] * 3


def test_a_budget_is_never_passed_by_a_minor_unit(running: Race) -> None:
    terms = {"kind": "percent_off", "percent": 10, "currency": "RUB", "code": code(uses_per_customer=None)}
    running.run("capped", terms, budget={"money_minor": 10_250, "uses": None})
    found = running.redeem_at_once(running.claim("capped", "c-1"), "r")
    assert found == Counter({200: 20, 409: 30})
    assert running.of("capped", "money_spent + money_held", "code_budgets") == 10_000
    assert running.of("capped", "sum(discount_minor)", "events", "type = 'redemption'") == 10_000


def test_claims_at_once_never_promise_more_than_the_budget_and_freeze_once(running: Race) -> None:
    running.run("promised", offer(), budget={"money_minor": 10_000, "uses": None})
    claims = [{"experiment": "promised", "visitor_id": f"v-{n}"} for n in range(SIZE)]
    answers = running.answered("/api/v1/codes/claim", claims)
    assert Counter(status for status, _ in answers) == Counter({200: 20, 409: 30})
    assert running.of("promised", "money_spent + money_held", "code_budgets") == 10_000
    freezes = "SELECT count(*) FROM audit WHERE action = 'experiment.freeze' AND subject = 'promised'"
    assert running.count(freezes) == 1


def test_claims_at_once_give_a_unit_one_code_and_never_give_an_imported_code_twice(running: Race) -> None:
    running.run("one", offer())
    answers = running.answered("/api/v1/codes/claim", [{"experiment": "one", "visitor_id": "v"}] * SIZE)
    assert len({body["code"] for _, body in answers}) == 1
    assert running.of("one", "count(*)", "codes") == 1
    running.run("own", offer(), seed="0123456789abcdef")
    running.import_codes("own", 20)
    claims = [{"experiment": "own", "visitor_id": f"v-{n}"} for n in range(SIZE)]
    answers = running.answered("/api/v1/codes/claim", claims)
    given = [body["code"] for status, body in answers if status == 200]
    assert len(given) == len(set(given)) == 40
    assert {body["code"] for status, body in answers if status != 200} == {"no_codes_left"}


def test_the_races_catch_a_build_that_looks_first_and_uses_then(sqlite_url: str, tmp_path: Path) -> None:
    terms = {"kind": "percent_off", "percent": 10, "currency": "RUB", "code": code(uses_per_customer=None)}
    with race(sqlite_url, tmp_path, PLANTED) as running:
        running.run("single", offer(code=code(uses_per_customer=None, uses_total=1)))
        winners = [running.redeem_at_once(running.claim("single", f"c-{n}"), f"r{n}")[200] for n in range(3)]
        assert max(winners) > 1
        running.run("capped", terms, budget={"money_minor": 10_250, "uses": None})
        running.redeem_at_once(running.claim("capped", "c-1"), "b")
        assert running.count("SELECT max(money_spent + money_held) FROM code_budgets") > 10_250


@pytest.mark.parametrize("operations", [40, pytest.param(1000, marks=pytest.mark.long)])
def test_an_answer_that_is_lost_after_the_commit_is_counted_once_when_sent_again(
    running: Race, operations: int
) -> None:
    key = f"lost-{operations}"
    running.run(key, offer(code=code(uses_per_customer=None)))
    typed = running.claim(key, "v-1")
    with LosingProxy(running.live.url) as proxy:
        for number in range(operations):
            order = {"code": typed, "visitor_id": "v-1", "order_id": f"o-{number}", "discount_minor": 5}
            assert proxy.lose("/api/v1/codes/redeem", running.live.admin_key, order) in {200, 503}
            ((status, _),) = running.answered("/api/v1/codes/redeem", [order])
            assert status == 200
    assert running.of(key, "count(*)", "events", "type = 'redemption'") == operations
    assert running.of(key, "count(DISTINCT order_id)", "code_uses") == operations
