"""`offerlab analyze snapshots`: cumulative readings of another system, each of them a look."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from app.analyze.files import Sheet, read_sheet
from app.analyze.numbers import exact_number
from app.analyze.plan_file import PlanFile, read_plan
from app.analyze.plan_metrics import cohortless_plan, metric_spec
from app.analyze.readings import ArmReading, Readings, result_of
from app.analyze.unusable import Unusable
from app.clock import day_start_us, to_us
from app.errors import Invalid
from stats.plan import Metric
from stats.results import Result

ARMS = ("control", "treatment")
COLUMNS = tuple(f"{part}_{arm}" for arm in ARMS for part in ("n", "mean", "variance"))
ONLY_METRIC = "metric"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FEWEST_UNITS = 2
_SECONDS_A_DAY = 86_400


class _Row(NamedTuple):
    """A row: when, of what, and the cells of both arms (None: empty or no number)."""

    place: int
    time: str
    metric: str
    cells: dict[str, Decimal | None]


def analyze_snapshots(path: Path, plan_path: Path) -> tuple[Result, bytes]:
    """Read cumulative readings under a plan; every usable reading that brings new units is a look.

    Args:
        path: CSV or Parquet with `time`, optionally `metric`, and n, mean and variance (of one unit) of
            `_control` and `_treatment`. `time` is a date, an RFC 3339 moment, or a number of days.
        plan_path: plan.toml; `[[metrics]]` (`key`, `kind` binary or mean, `direction`, `role`) is optional:
            without it every metric of the file is a mean and the first one is the primary.

    Returns:
        The result and its JSON document. Rows without a usable reading are counted under `unusable`:
        `no_units` (fewer than two units in an arm), `no_variance`, `missing_value`, `units_fell` (cumulative
        counts cannot fall), `unknown_metric`, `conflict`, `missing_time`. A metric without any usable row is
        inconclusive with that reason.

    Raises:
        Invalid: a file or the plan cannot be read; the message names file, row and column.
    """
    plan_file = read_plan(plan_path, needed=("control",))
    sheet = read_sheet(path)
    sheet.need(("time", *COLUMNS))
    unusable = Unusable()
    rows = list(_rows(sheet, unusable))
    metrics = _metrics(plan_file, rows)
    moments = _moments(sheet, rows, plan_file)
    variants = _variants(plan_file)
    readings = Readings(tuple(moments.values()))
    _fill(_Filing(sheet, unusable, readings, dict(zip(ARMS, variants, strict=True))), rows, metrics, moments)
    units = max((sum(counts.values()) for counts in readings.counts.values()), default=1)
    weights = plan_file.weights(variants)
    plan = cohortless_plan(plan_file, weights, list(metrics.values()), units, "snapshots")
    return result_of(plan, readings, unusable.document())


def _variants(plan: PlanFile) -> tuple[str, str]:
    """Names of control and treatment."""
    weights = plan.entries.get("weights")
    if weights is None:
        return plan.control, "treatment" if plan.control != "treatment" else "other"
    others = [key for key in weights if key != plan.control]
    if len(others) != 1:
        raise Invalid("must name control and one treatment: snapshots hold two arms", "bad_plan", "weights")
    return plan.control, others[0]


def _metrics(plan: PlanFile, rows: list[_Row]) -> dict[str, Metric]:
    if "metrics" in plan.entries:
        found = [metric_spec(spec, plan)[0] for spec in plan.entries["metrics"]]
        if any(metric.kind == "ratio" for metric in found):
            raise Invalid(
                "must be binary or mean: snapshots carry no cross moments", "bad_plan", "metrics.kind"
            )
        return {metric.key: metric for metric in found}
    keys = list(dict.fromkeys(row.metric for row in rows)) or [ONLY_METRIC]
    primary = plan.entries.get("primary", keys[0])
    primary = primary["key"] if isinstance(primary, dict) else primary
    if primary not in keys:
        raise Invalid(f"{primary!r} is no metric of the file: {', '.join(keys)}", "bad_plan", "primary")
    return {key: Metric(key, "primary" if key == primary else "secondary", "mean", 0) for key in keys}


def _rows(sheet: Sheet, unusable: Unusable) -> Iterator[_Row]:
    count = sheet.table.num_rows
    numbered = sheet.numbered({})
    times = sheet.texts("time").to_pylist()
    names = sheet.texts("metric").to_pylist() if sheet.has("metric") else [ONLY_METRIC] * count
    cells = {column: sheet.texts(column).to_pylist() for column in COLUMNS}
    for code, column in (("missing_time", times), ("missing_value", names)):
        unusable.add(code, numbered, np.array([text is None for text in column], dtype=bool))
    for place in range(count):
        if times[place] is None or names[place] is None:
            continue
        found = {column: _number(sheet, column, place, texts[place]) for column, texts in cells.items()}
        yield _Row(place, times[place], names[place], found)


def _number(sheet: Sheet, column: str, place: int, text: str | None) -> Decimal | None:
    if text is None or text.strip().lower() in {"", "nan", "null", "na"}:
        return None
    number = exact_number(text)
    if number is None:
        raise sheet.refuse(column, place, f"{text[:40]!r} is not a number below 1e18")
    if number < 0 and not column.startswith("mean_"):
        raise sheet.refuse(column, place, f"{text[:40]!r} is below 0")
    if column.startswith("n_") and number != number.to_integral_value():
        raise sheet.refuse(column, place, f"{text[:40]!r} is not a whole number")
    return number


def _moments(sheet: Sheet, rows: list[_Row], plan: PlanFile) -> dict[str, str]:
    """Every time in the file → its ISO name, in the order of time; times at or after `as_of` are left out."""
    found: dict[str, tuple[int, str]] = {}
    for row in rows:
        if row.time not in found:
            found[row.time] = _moment(sheet, row, plan.timezone)
    kept = {text: at for text, at in found.items() if plan.as_of_us is None or at[0] < plan.as_of_us}
    return {text: name for text, (_, name) in sorted(kept.items(), key=lambda item: item[1])}


def _moment(sheet: Sheet, row: _Row, zone: str) -> tuple[int, str]:
    """A time as microseconds since 1970 and as ISO text; a number counts days from 1970-01-01."""
    number = exact_number(row.time)
    try:
        if number is not None:
            at = _EPOCH + timedelta(seconds=round(float(number) * _SECONDS_A_DAY))
            return to_us(at), at.date().isoformat() if at.time() == datetime.min.time() else at.isoformat()
        if len(row.time) == len("2026-01-01"):
            day = date.fromisoformat(row.time)
            return day_start_us((day - _EPOCH.date()).days, zone), row.time
        return to_us(datetime.fromisoformat(row.time)), row.time
    except (ValueError, OverflowError):
        raise sheet.refuse(
            "time", row.place, f"{row.time[:40]!r} is neither a date, an RFC 3339 moment nor a number of days"
        ) from None


class _Filing(NamedTuple):
    """Where rows go: readings that count, and those that cannot."""

    sheet: Sheet
    unusable: Unusable
    readings: Readings
    names: dict[str, str]

    def refuse(self, code: str, row: _Row) -> None:
        """Set one row aside."""
        table = pa.table({"file": [self.sheet.name], "row": [self.sheet.first_row + row.place]})
        self.unusable.add(code, table, [True])


def _fill(filing: _Filing, rows: list[_Row], metrics: dict[str, Metric], moments: dict[str, str]) -> None:
    numbers = {text: number for number, text in enumerate(moments)}
    seen: dict[tuple[str, int], dict[str, Decimal | None]] = {}
    last: dict[tuple[str, str], int] = {}
    reasons: dict[str, str] = {}
    known = [row for row in rows if row.time in numbers]
    for row in sorted(known, key=lambda row: (numbers[row.time], row.place)):
        address = (row.metric, numbers[row.time])
        if row.metric not in metrics:
            filing.refuse("unknown_metric", row)
        elif address in seen:
            if seen[address] != row.cells:
                filing.refuse("conflict", row)
        else:
            seen[address] = row.cells
            reason = _problem(row, metrics[row.metric], last)
            if reason is None:
                _take(filing, row, metrics[row.metric], numbers[row.time], last)
            else:
                filing.refuse(reason, row)
                reasons[row.metric] = reason
    filing.readings.reasons |= {key: why for key, why in reasons.items() if key not in filing.readings.arms}


def _problem(row: _Row, metric: Metric, last: dict[tuple[str, str], int]) -> str | None:
    """Why a row has no reading, or None."""
    counts = [row.cells[f"n_{arm}"] for arm in ARMS]
    means = [row.cells[f"mean_{arm}"] for arm in ARMS]
    if any(count is None for count in counts):
        return "missing_value"
    if any(count < _FEWEST_UNITS for count in counts if count is not None):
        return "no_units"
    if any(mean is None for mean in means):
        return "missing_value"
    variances = [row.cells[f"variance_{arm}"] for arm in ARMS]
    if metric.kind == "mean" and (any(v is None for v in variances) or not any(variances)):
        return "no_variance"
    before = [last.get((row.metric, arm), 0) for arm in ARMS]
    fell = any(count < then for count, then in zip(counts, before, strict=True) if count is not None)
    return "units_fell" if fell else None


def _take(filing: _Filing, row: _Row, metric: Metric, number: int, last: dict[tuple[str, str], int]) -> None:
    arms: dict[str, ArmReading] = {}
    for arm in ARMS:
        n, mean = Fraction(row.cells[f"n_{arm}"] or 0), Fraction(row.cells[f"mean_{arm}"] or 0)
        if metric.kind == "proportion" and not 0 <= mean <= 1:
            raise filing.sheet.refuse(f"mean_{arm}", row.place, "a share lies between 0 and 1")
        arms[filing.names[arm]] = ArmReading(int(n), mean, Fraction(row.cells[f"variance_{arm}"] or 0))
        last[row.metric, arm] = int(n)
    filing.readings.add(row.metric, number, arms)
