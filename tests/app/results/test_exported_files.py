"""Files out of the service and back through the command line: the same result, digit for digit."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from pyarrow import csv

from app.analyze.events import analyze_events
from app.cli.analyze import analyze
from app.clock import day_number
from app.errors import NotFound
from app.exports.formats import stream, without_apostrophes
from app.exports.service import export
from app.results.service import close_looks, results
from tests.support.results_shop import (
    CLOSED,
    CONTROL,
    KEY,
    START,
    TREATMENT,
    Shop,
    definition,
    exposure,
    order,
    shoppers,
    variant_of,
)


def save(shop: Shop, folder: Path, *names: str, as_of: str = CLOSED) -> None:
    for name in names:
        (folder / name).write_bytes(b"".join(export(shop.services, KEY, name, as_of).parts))


def table(shop: Shop, name: str, as_of: str = CLOSED) -> pa.Table:
    return pq.read_table(io.BytesIO(b"".join(export(shop.services, KEY, f"{name}.parquet", as_of).parts)))


def awkward_events() -> list[dict[str, Any]]:
    """Crossover, logins, foreign money, formula-like ids, exposures that do not count."""
    at = START + timedelta(days=3)
    other = {CONTROL: TREATMENT, TREATMENT: CONTROL}[variant_of("v-1")]
    login = {"event_id": "i-1", "type": "identify", "visitor_id": "v-2", "customer_id": "anna"}
    return [
        exposure("v-1", at, event_id="x-again", variant=other),
        exposure("v-early", START - timedelta(days=1)),
        exposure("=cmd", at, event_id="=1+1"),
        order("@order\n\"quoted\", 'twice'", at + timedelta(hours=1), "=cmd", event_id="-e"),
        order("'=order", at + timedelta(hours=1), "=cmd", event_id="'e", currency="USD", items_minor=999),
        order("o-eur", at + timedelta(hours=2), "v-1", currency="EUR"),
        order("o-unpaid", at + timedelta(hours=2), "v-1", paid=False),
        login | {"occurred_at": at.isoformat()},
        order("o-anna", at + timedelta(hours=3), None, customer_id="anna", margin_minor=-5, tax_minor=7),
        order("o-lines", at, "v-4", lines=[{"sku": "a", "quantity": 2, "price_minor": 9, "cost_minor": 4}]),
    ]


@pytest.fixture
def busy_shop(shop: Shop) -> Shop:
    shop.define()
    shop.send(shoppers(240) + awkward_events())
    close_looks(shop.services, KEY, day_number(CLOSED))
    return shop


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("as_of", [CLOSED, "2026-01-19T08:00:00+03:00", "2026-03-01"])
def test_exported_files_give_the_service_s_document(
    busy_shop: Shop, suffix: str, as_of: str, tmp_path: Path
) -> None:
    save(busy_shop, tmp_path, f"exposures.{suffix}", f"orders.{suffix}", "plan.toml", as_of=as_of)
    files = (tmp_path / f"exposures.{suffix}", tmp_path / f"orders.{suffix}")
    _, document = analyze_events(*files, None, tmp_path / "plan.toml")
    found = json.loads(document)
    promised = json.loads(results(busy_shop.services, KEY, as_of))
    assert found["unusable"].keys() <= {"immature", "two_variants"}
    found["unusable"] = {}
    assert found == promised
    assert promised["trust"]["crossover"]["units"] == 1


def test_the_document_before_any_look_comes_out_of_files_too(sqlite_shop: Shop, tmp_path: Path) -> None:
    sqlite_shop.define()
    sqlite_shop.send(shoppers(60))
    save(sqlite_shop, tmp_path, "exposures.csv", "orders.csv", "plan.toml")
    found = analyze_events(tmp_path / "exposures.csv", tmp_path / "orders.csv", None, tmp_path / "plan.toml")[
        1
    ]
    assert found == results(sqlite_shop.services, KEY, CLOSED)


def test_a_stopped_experiment_says_so_in_its_plan_file(sqlite_shop: Shop, tmp_path: Path) -> None:
    sqlite_shop.define(definition(ends_at=(START + timedelta(days=10)).isoformat()))
    sqlite_shop.send(shoppers(300))
    close_looks(sqlite_shop.services, KEY, day_number(CLOSED))
    save(sqlite_shop, tmp_path, "exposures.csv", "orders.csv", "plan.toml")
    found = analyze_events(tmp_path / "exposures.csv", tmp_path / "orders.csv", None, tmp_path / "plan.toml")[
        1
    ]
    assert found == results(sqlite_shop.services, KEY, CLOSED)
    assert 'state = "stopped"' in (tmp_path / "plan.toml").read_text()


def counted(document: bytes) -> dict[str, Any]:
    """The document; of the rows that cannot be used only the counts, as their places are the files' own."""
    found: dict[str, Any] = json.loads(document)
    return found | {"unusable": {code: entry["count"] for code, entry in found["unusable"].items()}}


def test_rows_in_any_order_twice_and_in_pieces_give_the_same_numbers(busy_shop: Shop, tmp_path: Path) -> None:
    save(busy_shop, tmp_path, "exposures.csv", "orders.parquet", "plan.toml")
    plan = tmp_path / "plan.toml"
    once = analyze_events(tmp_path / "exposures.csv", tmp_path / "orders.parquet", None, plan)[1]
    header, *lines = (tmp_path / "exposures.csv").read_text().splitlines(keepends=True)
    (tmp_path / "a.csv").write_text("".join([header, *reversed(lines[80:])]))
    (tmp_path / "b.csv").write_text("".join([header, *lines[:120], *lines[10:20]]))
    bought = pq.read_table(tmp_path / "orders.parquet")
    shuffled = pa.concat_tables([bought.slice(50), bought.slice(0, 90)])
    pq.write_table(shuffled, tmp_path / "shuffled.parquet")
    exposures = [tmp_path / "a.csv", tmp_path / "b.csv"]
    again = analyze_events(exposures, tmp_path / "shuffled.parquet", None, plan)[1]
    assert counted(again) == counted(once)


