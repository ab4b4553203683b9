"""Ledger rows → the tables an engine reads: identity resolved, days cut, unanalysed exposures set aside.

The same function is fed from the database and from files, so both give the same numbers.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.engine.port import AnalysisData
from app.identity.resolve import Resolution
from app.ledger.rows import UNTRUSTED
from app.results.days import flat, integers, shop_days, with_day
from app.results.exposed import exposures_with_reasons, flagged
from app.results.ledger_rows import LedgerRows
from app.results.redeemed import own_redemptions, redemptions_with_variants, uses_of, without_orders_of
from app.results.referred import Invitations, invitations, of_their_cluster, with_clusters
from app.results.suspects import Suspects, suspected
from app.results.units import Mask, Policy, Scope, of_exposed, persons_of, resolution_of, units_of, with_units

LOST_ORDERS, LOST_SHARE = 20, 0.95  # from here on orders of unexposed units point to different ids


@dataclass(frozen=True)
class Inputs:
    """What an engine is given, and what the trust banner is told.

    Attributes:
        data: the engine's tables; `orders` also carries `cancelled_us`, `refunds` also `occurred_us`.
        exposures: every exposure with `unit` and `reason` (empty: analysed), for exports.
        notes: counts by name, those above 0 only.
        redemptions: each with `unit` (the redeemer), `redeemer_variant` (null: never assigned) and
            `reversed_us` (null: not given back).
        unconfirmed: the same of orders that name a code whose redemption is not on record.
        invited: the referrals, where an offer is one and the policy follows them.
        suspects: units that seem to be one person under several ids; None: no order carried a fingerprint.
        links: how many links and referrals there are (before the cut by policy).
    """

    data: AnalysisData
    exposures: pa.Table
    notes: dict[str, int] = field(default_factory=dict)
    links: int = 0
    redemptions: pa.Table | None = None
    unconfirmed: pa.Table | None = None
    invited: Invitations | None = None
    suspects: Suspects | None = None


def prepare(
    rows: LedgerRows, scope: Scope, policy: Policy, as_of_us: int, known: Suspects | None = None
) -> Inputs:
    """The engine's tables as they stand at a moment.

    Args:
        rows: the ledger's rows, in any order, each event once.
        scope: running time, variants and unit of the experiment.
        policy: `first_touch` follows links between ids; `strict` takes units as randomised.
        as_of_us: only rows that happened before it, microseconds since 1970 UTC.
        known: suspected units where the rows hold no fingerprints, as files do not.

    Returns:
        Tables for the engine and counts for the trust banner.
    """
    cut = rows.before(as_of_us)
    resolution = resolution_of(cut.links, scope.unit, policy)
    exposures = exposures_with_reasons(cut.exposures, scope, resolution)
    invited = None if policy == "strict" else invitations(cut, scope, resolution, exposures)
    found = known or suspected(cut, scope, resolution, invited)
    buyers = cut.persons
    if invited is not None:
        buyers = persons_of(cut.orders, scope.unit, resolution)
        resolution, alone = with_clusters(resolution, invited.clusters), exposures
        exposures = of_their_cluster(exposures_with_reasons(cut.exposures, scope, resolution), alone)
    analysed = exposures.filter(pc.equal(exposures["reason"], "")).sort_by(
        [("occurred_us", "ascending"), ("event_id", "ascending")]
    )
    everyones = _orders(cut, scope, resolution)
    exposed = np.isin(integers(everyones["unit"]), integers(analysed["unit"]))
    orders = everyones.filter(pa.array(exposed))
    known = pc.is_in(cut.refunds["order_id"], value_set=flat(orders["order_id"]))
    refunds = with_day(cut.refunds.filter(known), scope.timezone)
    redemptions = redemptions_with_variants(with_units(cut.redemptions, scope, resolution), analysed)
    named = redemptions_with_variants(with_units(cut.unconfirmed, scope, resolution), analysed)
    reasons = exposures["reason"]
    notes = {
        "exposures_contradicting_hash": _count(flagged(exposures)),
        "exposures_outside_running": _count(pc.equal(reasons, "outside_running")),
        "exposures_without_unit": _count(pc.equal(reasons, "no_unit")),
        "exposures_after_freeze": _count(pc.equal(reasons, "after_freeze")),
        "exposures_forced": _count(pc.equal(reasons, "forced")),
        "exposures_of_bots": _count(pc.equal(reasons, "bot")),
        "orders_without_exposure": _lost_orders(everyones, exposed, analysed),
        "contradicting_links": resolution.contradicting,
        **(invited.notes() if invited is not None else {}),
    }
    return Inputs(
        data=AnalysisData(
            exposures=analysed,
            orders=orders,
            refunds=refunds,
            costs=of_exposed(cut.costs, scope, resolution, analysed),
            claims=of_exposed(cut.claims, scope, resolution, analysed),
            redeemed=own_redemptions(redemptions),
            uses=uses_of(redemptions, scope.timezone),
            customs=_with_trust(of_exposed(cut.customs, scope, resolution, analysed)),
            lines=_of(orders, cut.lines),
            persons=_of(orders, buyers),
        ),
        exposures=exposures,
        redemptions=redemptions,
        unconfirmed=without_orders_of(named, redemptions),
        invited=invited,
        suspects=found,
        notes={name: count for name, count in notes.items() if count},
        links=cut.links.num_rows + cut.referrals.num_rows,
    )


def link_days(rows: LedgerRows, timezone: str) -> set[int]:
    """Shop days on which a link or a referral happened, days since 1970-01-01."""
    moments = np.concatenate([integers(rows.links["occurred_us"]), integers(rows.referrals["occurred_us"])])
    return set(np.unique(shop_days(moments, timezone)).tolist())


def _orders(rows: LedgerRows, scope: Scope, resolution: Resolution) -> pa.Table:
    """Every order with its unit, its day and its earliest cancellation."""
    unit, _ = units_of(rows.orders, scope.unit, resolution)
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


def _of(orders: pa.Table, table: pa.Table) -> pa.Table:
    """Rows of these orders."""
    return table.filter(pc.is_in(table["order_id"], value_set=flat(orders["order_id"])))


def _with_trust(customs: pa.Table) -> pa.Table:
    """Custom events with whether a key of the shop's server sent them."""
    return customs.append_column("trusted", pc.equal(pc.bit_wise_and(customs["flags"], UNTRUSTED), 0))


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
