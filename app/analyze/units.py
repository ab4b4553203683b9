"""`offerlab analyze units`: one row per unit with its outcomes → the same result object."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.analyze.files import Sheet, read_sheet
from app.analyze.numbers import exact_number
from app.analyze.plan_file import read_plan
from app.analyze.plan_metrics import cohortless_plan, metric_spec
from app.analyze.scaling import unscaled
from app.analyze.unusable import Unusable
from app.clock import isoformat, last_closed_day, shop_day
from app.results.document import encode, with_words
from stats.analysis import analyse
from stats.cells import Cells, EntryCell, MomentCell
from stats.looks import LookBook
from stats.plan import AnalysisPlan, Metric
from stats.results import Result

if TYPE_CHECKING:
    from decimal import Decimal

LONGEST_DECIMALS = 9


@dataclass(frozen=True)
class _Column:
    """A metric with its exact values: integers over a power of ten."""

    metric: Metric
    values: list[int]
    scale: int
    denominators: list[int]
    denominator_scale: int


def analyze_units(path: Path, plan_path: Path) -> tuple[Result, bytes]:
    """Read a file with one row per unit under a plan; one look, with every unit mature.

    Args:
        path: CSV or Parquet with `unit_id, variant` and the columns the plan's `[[metrics]]` name.
        plan_path: plan.toml; its first metric is the primary unless `primary` names another.

    Returns:
        The result and its JSON document. A unit in two variants is left out and counted (`two_variants`), as
        are rows without an id (`missing_id`), of an unknown variant (`unknown_variant`), with an empty value
        (`missing_value`), and further rows of a unit that differ (`conflict`).

    Raises:
        Invalid: a file or the plan cannot be read; the message names file, row and column.
    """
    plan_file = read_plan(plan_path, needed=("control", "metrics"))
    specs = [metric_spec(spec, plan_file) for spec in plan_file.entries["metrics"]]
    sheet = read_sheet(path)
    sheet.need(("unit_id", "variant", *(name for _, *names in specs for name in names if name)))
    unusable = Unusable()
    rows = _rows(sheet, specs, unusable)
    weights = plan_file.weights(sorted(set(rows["variant"].to_pylist())))
    rows = _one_each(rows, weights, unusable)
    columns = [_column(sheet, rows, spec) for spec in specs]
    plan = cohortless_plan(plan_file, weights, [metric for metric, *_ in specs], rows.num_rows)
    as_of_us = plan_file.as_of_us or 0
    day = last_closed_day(as_of_us, plan.timezone) if as_of_us else shop_day(0, plan.timezone)
    cells = _cells(plan, rows["variant"].to_pylist(), columns, day)
    result = analyse(
        plan,
        cells,
        LookBook(plan).close(day, cells, final=True),
        as_of=isoformat(as_of_us),
        as_of_day=day,
        inputs_sha256=_digest(rows),
        state="stopped",
    )
    scales = {column.metric.label: column.scale / column.denominator_scale for column in columns}
    result = replace(with_words(unscaled(result, scales)), unusable=unusable.document())
    return result, encode(result)


def _rows(sheet: Sheet, specs: Sequence[tuple[Metric, str, str | None]], unusable: Unusable) -> pa.Table:
    """Rows with ids and values, their cells as text beside their number."""
    names = list(dict.fromkeys(name for _, *pair in specs for name in pair if name))
    table = sheet.numbered(
        {"unit": sheet.texts("unit_id"), "variant": sheet.texts("variant")}
        | {f"value:{name}": sheet.texts(name) for name in names}
    )
    idless = _any_null(table, ["unit", "variant"])
    empty = _any_null(table, [f"value:{name}" for name in names]) & ~idless
    unusable.add("missing_id", table, idless)
    unusable.add("missing_value", table, empty)
    return table.filter(pa.array(~idless & ~empty))


def _any_null(table: pa.Table, names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    found = np.zeros(table.num_rows, dtype=bool)
    for name in names:
        found |= np.asarray(pc.is_null(table[name])).astype(bool)
    return found


def _one_each(rows: pa.Table, weights: Mapping[str, float], unusable: Unusable) -> pa.Table:
    """One row per unit of a known variant; the first of several equal ones."""
    known = pc.is_in(rows["variant"], value_set=pa.array(list(weights), pa.string()))
    unusable.add("unknown_variant", rows, pc.invert(known))
    rows = rows.filter(known)
    variants = rows.group_by("unit").aggregate([("variant", "count_distinct")])
    twice = variants.filter(pc.greater(variants["variant_count_distinct"], 1))["unit"]
    in_two = pc.is_in(rows["unit"], value_set=twice.combine_chunks())
    unusable.add("two_variants", rows, in_two)
    rows = rows.filter(pc.invert(in_two))
    seen: dict[str, tuple[Any, ...]] = {}
    first, differs = [], []
    content = [name for name in rows.column_names if name not in {"unit", "file", "row"}]
    units = rows["unit"].to_pylist()
    for unit, *cells in zip(units, *(rows[name].to_pylist() for name in content), strict=True):
        first.append(unit not in seen)
        differs.append(seen.setdefault(unit, tuple(cells)) != tuple(cells))
    unusable.add("conflict", rows, differs)
    return rows.filter(pa.array(first, pa.bool_()))


def _column(sheet: Sheet, rows: pa.Table, spec: tuple[Metric, str, str | None]) -> _Column:
    metric, name, denominator = spec
    values, scale = _exact(sheet, rows, name, binary=metric.kind == "proportion")
    if denominator is None:
        return _Column(metric, values, scale, [0] * len(values), 1)
    return _Column(metric, values, scale, *_exact(sheet, rows, denominator, binary=False))


def _exact(sheet: Sheet, rows: pa.Table, name: str, *, binary: bool) -> tuple[list[int], int]:
    """A column as whole numbers over one power of ten: nothing is rounded."""
    found: list[Decimal] = []
    for text, row in zip(rows[f"value:{name}"].to_pylist(), rows["row"].to_pylist(), strict=True):
        number = exact_number(text)
        if number is None or (binary and number not in {0, 1}):
            problem = "is not 0 or 1" if binary else "is not a number below 1e18"
            raise sheet.refuse(name, row - sheet.first_row, f"{text[:40]!r} {problem}")
        found.append(number)
    decimals = max((max(0, -cast("int", number.as_tuple().exponent)) for number in found), default=0)
    scale = 10 ** min(decimals, LONGEST_DECIMALS)
    return [int((number * scale).to_integral_value()) for number in found], scale


def _cells(plan: AnalysisPlan, variants: Sequence[str], columns: Sequence[_Column], day: int) -> Cells:
    places = {key: [i for i, found in enumerate(variants) if found == key] for key in plan.variants}
    entries = [EntryCell(key, day, len(units), 0, 0) for key, units in places.items()]
    moments = [
        _moment(column, key, day, units) for column in columns for key, units in places.items() if units
    ]
    return Cells(entries, moments)


def _moment(column: _Column, variant: str, day: int, units: Sequence[int]) -> MomentCell:
    values, below = [column.values[i] for i in units], [column.denominators[i] for i in units]
    return MomentCell(
        metric=column.metric.label,
        variant=variant,
        cohort_day=day,
        units=len(units),
        buyers=sum(value != 0 or other != 0 for value, other in zip(values, below, strict=True)),
        total=sum(values),
        squares=sum(value * value for value in values),
        raw_total=sum(values),
        denominator=sum(below),
        denominator_squares=sum(value * value for value in below),
        cross=sum(value * other for value, other in zip(values, below, strict=True)),
    )


def _digest(rows: pa.Table) -> str:
    """SHA-256 over the rows used, sorted by unit, whatever their order in the file."""
    names = [name for name in rows.column_names if name not in {"file", "row"}]
    ordered = rows.select(names).sort_by("unit")
    lines = pc.binary_join_element_wise(*(ordered[name] for name in names), "\x1f")
    return hashlib.sha256("\n".join(lines.to_pylist()).encode()).hexdigest()