def test_refunds_in_a_file_of_their_own_count_the_same(busy_shop: Shop, tmp_path: Path) -> None:
    save(busy_shop, tmp_path, "exposures.csv", "orders.csv", "refunds.csv", "orders.parquet", "plan.toml")
    exposures, plan = tmp_path / "exposures.csv", tmp_path / "plan.toml"
    once = analyze_events(exposures, tmp_path / "orders.csv", None, plan)[1]
    without = pq.read_table(tmp_path / "orders.parquet").drop_columns(["refunds"])
    pq.write_table(without, tmp_path / "bare.parquet")
    assert analyze_events(exposures, tmp_path / "bare.parquet", tmp_path / "refunds.csv", plan)[1] == once
    assert analyze_events(exposures, tmp_path / "orders.csv", tmp_path / "refunds.csv", plan)[1] == once
    assert analyze_events(exposures, tmp_path / "bare.parquet", None, plan)[1] != once


def test_the_command_prints_the_document(busy_shop: Shop, tmp_path: Path) -> None:
    save(busy_shop, tmp_path, "exposures.csv", "orders.csv", "plan.toml")
    files = [f"--{name}={tmp_path / name}.csv" for name in ("exposures", "orders")]
    out = tmp_path / "results.json"
    arguments = ["events", *files, f"--plan={tmp_path / 'plan.toml'}", f"--out={out}", "--json"]
    done = CliRunner().invoke(analyze, arguments)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == json.loads(out.read_bytes())
    assert json.loads(done.output)["experiment"] == KEY


def test_types_in_parquet_are_whole_numbers_and_moments(busy_shop: Shop) -> None:
    schema = table(busy_shop, "orders").schema
    assert schema.field("items_minor").type == pa.int64()
    assert schema.field("occurred_at").type == pa.timestamp("us", "UTC")
    assert schema.field("paid").type == pa.bool_()


def test_no_person_s_id_and_no_internal_number_leaves(busy_shop: Shop) -> None:
    units = table(busy_shop, "exposures")["unit_id"].to_pylist()
    assert all(len(unit) == 16 and set(unit) <= set("0123456789abcdef") for unit in units)
    first = table(busy_shop, "exposures").sort_by("event_id")
    assert first.equals(table(busy_shop, "exposures").sort_by("event_id"))
    assert set(table(busy_shop, "orders")["unit_id"].to_pylist()) <= set(units)
    assert set(table(busy_shop, "units")["unit_id"].to_pylist()) <= set(units)


def test_units_add_up_to_the_results(busy_shop: Shop) -> None:
    units = table(busy_shop, "units")
    document = json.loads(results(busy_shop.services, KEY, CLOSED))
    found = next(m for m in document["metrics"] if m["key"] == "conversion_rate")
    assert units.num_rows == sum(v["n"] + v["immature"] for v in found["variants"])
    bought = sum(units["conversion_rate:7"].to_pylist())
    assert bought == sum(v["total"] for v in found["variants"])


def test_every_kind_and_format_can_be_read_back(busy_shop: Shop) -> None:
    for kind in ("units", "exposures", "orders", "refunds", "cells", "looks"):
        rows = table(busy_shop, kind).num_rows
        assert rows > 0
        parts = {
            name: b"".join(export(busy_shop.services, KEY, f"{kind}.{name}", CLOSED).parts)
            for name in ("csv", "arrow")
        }
        options = csv.ParseOptions(newlines_in_values=True)
        assert csv.read_csv(io.BytesIO(parts["csv"]), parse_options=options).num_rows == rows
        assert pa.ipc.open_stream(parts["arrow"]).read_all().num_rows == rows


@pytest.mark.parametrize("name", ["redemptions.xlsx", "events.txt", "orders.xlsx", "people.csv", "orders"])
def test_a_file_that_is_not_there_is_a_named_refusal(sqlite_shop: Shop, name: str) -> None:
    sqlite_shop.define()
    with pytest.raises(NotFound) as refused:
        export(sqlite_shop.services, KEY, name)
    assert refused.value.field == "name"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'x", "'=x", "''", "plain", 'é,"\n']
)
def test_text_that_a_spreadsheet_would_run_is_made_safe_and_comes_back(text: str) -> None:
    """Oracle: the round trip; the first character of the cell in the file."""
    cell = b"".join(stream(pa.table({"id": [text]}), "csv")).decode().split("\n", 1)[1]
    assert cell[1] not in "=+-@\t\r"
    read = csv.read_csv(
        io.BytesIO(f'"id"\n{cell}'.encode()),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types={"id": pa.string()}),
    )
    assert without_apostrophes(read["id"]).to_pylist() == [text]


def test_a_large_file_streams_in_parts() -> None:
    rows = pa.table({"n": pa.array(range(200_000), pa.int64())})
    for as_format in ("csv", "parquet", "arrow"):
        parts = list(stream(rows, as_format))
        assert len(parts) >= 3
        assert max(map(len, parts)) < sum(map(len, parts))
