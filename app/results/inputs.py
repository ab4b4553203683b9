"""Ledger rows → the tables an engine reads: identity resolved, days cut, unanalysed exposures set aside.

The same function is fed from the database and from files, so both give the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from app.engine import tables
from app.engine.port import AnalysisData
from app.identity.resolve import Link, Resolution, resolve
from app.ledger.rows import BOT, CONTRADICTS_HASH, FORCED
from app.results.days import Integers, flat, integers, shop_days, with_day
from app.results.redeemed import own_redemptions, redemptions_with_variants

Policy = Literal["first_touch", "strict"]
Unit = Literal["visitor", "customer"]
Mask = npt.NDArray[np.bool_]

LOST_ORDERS, LOST_SHARE = 20, 0.95  # from here on orders of unexposed units point to different ids

_IDS = [("visitor", pa.int64()), ("customer", pa.int64())]
EXPOSURE_ROWS = pa.schema(
    [
        ("event_id", pa.string()),
        *_IDS,
        ("variant", pa.string()),
        ("occurred_us", pa.int64()),
        ("flags", pa.int64()),
    ],
)
ORDER_ROWS = pa.schema(
    [
        ("event_id", pa.string()),
        ("order_id", pa.string()),
        *_IDS,
        ("occurred_us", pa.int64()),
        *((field.name, field.type) for field in tables.ORDERS if field.name in {"currency", "paid"}),
        *((field.name, field.type) for field in tables.ORDERS if field.name.endswith("_minor")),
    ],
)
REFUND_ROWS = pa.schema(
    [
        ("refund_id", pa.string()),
        ("order_id", pa.string()),
        ("occurred_us", pa.int64()),
        ("amount_minor", pa.int64()),
        ("margin_minor", pa.int64()),
    ],
)
CANCELLATION_ROWS = pa.schema([("order_id", pa.string()), ("occurred_us", pa.int64())])
LINK_ROWS = pa.schema([("event_id", pa.string()), *_IDS, ("occurred_us", pa.int64())])
COST_ROWS = pa.schema(
    [
        ("event_id", pa.string()),
        *_IDS,
        ("occurred_us", pa.int64()),
        ("kind", pa.string()),
        ("amount_minor", pa.int64()),
    ]
)
CLAIM_ROWS = pa.schema([("event_id", pa.string()), *_IDS, ("occurred_us", pa.int64())])
REDEMPTION_ROWS = pa.schema(
    [
        ("event_id", pa.string()),
        *_IDS,
        ("occurred_us", pa.int64()),
        ("order_id", pa.string()),
        ("code_variant", pa.string()),
    ]
)


@dataclass(frozen=True)
class LedgerRows:
    """Rows of one experiment as the ledger (or a file) has them; schemas are the constants of this module.

    Attributes:
        exposures: every stored exposure of the experiment, flagged ones too.
        orders: orders of anybody.
        refunds: refunds of any order.
        cancellations: cancellations of any order.
        links: visitor ↔ customer observations.
        costs: messages of the experiment or of none, points of anybody.
        claims: codes of the experiment issued to somebody.
        redemptions: orders in which an offer of the experiment was used; `code_variant` is null where the
            order only names the experiment.
    """

    exposures: pa.Table
    orders: pa.Table
    refunds: pa.Table
    cancellations: pa.Table
    links: pa.Table
    costs: pa.Table = field(default_factory=COST_ROWS.empty_table)
    claims: pa.Table = field(default_factory=CLAIM_ROWS.empty_table)
    redemptions: pa.Table = field(default_factory=REDEMPTION_ROWS.empty_table)

    def before(self, at_us: int) -> "LedgerRows":
        """Only rows that happened before a moment, microseconds since 1970 UTC."""
        return LedgerRows(*(table.filter(pc.less(table["occurred_us"], at_us)) for table in self._tables()))

    def latest_us(self) -> int:
        """The moment of the last row, microseconds since 1970 UTC; −1 without rows."""
        return max(int(pc.max(table["occurred_us"]).as_py() or -1) for table in self._tables())

    def _tables(self) -> list[pa.Table]:
        return [getattr(self, part.name) for part in fields(self)]


@dataclass(frozen=True)
class Scope:
    """What of an experiment decides which rows count.

    Attributes:
        unit: what was randomised.
        variants: known variant keys.
        timezone: IANA zone in which shop days are cut.
        spans: [from, until) of analysed time, microseconds; until None: still running.
        frozen_at_us: units first exposed from here on are new and stay out; None: not frozen.
        entry_ends_us: no unit enters from here on (frozen, stopped or past its end); None: still open.
        fallback: an experiment on customers whose visitors are units of their own until they log in.
    """

    unit: Unit
    variants: tuple[str, ...]
    timezone: str
    spans: Sequence[tuple[int, int | None]]
    frozen_at_us: int | None = None
    entry_ends_us: int | None = None
    fallback: bool = False


@dataclass(frozen=True)
class Inputs:
    """What an engine is given, and what the trust banner is told.

    Attributes:
        data: the engine's tables; `orders` also carries `cancelled_us`, `refunds` also `occurred_us`.
        exposures: every exposure with `unit` and `reason` (empty: analysed), for exports.
        notes: counts by name, those above 0 only.
        redemptions: each with `unit` (the redeemer) and `redeemer_variant` (null: never assigned).
        links: how many links there are (before the cut by policy).
    """

    data: AnalysisData
    exposures: pa.Table
    notes: dict[str, int] = field(default_factory=dict)
    links: int = 0
    redemptions: pa.Table | None = None


def prepare(rows: LedgerRows, scope: Scope, policy: Policy, as_of_us: int) -> Inputs:
    """The engine's tables as they stand at a moment.

    Args:
        rows: the ledger's rows, in any order, each event once.
        scope: running time, variants and unit of the experiment.
        policy: `first_touch` follows links between ids; `strict` takes units as randomised.
        as_of_us: only rows that happened before it, microseconds since 1970 UTC.

    Returns:
        Tables for the engine and counts for the trust banner.
    """
    cut = rows.before(as_of_us)
    resolution = _resolution(cut.links, scope.unit, policy)
    exposures = _exposures(cut.exposures, scope, resolution)
    analysed = exposures.filter(pc.equal(exposures["reason"], "")).sort_by(
        [("occurred_us", "ascending"), ("event_id", "ascending")]
    )
    everyones = _orders(cut, scope, resolution)
    exposed = np.isin(integers(everyones["unit"]), integers(analysed["unit"]))
    orders = everyones.filter(pa.array(exposed))
    known = pc.is_in(cut.refunds["order_id"], value_set=flat(orders["order_id"]))
    refunds = with_day(cut.refunds.filter(known), scope.timezone)
    redemptions = redemptions_with_variants(_with_units(cut.redemptions, scope, resolution), analysed)
    reasons = exposures["reason"]
    notes = {
        "exposures_contradicting_hash": _count(_flagged(exposures)),
        "exposures_outside_running": _count(pc.equal(reasons, "outside_running")),
        "exposures_without_unit": _count(pc.equal(reasons, "no_unit")),
        "exposures_after_freeze": _count(pc.equal(reasons, "after_freeze")),
        "exposures_forced": _count(pc.equal(reasons, "forced")),
        "exposures_of_bots": _count(pc.equal(reasons, "bot")),
        "orders_without_exposure": _lost_orders(everyones, exposed, analysed),
        "contradicting_links": resolution.contradicting,
    }
    return Inputs(
        data=AnalysisData(
            exposures=analysed,
            orders=orders,
            refunds=refunds,
            costs=_of_exposed(cut.costs, scope, resolution, analysed),
            claims=_of_exposed(cut.claims, scope, resolution, analysed),
            redeemed=own_redemptions(redemptions),
        ),
        exposures=exposures,
        redemptions=redemptions,
        notes={name: count for name, count in notes.items() if count},
        links=cut.links.num_rows,
    )


def link_days(rows: LedgerRows, timezone: str) -> set[int]:
    """Shop days on which a link happened, days since 1970-01-01."""
    return set(np.unique(shop_days(integers(rows.links["occurred_us"]), timezone)).tolist())


def _resolution(links: pa.Table, unit: Unit, policy: Policy) -> Resolution:
    if policy == "strict" or links.num_rows == 0:
        return Resolution(unit_of={}, contradicting=0)
    columns = (links[name].to_pylist() for name in ("visitor", "customer", "occurred_us", "event_id"))
    return resolve([Link(*row) for row in zip(*columns, strict=True)], unit)


def _exposures(table: pa.Table, scope: Scope, resolution: Resolution) -> pa.Table:
    """Every exposure with its unit, its day, and the reason it is not analysed (empty: it is)."""
    unit, named = _units(table, scope.unit, resolution)
    origin, moments = _origins(table, scope.unit), integers(table["occurred_us"])
    if scope.fallback:
        named = named | (origin >= 0)
    known = np.asarray(pc.is_in(table["variant"], value_set=pa.array(scope.variants, pa.string())))
    reason = np.full(table.num_rows, "", dtype=object)
    running = _running(moments, scope.spans)
    flags = integers(table["flags"])
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


def _orders(rows: LedgerRows, scope: Scope, resolution: Resolution) -> pa.Table:
    """Every order with its unit, its day and its earliest cancellation."""
    unit, _ = _units(rows.orders, scope.unit, resolution)
    earliest = rows.cancellations.group_by("order_id").aggregate([("occurred_us", "min")])
    place = pc.index_in(rows.orders["order_id"], value_set=flat(earliest["order_id"]))
    cancelled = flat(earliest["occurred_us_min"]).take(flat(place))
    days = shop_days(integers(pc.fill_null(cancelled, 0)), scope.timezone)
    cancelled_day = pc.if_else(
        pc.is_valid(cancelled), pa.array(days, pa.int32()), pa.scalar(None, pa.int32())
    )
    return (
        with_day(rows.orders.drop_columns(["visitor", "customer"]), scope.timezone)
        .append_column("unit", pa.array(unit, pa.int64()))
        .append_column("cancelled_us", cancelled)
        .append_column("cancelled_day", cancelled_day)
    )


def _with_units(table: pa.Table, scope: Scope, resolution: Resolution) -> pa.Table:
    """Rows of persons with their unit and shop day in place of their ids."""
    unit, _ = _units(table, scope.unit, resolution)
    return with_day(table.drop_columns(["visitor", "customer"]), scope.timezone).append_column(
        "unit", pa.array(unit, pa.int64())
    )


def _of_exposed(table: pa.Table, scope: Scope, resolution: Resolution, analysed: pa.Table) -> pa.Table:
    """Rows of exposed units."""
    found = _with_units(table, scope, resolution)
    return found.filter(pa.array(np.isin(integers(found["unit"]), integers(analysed["unit"]))))


def _origins(table: pa.Table, unit: Unit) -> Integers:
    """The id each row was sent under: of the experiment's kind where it has one, else the other; −1: none."""
    other = "customer" if unit == "visitor" else "visitor"
    return integers(pc.fill_null(pc.coalesce(table[unit], table[other]), -1))


