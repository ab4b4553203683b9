"""`offerlab analyze events`: exposures, orders and refunds in files → the service's result object."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from app.analyze.event_files import EventFiles, known_variants, read_files
from app.analyze.line_lists import line_rows
from app.analyze.offer_files import OfferFiles, read_offer_files
from app.analyze.plan_file import PlanFile, look_days, read_plan
from app.analyze.unusable import NAMED_ROWS
from app.clock import day_start_us, last_closed_day, shop_day
from app.results.closing import Study, close_range
from app.results.document import encode
from app.results.ledger_rows import (
    CANCELLATION_ROWS,
    CLAIM_ROWS,
    COST_ROWS,
    CUSTOM_ROWS,
    EXPOSURE_ROWS,
    LINE_ROWS,
    LINK_ROWS,
    ORDER_ROWS,
    PERSON_ROWS,
    REDEMPTION_ROWS,
    REFUND_ROWS,
    LedgerRows,
)
from app.results.reading import Question, Written, read
from app.results.suspects import Suspects
from app.results.units import Scope
from stats.metrics import event_names, skus
from stats.offers.reports import OfferTerms
from stats.plan import AnalysisPlan
from stats.readings import last_mature_day
from stats.results import Result

Paths = Path | Sequence[Path]
ALWAYS = ((-(2**62), None),)


def analyze_events(  # noqa: PLR0913 - one argument per kind of file
    exposures_path: Paths,
    orders_path: Paths,
    refunds_path: Paths | None,
    plan_path: Path,
    *,
    redemptions_path: Paths | None = None,
    events_path: Paths | None = None,
    suspects_path: Paths | None = None,
) -> tuple[Result, bytes]:
    """Read files of events under a plan.

    Args:
        exposures_path: one or more files with `unit_id, variant, occurred_at`, and if wished `event_id`,
            `experiment`, `reason` (not analysed, and why) and `flags`.
        orders_path: one or more with `order_id, unit_id, occurred_at, currency, items_minor, discount_minor`,
            and if wished the other fields of an order, `cancelled_at`, `refunds` and `skus` (JSON lists).
        refunds_path: one or more with `refund_id, order_id, occurred_at, amount_minor`, or None.
        plan_path: plan.toml.
        redemptions_path: one or more exports `redemptions`, or None.
        events_path: one or more exports `events` (messages, points, codes issued, custom events), or None.
        suspects_path: one or more exports `suspects`, or None.

    Returns:
        The result and its JSON document.

    Raises:
        Invalid: a file or the plan cannot be read; the message names file, row and column.
    """
    plan = read_plan(plan_path)
    files = read_files(_list(exposures_path), _list(orders_path), _list(refunds_path), plan)
    weights = plan.weights(sorted(set(files.exposures["variant"].to_pylist())))
    files = known_variants(files, weights)
    counted = files.analysis(plan)
    around = read_offer_files(
        _list(redemptions_path), _list(events_path), event_names(counted), _list(suspects_path)
    )
    study = study_of(files, plan, counted, around)
    as_of_us = plan.as_of_us or _end_of_files(study, plan.timezone)
    closed_day = last_closed_day(as_of_us, plan.timezone)
    days = look_days(plan, _first_day(study), closed_day)
    closed = close_range(study, "first_touch", days, (), {})
    question = Question(
        as_of_us,
        through_seq=plan.entries.get("through_seq"),
        state=plan.state,
        notes={
            name: plan.notes.get(name, 0) + files.notes.get(name, 0) for name in {*plan.notes, *files.notes}
        },
    )
    result = read(study, question, Written(closed.looks, closed.caps, days))
    _count_immature(study, files, as_of_us)
    _name_crossovers(files)
    result = replace(result, unusable=files.unusable.document())
    return result, encode(result)


def study_of(files: EventFiles, plan: PlanFile, analysis: AnalysisPlan, around: OfferFiles) -> Study:
    """The rows as a study: text ids become numbers, everything in the files is analysed time."""
    shown, bought = files.exposures, files.orders
    persons = _persons(bought)
    named = (shown["unit"], bought["unit"], persons["unit"], *around.units())
    ids = pc.unique(pa.chunked_array([part for units in named for part in units.chunks], pa.string()))
    cancelled = bought.filter(pc.is_valid(bought["cancelled_us"]))
    rows = LedgerRows(
        exposures=_conform(_numbered(shown, ids), EXPOSURE_ROWS),
        orders=_conform(_numbered(bought, ids), ORDER_ROWS),
        refunds=_conform(files.refunds, REFUND_ROWS),
        cancellations=pa.table(
            [cancelled["order_id"], cancelled["cancelled_us"]], names=CANCELLATION_ROWS.names
        ),
        links=LINK_ROWS.empty_table(),
        costs=_conform(_numbered(around.costs, ids), COST_ROWS),
        claims=_conform(_numbered(around.claims, ids), CLAIM_ROWS),
        redemptions=_conform(_numbered(around.redemptions, ids), REDEMPTION_ROWS),
        unconfirmed=_conform(_numbered(around.unconfirmed, ids), REDEMPTION_ROWS),
        customs=_conform(_numbered(around.customs, ids), CUSTOM_ROWS),
        lines=_conform(line_rows(bought, skus(analysis)), LINE_ROWS),
        persons=_numbered(persons, ids).rename_columns({"visitor": "person"}).select(PERSON_ROWS.names),
    )
    scope = Scope("visitor", analysis.variants, plan.timezone, ALWAYS, entry_ends_us=plan.entry_ends_us)
    from app.engine.duckdb import DuckDBEngine

    terms = OfferTerms(plan.without_offer)
    suspects = _suspects(plan, around.suspects, ids)
    return Study(analysis, plan.economics(), scope, rows, DuckDBEngine(), terms, suspects)


def _suspects(plan: PlanFile, listed: pa.Table | None, ids: pa.Array) -> Suspects | None:
    """Suspected units as the service had them; None where it looked at nothing, or their file is missing."""
    crowded = plan.entries.get("crowded_marks")
    if crowded is None or (listed is None and plan.entries.get("suspected_units", 0)):
        return None
    if listed is None:
        return Suspects({}, crowded)
    numbers = pc.add(pc.index_in(listed["unit"], value_set=ids).cast(pa.int64()), 1).to_pylist()
    return Suspects(dict(zip(numbers, listed["reason"].to_pylist(), strict=True)), crowded)


def _persons(orders: pa.Table) -> pa.Table:
    """Who made an order, where a file says it beside the unit."""
    found = orders.filter(pc.is_valid(orders["person"])).select(["order_id", "occurred_us", "person"])
    return found.rename_columns(["order_id", "occurred_us", "unit"])


def _numbered(table: pa.Table, ids: pa.Array) -> pa.Table:
    """Unit ids as numbers from 1, in the column of visitors; nobody is a customer here."""
    numbers = pc.add(pc.index_in(table["unit"], value_set=ids).cast(pa.int64()), 1)
    nobody = pa.array([None] * table.num_rows, pa.int64())
    return table.append_column("visitor", numbers).append_column("customer", nobody)


def _conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return table.select(schema.names).cast(schema)


def _first_day(study: Study) -> int | None:
    earliest = pc.min(study.rows.exposures["occurred_us"]).as_py()
    return None if earliest is None else shop_day(earliest, study.scope.timezone)


def _end_of_files(study: Study, zone: str) -> int:
    """The end of the last shop day of the files."""
    return day_start_us(shop_day(max(study.rows.latest_us(), 0), zone) + 1, zone)


def _count_immature(study: Study, files: EventFiles, as_of_us: int) -> None:
    """Units whose primary window is still open: not lost, only too young."""
    primary = study.plan.metrics[0]
    mature = last_mature_day(study.plan, primary, last_closed_day(as_of_us, study.scope.timezone))
    first = files.exposures.group_by("unit").aggregate([("occurred_us", "min")])
    edge = day_start_us(mature + 1, study.scope.timezone)
    inside = (pc.field("occurred_us_min") >= edge) & (pc.field("occurred_us_min") < as_of_us)
    young = first.filter(inside)["unit"]
    if len(young):
        rows = files.exposures.filter(pc.is_in(files.exposures["unit"], value_set=young.combine_chunks()))
        named = rows.sort_by("row").select(["file", "row"]).slice(0, NAMED_ROWS).to_pylist()
        files.unusable.note("immature", len(young), named)


def _name_crossovers(files: EventFiles) -> None:
    """Units seen in two variants: they count under the first, and their later rows are named."""
    shown = files.exposures.sort_by([("occurred_us", "ascending"), ("event_id", "ascending")])
    first: dict[str, str] = {}
    later = [
        first.setdefault(unit, variant) != variant
        for unit, variant in zip(shown["unit"].to_pylist(), shown["variant"].to_pylist(), strict=True)
    ]
    rows = shown.filter(pa.array(later, pa.bool_()))
    if rows.num_rows:
        named = rows.select(["file", "row"]).slice(0, NAMED_ROWS).to_pylist()
        files.unusable.note("two_variants", len(pc.unique(rows["unit"])), named)


def _list(paths: Paths | None) -> list[Path]:
    if paths is None:
        return []
    return [paths] if isinstance(paths, Path) else list(paths)
