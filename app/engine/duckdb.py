"""The embedded engine: the questions of `app.engine.sql` run in DuckDB, in memory, over Arrow tables.

Cheap row-wise steps are views, so a question reads only the columns it needs; steps used more than once are
tables.
DuckDB's 128-bit integers hold every sum exactly; a sum beyond 1.7e38 raises, it never wraps.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.engine import parameters, tables
from app.engine.port import AnalysisData, AnalysisRequest, OfferQuestion
from app.engine.sql import question
from stats.cells import Cells, EntryCell, EventCell, MomentCell, RecurrenceCell
from stats.offers.cells import AgeCell, OfferArmCell, OfferCells, TakerCell

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# Integer division for b > 0, rounded half away from zero; most amounts need none (b = 1).
_DIV_ROUND = (
    "CREATE TEMP MACRO div_round(a, b) AS "
    "CASE WHEN b = 1 THEN a ELSE sign(a) * ((2 * abs(a) + b) // (2 * b)) END"
)

_PARAMETER_TABLES = {
    "metrics": "label VARCHAR, key VARCHAR, lower_margin BOOLEAN, window_days INTEGER, mature_days INTEGER, "
    "cap HUGEINT, idle HUGEINT, source VARCHAR, subject VARCHAR, statistic VARCHAR, threshold HUGEINT",
    "survivals": "label VARCHAR, window_days INTEGER, mature_days INTEGER",
    "recurrents": "label VARCHAR, window_days INTEGER, mature_days INTEGER",
    "rates": "currency VARCHAR, numerator HUGEINT, denominator HUGEINT",
    "terms": "as_of_day INTEGER, money_days INTEGER, profit_days INTEGER, vat_ppm HUGEINT, "
    "margin_lo_ppm HUGEINT, margin_hi_ppm HUGEINT, needs_delivery_cost BOOLEAN",
}

_STEPS = (
    ("TABLE", "entered"),
    ("VIEW", "outcomes"),
    ("VIEW", "converted"),
    ("TABLE", "priced"),
    ("VIEW", "counted"),
    ("VIEW", "settled"),
    ("TABLE", "unit_sums"),
    ("TABLE", "cost_sums"),
    ("VIEW", "first_events"),
    ("VIEW", "recurrent_orders"),
)
# sources whose rows may lack something that the trust banner must count
_NOTED = ("lines", "customs")


class DuckDBEngine:
    """Counts with an embedded DuckDB; one in-memory connection per call, safe to share between threads."""

    def cells(self, request: AnalysisRequest, data: AnalysisData) -> Cells:
        """Integer sufficient statistics per metric, variant and cohort day, sorted (see `Engine.cells`).

        Args:
            request: the plan, economics, caps and last shop day.
            data: ledger rows; exposures and orders after the last shop day are left out.

        Raises:
            ValueError: a metric key that is not counted, money without a currency, a table without a column.
        """
        with _opened(request, data) as connection:
            return Cells(
                entries=sorted(EntryCell(*row) for row in _rows(connection, "entries")),
                moments=sorted(MomentCell(*row) for row in _rows(connection, "moments")),
                events=sorted(EventCell(*row) for row in _rows(connection, "events")),
                recurrences=_recurrences(connection, request),
                notes=_notes(connection, request),
                offers=None if request.offers is None else _offer_cells(connection, request.offers),
            )

    def first_buyer_values(
        self, request: AnalysisRequest, data: AnalysisData, metric: str, limit: int
    ) -> Sequence[int]:
        """|x| of the first mature units with x ≠ 0, by entry; for caps (see `Engine.first_buyer_values`).

        Args:
            request: as for `cells`; its caps are not used.
            data: as for `cells`.
            metric: label of a metric; with an interval of margins its upper end unless `#lo` is named.
            limit: how many values at most, at least 1.

        Raises:
            ValueError: an unknown label, or a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"limit is {limit}; it must be at least 1")
        labels = {row.label for row in parameters.moment_rows(request)}
        label = metric if metric in labels else f"{metric}#hi"
        if label not in labels:
            raise ValueError(f"no per-unit sum with the label {metric!r}: not one of {sorted(labels)}")
        with _opened(request, data) as connection:
            return [row[0] for row in _rows(connection, "first_values", label=label, limit=limit)]

    def unit_totals(self, request: AnalysisRequest, data: AnalysisData) -> "pa.Table":
        """One row per exposed unit with its value and maturity per metric (see `Engine.unit_totals`).

        Args:
            request: as for `cells`; its caps are not used.
            data: as for `cells`.

        Returns:
            An Arrow table sorted by unit.

        Raises:
            ValueError: as for `cells`.
        """
        with _opened(request, data) as connection:
            totals = connection.sql(question("totals_entered")).to_arrow_table()
            for row in parameters.moment_rows(request):
                part = _arrow(connection, "totals_moment", row.label)
                totals = _widened(totals, part, row.label, ratio=row.key in parameters.RATIO_KEYS)
            followed = {
                "totals_survival": parameters.survival_rows(request),
                "totals_recurrent": parameters.recurrent_rows(request),
            }
            for name, metrics in followed.items():
                for metric in metrics:
                    part = _arrow(connection, name, metric.label)
                    totals = _widened(totals, part, metric.label, ratio=False)
        return totals