def _units(table: pa.Table, unit: Unit, resolution: Resolution) -> tuple[Integers, Mask]:
    """Canonical unit of each row, and whether the row names a unit of the experiment's kind at all."""
    number = _origins(table, unit)
    named = np.asarray(pc.is_valid(table[unit])).astype(bool)
    if not resolution.unit_of:
        return number, named
    keys = np.array(sorted(resolution.unit_of), dtype=np.int64)
    values = np.array([resolution.unit_of[key] for key in keys.tolist()], dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, number), keys.size - 1)
    linked = keys[place] == number
    return np.where(linked, values[place], number), named | linked


def _running(moments: Integers, spans: Sequence[tuple[int, int | None]]) -> Mask:
    inside = np.zeros(moments.size, dtype=bool)
    for start, end in spans:
        inside |= (moments >= start) & (True if end is None else moments < end)
    return inside


def _after_freeze(unit: Integers, moments: Integers, usable: Mask, frozen_at_us: int | None) -> Mask:
    """Usable exposures of units that were not enrolled before the freeze."""
    if frozen_at_us is None:
        return np.zeros(unit.size, dtype=bool)
    enrolled = unit[usable & (moments < frozen_at_us)]
    late: Mask = usable & ~np.isin(unit, enrolled)
    return late


def _flagged(exposures: pa.Table) -> pa.ChunkedArray:
    """Analysed exposures that contradict the hash."""
    flagged = pc.not_equal(pc.bit_wise_and(exposures["flags"], CONTRADICTS_HASH), 0)
    return pc.and_(flagged, pc.equal(exposures["reason"], ""))


def _lost_orders(orders: pa.Table, exposed: Mask, analysed: pa.Table) -> int:
    """Orders of units never exposed, if nearly all orders of the entry period are such.

    Many shoppers never reach a decision point, so some are normal; nearly all means that exposures and orders
    carry different ids.
    """
    if analysed.num_rows == 0:
        return 0
    moments = integers(orders["occurred_us"])
    first, last = (moment.as_py() for moment in pc.min_max(analysed["occurred_us"]).values())
    inside = (moments >= first) & (moments <= last)
    lost, total = int((inside & ~exposed).sum()), int(inside.sum())
    return lost if lost >= LOST_ORDERS and lost >= LOST_SHARE * total else 0


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)


def without_links(rows: LedgerRows) -> LedgerRows:
    """The same rows with nobody linked to anybody."""
    return replace(rows, links=rows.links.slice(0, 0))
