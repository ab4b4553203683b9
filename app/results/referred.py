"""Referrals in an experiment: which unit each side is, and how the invited come into a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.identity.referrals import Clusters, Referral, clusters
from app.identity.resolve import Resolution
from app.results.days import Integers, integers
from app.results.ledger_rows import LedgerRows
from app.results.units import Scope, units_of

PAIRS = pa.schema(
    [
        ("event_id", pa.string()),
        ("occurred_us", pa.int64()),
        ("referrer", pa.int64()),
        ("invited", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Invitations:
    """The referrals of an experiment, understood.

    Attributes:
        pairs: event_id, referrer, invited (units before clusters), occurred_us of each referral.
        clusters: who belongs to whom; empty under `strict`.
    """

    pairs: pa.Table
    clusters: Clusters = field(default_factory=Clusters)

    def counted(self) -> list[tuple[int, int]]:
        """(inviter, invited) of the referrals that count."""
        columns = (self.pairs[name].to_pylist() for name in ("event_id", "referrer", "invited"))
        standing = self.clusters.standing
        return [(by, came) for one, by, came in zip(*columns, strict=True) if standing[one] == "counted"]

    def notes(self) -> dict[str, int]:
        """Counts for the trust banner."""
        return {
            "self_referrals": self.clusters.count("self"),
            "contradicting_referrals": self.clusters.count("second_inviter") + self.clusters.count("cycle"),
        }


def invitations(
    rows: LedgerRows, scope: Scope, resolution: Resolution, exposures: pa.Table
) -> Invitations | None:
    """The referrals as they stand; None where no offer of the experiment is a referral, or there are none.

    Args:
        rows: the ledger's.
        scope: what was randomised.
        resolution: who is who.
        exposures: with units and reasons, before anybody was put into a cluster.
    """
    if not scope.by_referral or rows.referrals.num_rows == 0:
        return None
    active = _active(rows)
    sides = {side: _side(rows.referrals, side, scope, resolution, active) for side in ("referrer", "invited")}
    pairs = rows.referrals.select(["event_id", "occurred_us"])
    for side, units in sides.items():
        pairs = pairs.append_column(side, pa.array(units, pa.int64()))
    columns = (pairs[name].to_pylist() for name in ("referrer", "invited", "occurred_us", "event_id"))
    named = [Referral(*row) for row in zip(*columns, strict=True)]
    return Invitations(pairs, clusters(named, _entered_us(exposures)))


def with_clusters(resolution: Resolution, found: Clusters) -> Resolution:
    """The same resolution with the invited standing under the head of their cluster."""
    heads = found.root_of
    under = {key: heads.get(unit, unit) for key, unit in resolution.unit_of.items()}
    return replace(resolution, unit_of={**heads, **under})


def of_their_cluster(exposures: pa.Table, before: pa.Table) -> pa.Table:
    """Exposures whose origin is the cluster's where they came into it by a referral: nobody has merged there.

    Args:
        exposures: with clusters.
        before: the same rows with each person a unit of its own.
    """
    joined = pc.not_equal(exposures["unit"], before["unit"])
    origin = pc.if_else(joined, exposures["unit"], exposures["origin"])
    return exposures.set_column(exposures.column_names.index("origin"), "origin", origin)


def _active(rows: LedgerRows) -> Integers:
    """Numbers of everybody who has done something."""
    tables = (rows.exposures, rows.orders, rows.links, rows.claims, rows.redemptions)
    parts = [integers(pc.fill_null(table[name], -1)) for table in tables for name in ("visitor", "customer")]
    return np.unique(np.concatenate(parts))


def _side(referrals: pa.Table, side: str, scope: Scope, resolution: Resolution, active: Integers) -> Integers:
    """The unit of one side: of the numbers it may be, the one that did something; else that of the kind."""
    person = {
        kind: integers(pc.fill_null(referrals[f"{side}_{kind}"], -1)) for kind in ("visitor", "customer")
    }
    other = "customer" if scope.unit == "visitor" else "visitor"
    mine, theirs = person[scope.unit], person[other]
    takes_other = (mine < 0) | (~np.isin(mine, active) & (theirs >= 0) & np.isin(theirs, active))
    named = {scope.unit: np.where(takes_other, -1, mine), other: np.where(takes_other, theirs, -1)}
    columns = {kind: pa.array(numbers, pa.int64(), mask=numbers < 0) for kind, numbers in named.items()}
    return units_of(pa.table(columns), scope.unit, resolution)[0]


def _entered_us(exposures: pa.Table) -> Mapping[int, int]:
    analysed = exposures.filter(pc.equal(exposures["reason"], ""))
    first = analysed.group_by("unit").aggregate([("occurred_us", "min")])
    return dict(zip(first["unit"].to_pylist(), first["occurred_us_min"].to_pylist(), strict=True))
