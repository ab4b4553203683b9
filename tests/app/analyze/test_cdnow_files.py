"""The CDNOW log through the service and the same log as files: the same numbers, digit for digit."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli.analyze import analyze
from app.demo import cdnow
from app.demo.service import Door, seed_cdnow
from tests.support.live import Live, live_service

AS_OF = "1998-07-01T00:00:00Z"  # the day after the log ends
PLAN = """
experiment = "cdnow"
as_of = "1998-07-01T00:00:00Z"
looks = "1997-01-01..1998-06-30"
timezone = "UTC"
control = "a"
primary = {key = "repeat_purchase_rate", days = 30}
secondary = ["repeat_buyers_per_unit", "orders_per_unit", "revenue_per_unit", "average_order_value"]
window_days = 30
planned_units = 2300
min_days = 14
max_days = 84
mde = 0.2
currency = "USD"
margin_share = 0.25
weights = {a = 0.5, b = 0.5}
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("cdnow")) as started:
        with Door(started.url, started.admin_key) as door:
            seed_cdnow(door)
        yield started


@pytest.fixture(scope="module")
def promised(live: Live) -> dict[str, Any]:
    with live.client() as http:
        found: dict[str, Any] = http.get(f"/api/v1/experiments/cdnow/results?as_of={AS_OF}").json()
    return found


@pytest.fixture(scope="module")
def variants(live: Live) -> dict[str, str]:
    """The variant the service gives each customer, asked again."""
    with Door(live.url, live.admin_key) as door:
        return {customer: door.variant("cdnow", customer) for customer in cdnow.purchases()}


def write(path: Path, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def write_log(folder: Path, variants: dict[str, str], *, event_ids: bool) -> None:
    """The log as an analyst would have it, straight from the data file."""
    shown, bought = [], []
    for customer, rows in cdnow.purchases().items():
        first, *orders = cdnow.events(customer, rows, variants[customer])
        shown.append(first | {"unit_id": customer})
        bought += [order | {"unit_id": customer} for order in orders]
    named = ("event_id",) if event_ids else ()
    write(folder / "exposures.csv", shown, (*named, "unit_id", "variant", "occurred_at"))
    columns = ("order_id", "unit_id", "occurred_at", "currency", "items_minor", "discount_minor")
    write(folder / "orders.csv", bought, (*named, *columns))
    (folder / "plan.toml").write_text(PLAN)


def analysed(folder: Path) -> dict[str, Any]:
    files = [
        f"--exposures={folder / 'exposures.csv'}",
        f"--orders={folder / 'orders.csv'}",
        f"--plan={folder / 'plan.toml'}",
    ]
    done = CliRunner().invoke(analyze, ["events", *files, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


def test_four_hundred_and_ten_of_2357_bought_again_within_30_days(promised: dict[str, Any]) -> None:
    repeat = next(metric for metric in promised["metrics"] if metric["key"] == "repeat_purchase_rate")
    assert sum(variant["n"] for variant in repeat["variants"]) == 2357
    assert sum(variant["total"] for variant in repeat["variants"]) == 410


def test_the_log_as_files_gives_the_service_s_document(
    promised: dict[str, Any], variants: dict[str, str], tmp_path: Path
) -> None:
    write_log(tmp_path, variants, event_ids=True)
    # a file has no sequence numbers; everything else is the same, the fingerprint of the inputs too
    assert without(analysed(tmp_path), "through_seq") == without(promised, "through_seq")


def test_files_without_event_ids_give_the_same_numbers(
    promised: dict[str, Any], variants: dict[str, str], tmp_path: Path
) -> None:
    write_log(tmp_path, variants, event_ids=False)
    left_out = ("through_seq", "inputs_sha256")  # the fingerprint covers event ids
    assert without(analysed(tmp_path), *left_out) == without(promised, *left_out)


def test_one_order_less_is_another_document(
    promised: dict[str, Any], variants: dict[str, str], tmp_path: Path
) -> None:
    write_log(tmp_path, variants, event_ids=True)
    lines = (tmp_path / "orders.csv").read_text().splitlines(keepends=True)
    (tmp_path / "orders.csv").write_text("".join([*lines[:1], *lines[2:]]))
    found = analysed(tmp_path)
    assert found["metrics"] != promised["metrics"]
    assert found["inputs_sha256"] != promised["inputs_sha256"]


def test_the_service_s_own_exports_give_its_document(
    live: Live, promised: dict[str, Any], tmp_path: Path
) -> None:
    with live.client() as http:
        for name in ("exposures.csv", "orders.csv", "plan.toml"):
            answer = http.get(f"/api/v1/experiments/cdnow/export/{name}?as_of={AS_OF}")
            (tmp_path / name).write_bytes(answer.raise_for_status().content)
    assert analysed(tmp_path) == promised
