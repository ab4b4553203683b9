"""Exposures with their units: which are analysed, and why the others are not."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.identity.resolve import Resolution
from app.ledger.rows import BOT, CONTRADICTS_HASH, FORCED, HELD_BACK
from app.results.days import Integers, integers, with_day
from app.results.units import Mask, Scope, origins_of, units_of


def exposures_with_reasons(table: pa.Table, scope: Scope, resolution: Resolution) -> pa.Table:
    """Every exposure with its unit, its day, and the reason it is not analysed (empty: it is)."""
    unit, named = units_of(table, scope.unit, resolution)
    origin, moments = origins_of(table, scope.unit), integers(table["occurred_us"])
    if scope.fallback:
        named = named | (origin >= 0)
    known = np.asarray(pc.is_in(table["variant"], value_set=pa.array(scope.variants, pa.string())))
    reason = np.full(table.num_rows, "", dtype=object)
    flags = integers(table["flags"])
    running = _running(moments, scope.spans) | _held_back(moments, flags, scope.held_back_us)
    pinned, robots = (flags & FORCED) != 0, (flags & BOT) != 0
    for word, out in (
        *(("outside_running", ~running), ("no_unit", ~named), ("unknown_variant", ~known)),
        *(("forced", pinned), ("bot", robots)),
    ):
        reason[out] = word
    late = _after_freeze(unit, moments, reason == "", scope.frozen_at_us)
    reason[late] = "after_freeze"
    return with_day(
        table.select(["event_id", "variant", "occurred_us", "flags"])
        .append_column("unit", pa.array(unit, pa.int64()))
        .append_column("origin", pa.array(origin, pa.int64()))
        .append_column("reason", pa.array(reason, pa.string())),
        scope.timezone,
    )


def _running(moments: Integers, spans: Sequence[tuple[int, int | None]]) -> Mask:
    inside = np.zeros(moments.size, dtype=bool)
    for start, end in spans:
        inside |= (moments >= start) & (True if end is None else moments < end)
    return inside


def _held_back(moments: Integers, flags: Integers, decided_us: int | None) -> Mask:
    """Exposures since the decision of units that it does not concern."""
    if decided_us is None:
        return np.zeros(moments.size, dtype=bool)
    held: Mask = ((flags & HELD_BACK) != 0) & (moments >= decided_us)
    return held


def _after_freeze(unit: Integers, moments: Integers, usable: Mask, frozen_at_us: int | None) -> Mask:
    """Usable exposures of units that were not enrolled before the freeze."""
    if frozen_at_us is None:
        return np.zeros(unit.size, dtype=bool)
    enrolled = unit[usable & (moments < frozen_at_us)]
    late: Mask = usable & ~np.isin(unit, enrolled)
    return late


def flagged(exposures: pa.Table) -> pa.ChunkedArray:
    """Analysed exposures that contradict the hash."""
    flagged = pc.not_equal(pc.bit_wise_and(exposures["flags"], CONTRADICTS_HASH), 0)
    return pc.and_(flagged, pc.equal(exposures["reason"], ""))
