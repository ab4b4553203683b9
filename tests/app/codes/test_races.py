"""One code, one winner: requests at one instant over two workers, and answers lost after the commit.

Each is shown to fail on a planted build that looks first and uses then (`tests.support.check_then_act`).
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.database import Database, migrate
from tests.support.codes import both, code, offer
from tests.support.inprocess import definition
from tests.support.last_byte import Volley
from tests.support.ledger import query
from tests.support.live import Live, live_service
from tests.support.losing_proxy import LosingProxy

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
            assert client.post(f"/api/v1/experiments/{key}/start", json={}).status_code == 200
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


@HOW_MANY
def test_of_fifty_at_once_exactly_one_uses_a_single_use_code(
    database_url: str, tmp_path: Path, rounds: int
) -> None:
    with race(database_url, tmp_path) as running:
        running.run("single", offer())
        found = [running.redeem_at_once(running.claim("single", f"c-{n}"), f"r{n}") for n in range(rounds)]
        assert found == [Counter({409: SIZE - 1, 200: 1})] * rounds
        assert running.count("SELECT count(*) FROM events WHERE type = 'redemption'") == rounds


def test_a_code_with_seven_uses_gives_exactly_seven(database_url: str, tmp_path: Path) -> None:
    with race(database_url, tmp_path) as running:
        running.run("seven", offer(code=code(uses_per_customer=None, uses_total=7)))
        found = [running.redeem_at_once(running.claim("seven", f"c-{n}"), f"r{n}") for n in range(3)]
        assert found == [Counter({409: SIZE - 7, 200: 7})] * 3


def test_a_budget_is_never_passed_by_a_minor_unit(database_url: str, tmp_path: Path) -> None:
    terms = {"kind": "percent_off", "percent": 10, "currency": "RUB", "code": code(uses_per_customer=None)}
    with race(database_url, tmp_path) as running:
        running.run("capped", terms, budget={"money_minor": 10_250, "uses": None})
        found = running.redeem_at_once(running.claim("capped", "c-1"), "r")
        assert found == Counter({200: 20, 409: 30})
        assert running.count("SELECT money_spent + money_held FROM code_budgets") == 10_000
        assert running.count("SELECT sum(discount_minor) FROM events WHERE type = 'redemption'") == 10_000


def test_claims_at_once_never_promise_more_than_the_budget_and_freeze_once(
    database_url: str, tmp_path: Path
) -> None:
    with race(database_url, tmp_path) as running:
        running.run("promised", offer(), budget={"money_minor": 10_000, "uses": None})
        claims = [{"experiment": "promised", "visitor_id": f"v-{n}"} for n in range(SIZE)]
        answers = running.answered("/api/v1/codes/claim", claims)
        assert Counter(status for status, _ in answers) == Counter({200: 20, 409: 30})
        assert running.count("SELECT money_spent + money_held FROM code_budgets") == 10_000
        assert running.count("SELECT count(*) FROM audit WHERE action = 'experiment.freeze'") == 1


def test_claims_at_once_give_a_unit_one_code_and_never_give_an_imported_code_twice(
    database_url: str, tmp_path: Path
) -> None:
    with race(database_url, tmp_path) as running:
        running.run("one", offer())
        answers = running.answered("/api/v1/codes/claim", [{"experiment": "one", "visitor_id": "v"}] * SIZE)
        assert len({body["code"] for _, body in answers}) == 1
        assert running.count("SELECT count(*) FROM codes") == 1
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
    database_url: str, tmp_path: Path, operations: int
) -> None:
    with race(database_url, tmp_path) as running:
        running.run("lost", offer(code=code(uses_per_customer=None)))
        typed = running.claim("lost", "v-1")
        with LosingProxy(running.live.url) as proxy:
            for number in range(operations):
                order = {"code": typed, "visitor_id": "v-1", "order_id": f"o-{number}", "discount_minor": 5}
                assert proxy.lose("/api/v1/codes/redeem", running.live.admin_key, order) in {200, 503}
                ((status, _),) = running.answered("/api/v1/codes/redeem", [order])
                assert status == 200
        assert running.count("SELECT count(*) FROM events WHERE type = 'redemption'") == operations
        assert running.count("SELECT count(DISTINCT order_id) FROM code_uses") == operations
