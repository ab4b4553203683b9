"""Two changes at the same time: neither undoes the other, and each has its audit entry."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.experiments import service as experiments
from app.experiments.service import get_row
from app.experiments.tables import ExperimentRow
from tests.support.inprocess import NOW_US, InProcess, in_process

KEY = "promo-code-reuse"
PATH = f"/api/v1/experiments/{KEY}"


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(database_url, tmp_path) as running:
        yield running


def test_two_changes_of_a_draft_at_once_are_both_kept(service: InProcess) -> None:
    service.create()
    database = service.services.database
    inside, finished = threading.Event(), threading.Event()

    def change(**fields: Any) -> None:
        def merge(row: ExperimentRow) -> dict[str, Any]:
            inside.set()
            return {**row.definition, **fields}

        experiments.change(database, KEY, list(fields), merge, "test", NOW_US)

    def first() -> None:
        def merge(row: ExperimentRow) -> dict[str, Any]:
            inside.set()
            finished.wait(0.3)  # the other one cannot finish while we hold the row: this wait runs out
            return {**row.definition, "hypothesis": "first"}

        experiments.change(database, KEY, ["hypothesis"], merge, "test", NOW_US)

    def second() -> None:
        inside.wait(10)
        change(local_evaluation=True)
        finished.set()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with database.read() as session:
        definition = get_row(session, KEY).definition
    assert (definition["hypothesis"], definition["local_evaluation"]) == ("first", True)
    assert service.call("GET", "/api/v1/audit/verify", kind="adm").json()["ok"]


def test_the_key_of_a_started_experiment_is_immutable_like_every_field(service: InProcess) -> None:
    service.running()
    answer = service.call("PATCH", PATH, {"key": "another"})
    assert (answer.status_code, answer.json()["field"]) == (409, "key")


def test_a_change_of_a_layers_seed_is_audited_with_the_seed_before(service: InProcess) -> None:
    for seed in ("00000000000000aa", "00000000000000bb"):
        assert service.call("PUT", "/api/v1/layers/cart", {"seed": seed}).status_code == 200
    newest = service.call("GET", "/api/v1/audit?limit=1", kind="adm").json()["items"][0]
    assert newest["action"] == "layer.put"
    assert (newest["before"]["seed"], newest["after"]["seed"]) == ("00000000000000aa", "00000000000000bb")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"economics": {"currency": "ABC"}}, "economics.currency"),
        ({"economics": {"currency": "RUB", "rates": {"ABC": 2.0}}}, "economics.rates.ABC"),
        ({"economics": {"currency": "RUB", "rates": {"RUB": 2.0}}}, "economics.rates.RUB"),
    ],
)
def test_a_currency_no_order_may_be_in_or_a_rate_of_its_own_is_refused(
    service: InProcess, fields: dict[str, Any], named: str
) -> None:
    service.create()
    answer = service.call("PATCH", PATH, fields)
    assert (answer.status_code, answer.json()["field"]) == (422, named)


def test_a_moment_without_an_offset_is_called_naive(service: InProcess) -> None:
    service.create()
    answer = service.call("PATCH", PATH, {"starts_at": "2026-01-05T00:00:00"})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        422,
        "naive_moment",
        "starts_at",
    )
