"""Every engine gives the integers of the brute-force engine (the oracle) on random ledgers."""

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.duckdb import DuckDBEngine
from app.engine.port import AnalysisData, AnalysisRequest, Engine
from tests.support.brute_force import BruteForceEngine
from tests.support.effort import examples
from tests.support.ledgers import as_of, ledgers, metric, repeat_ledgers, request, requests

ENGINES: dict[str, Engine] = {"duckdb": DuckDBEngine()}
ORACLE = BruteForceEngine()
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def shuffled(table: pa.Table, order: list[int]) -> pa.Table:
    places = sorted(range(table.num_rows), key=lambda row: (order[row % len(order)], -row))
    return table.take(pa.array(places, pa.int64()))


def assert_same_cells(engine: Engine, asked: AnalysisRequest, data: AnalysisData) -> None:
    counted, expected = engine.cells(asked, data), ORACLE.cells(asked, data)
    assert list(counted.entries) == list(expected.entries)
    assert list(counted.moments) == list(expected.moments)
    assert list(counted.events) == list(expected.events)
    assert list(counted.recurrences) == list(expected.recurrences)
    assert counted.notes == expected.notes
    assert counted.offers == expected.offers


@settings(SLOW, max_examples=examples(15, 40))
@given(requests(), ledgers())
def test_duckdb_cells_equal_the_brute_force_cells(asked: AnalysisRequest, data: AnalysisData) -> None:
    assert_same_cells(ENGINES["duckdb"], asked, data)


@pytest.mark.long
@settings(SLOW, max_examples=2000)
@given(requests(), ledgers())
def test_duckdb_cells_equal_the_brute_force_cells_on_many_ledgers(
    asked: AnalysisRequest, data: AnalysisData
) -> None:
    assert_same_cells(ENGINES["duckdb"], asked, data)


@settings(SLOW, max_examples=examples(15, 40))
@given(repeat_ledgers(), st.integers(3, 7), st.integers(0, 3), st.integers(6, 16))
def test_first_events_equal_the_brute_force_events_when_cancellations_move_them(
    data: AnalysisData, window_days: int, settle_days: int, as_of_day: int
) -> None:
    repeat, further = metric("repeat_purchase_rate", window_days), metric("orders_per_customer", window_days)
    asked = request(repeat, further, settle_days=settle_days, as_of_day=as_of_day)
    assert_same_cells(ENGINES["duckdb"], asked, data)
    assert DuckDBEngine().unit_totals(asked, data).to_pylist() == ORACLE.unit_totals(asked, data).to_pylist()


@settings(SLOW, max_examples=examples(5, 12))
@given(requests(), ledgers())
def test_duckdb_unit_totals_equal_the_brute_force_totals(asked: AnalysisRequest, data: AnalysisData) -> None:
    counted = DuckDBEngine().unit_totals(asked, data).to_pylist()
    assert counted == ORACLE.unit_totals(asked, data).to_pylist()


@settings(SLOW, max_examples=examples(5, 12))
@given(requests(), ledgers(), st.integers(1, 3))
def test_duckdb_first_buyer_values_equal_the_brute_force_values(
    asked: AnalysisRequest, data: AnalysisData, limit: int
) -> None:
    for label in (
        f"{key}:{asked.plan.metrics[0].window_days}" for key in ("profit_per_unit", "orders_per_unit")
    ):
        counted = DuckDBEngine().first_buyer_values(asked, data, label, limit)
        assert counted == ORACLE.first_buyer_values(asked, data, label, limit)


@settings(SLOW, max_examples=examples(5, 12))
@given(requests(), ledgers(), st.lists(st.integers(0, 9), min_size=3, max_size=7))
def test_the_order_of_arrival_changes_no_cell(
    asked: AnalysisRequest, data: AnalysisData, order: list[int]
) -> None:
    moved = AnalysisData(
        exposures=shuffled(data.exposures, order),
        orders=shuffled(data.orders, order),
        refunds=shuffled(data.refunds, order),
        costs=data.costs,
        redeemed=data.redeemed,
        claims=data.claims,
        uses=data.uses,
        customs=None if data.customs is None else shuffled(data.customs, order),
        lines=None if data.lines is None else shuffled(data.lines, order),
        persons=data.persons,
    )
    assert DuckDBEngine().cells(asked, moved) == DuckDBEngine().cells(asked, data)


@settings(SLOW, max_examples=examples(5, 12))
@given(requests(), ledgers())
def test_a_matured_cohort_never_changes_afterwards(asked: AnalysisRequest, data: AnalysisData) -> None:
    earlier = DuckDBEngine().cells(asked, data).moments
    later = DuckDBEngine().cells(as_of(asked, asked.as_of_day + 3), data).moments
    assert set(earlier) <= set(later)


@settings(SLOW, max_examples=examples(5, 12))
@given(requests(), ledgers())
def test_an_earlier_day_is_read_from_later_event_cells_by_a_sum(
    asked: AnalysisRequest, data: AnalysisData
) -> None:
    later = DuckDBEngine().cells(as_of(asked, 18), data).events
    known = [cell for cell in later if cell.known_day <= asked.as_of_day]
    assert known == list(DuckDBEngine().cells(asked, data).events)
    all_known = DuckDBEngine().cells(as_of(asked, 18), data).recurrences
    again = [cell for cell in all_known if cell.known_day <= asked.as_of_day]
    assert again == list(DuckDBEngine().cells(asked, data).recurrences)


@settings(SLOW, max_examples=examples(5, 12))
@given(requests(), ledgers())
def test_unit_totals_add_up_to_the_cells(asked: AnalysisRequest, data: AnalysisData) -> None:
    bare = replace(asked, caps={})
    cells = DuckDBEngine().cells(bare, data)
    rows = DuckDBEngine().unit_totals(bare, data).to_pylist()
    for label in {cell.metric for cell in cells.moments}:
        total = sum(row[label] or 0 for row in rows if row[f"{label}.mature"])
        assert total == sum(cell.raw_total for cell in cells.moments if cell.metric == label)