@contextmanager
def _opened(request: AnalysisRequest, data: AnalysisData) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A connection that holds the data, the parameters and every step."""
    import duckdb

    parameters.check(request)
    with duckdb.connect(":memory:") as connection:
        connection.execute(_DIV_ROUND)
        connection.register("exposures", tables.conform(data.exposures, tables.EXPOSURES))
        connection.register("orders", tables.conform(data.orders, tables.ORDERS))
        connection.register("refunds", tables.conform(data.refunds, tables.REFUNDS))
        connection.register("redeemed", tables.given(data.redeemed, tables.REDEEMED))
        connection.register("claims", tables.given(data.claims, tables.CLAIMS))
        connection.register("costs", tables.given(data.costs, tables.COSTS))
        connection.register("uses", tables.given(data.uses, tables.USES))
        connection.register("customs", tables.given(data.customs, tables.CUSTOMS))
        connection.register("lines", tables.given(data.lines, tables.LINES))
        connection.register("persons", tables.given(data.persons, tables.PERSONS))
        _load_parameters(connection, request)
        for kind, step in _STEPS:
            connection.execute(f"CREATE TEMP {kind} {step} AS {question(step)}")
        connection.execute(f"CREATE TEMP VIEW unit_values AS {_values(request)}")
        yield connection


def _sources(request: AnalysisRequest) -> list[str]:
    """Where the plan's values come from, each once; always the orders, so that there is a question."""
    return sorted({"orders", *(row.source for row in parameters.moment_rows(request))})


def _values(request: AnalysisRequest) -> str:
    """One question for the values of every metric, from the sources that are asked for."""
    asked = [question(f"values_of_{source}") for source in _sources(request)]
    return "\nUNION ALL\n".join(f"SELECT * FROM (\n{text}\n)" for text in asked)  # noqa: S608 - our texts


def _load_parameters(connection: "duckdb.DuckDBPyConnection", request: AnalysisRequest) -> None:
    rows: dict[str, Sequence[tuple[Any, ...]]] = {
        "metrics": parameters.moment_rows(request),
        "survivals": parameters.survival_rows(request),
        "recurrents": parameters.recurrent_rows(request),
        "rates": parameters.rate_rows(request),
        "terms": [parameters.terms_row(request)],
    }
    for table, columns in _PARAMETER_TABLES.items():
        connection.execute(f"CREATE TEMP TABLE {table} ({columns})")
        if rows[table]:
            places = ", ".join(f"({', '.join('?' for _ in row)})" for row in rows[table])
            insert = f"INSERT INTO {table} VALUES {places}"  # noqa: S608 - a constant of this module
            connection.execute(insert, [value for row in rows[table] for value in row])


def _rows(connection: "duckdb.DuckDBPyConnection", name: str, **values: str | int) -> list[tuple[Any, ...]]:
    return connection.execute(question(name), values).fetchall()


def _recurrences(connection: "duckdb.DuckDBPyConnection", request: AnalysisRequest) -> list[RecurrenceCell]:
    if not parameters.recurrent_rows(request):
        return []
    return sorted(RecurrenceCell(*row) for row in _rows(connection, "recurrences"))


def _offer_cells(connection: "duckdb.DuckDBPyConnection", asked: OfferQuestion) -> OfferCells:
    at_window = {"window_days": asked.window_days, "closed_day": asked.closed_day}
    at_curve = {"window_days": asked.curve_days, "closed_day": asked.closed_day}
    takers = _rows(connection, "offer_takers", closed_day=asked.closed_day)
    return OfferCells(
        window_days=asked.window_days,
        curve_days=asked.curve_days,
        arms=sorted(OfferArmCell(*row) for row in _rows(connection, "offer_arms", **at_window)),
        curve_units=dict(sorted(_rows(connection, "offer_sizes", **at_curve))),
        ages=sorted(AgeCell(*row) for row in _rows(connection, "offer_ages", **at_curve)),
        takers=sorted(TakerCell(*row) for row in takers),
    )


def _arrow(connection: "duckdb.DuckDBPyConnection", name: str, label: str) -> "pa.Table":
    return connection.sql(question(name), params={"label": label}).to_arrow_table()


def _notes(connection: "duckdb.DuckDBPyConnection", request: AnalysisRequest) -> dict[str, int]:
    """Counts by name, those above 0 only."""
    asked = ["notes", *(f"notes_of_{source}" for source in _NOTED if source in _sources(request))]
    found: dict[str, int] = {}
    for name in asked:
        cursor = connection.execute(question(name))
        names = [column[0] for column in cursor.description or ()]
        found |= dict(zip(names, cursor.fetchone() or (), strict=True))
    return {name: count for name, count in found.items() if count}


def _widened(totals: "pa.Table", part: "pa.Table", label: str, *, ratio: bool) -> "pa.Table":
    """The totals with one metric's columns beside them; both are sorted by unit."""
    totals = totals.append_column(label, part.column("x"))
    if ratio:
        totals = totals.append_column(f"{label}.denominator", part.column("y"))
    return totals.append_column(f"{label}.mature", part.column("mature"))
