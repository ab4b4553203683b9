"""Suspected abuse in an experiment: who shares cards, devices, addresses; what that says of its units."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.identity.resolve import Resolution
from app.results.days import Integers, integers
from app.results.ledger_rows import LedgerRows
from app.results.redeemed import first_variants, standing
from app.results.referred import Invitations
from app.results.units import Scope, units_of
from stats.offers.abuse import Mark, Use, suspects
from stats.offers.abuse_report import Watched


@dataclass(frozen=True)
class Suspects:
    """Suspected units.

    Attributes:
        reasons: unit → `self_referral` or `velocity`.
        crowded: cards and devices shared by too many people to say anything.
    """

    reasons: dict[int, str] = field(default_factory=dict)
    crowded: int = 0

    def units(self) -> Integers:
        """The units, rising."""
        return np.array(sorted(self.reasons), dtype=np.int64)

    def table(self, analysed: pa.Table) -> pa.Table:
        """Unit and reason of those that were exposed."""
        exposed = set(np.unique(integers(analysed["unit"])).tolist())
        found = [{"unit": unit, "reason": why} for unit, why in self.reasons.items() if unit in exposed]
        return pa.Table.from_pylist(found, schema=pa.schema([("unit", pa.int64()), ("reason", pa.string())]))


def suspected(
    rows: LedgerRows, scope: Scope, resolution: Resolution, invited: Invitations | None
) -> Suspects | None:
    """Units that seem to be one person under several ids; None where no order carried a fingerprint.

    Args:
        rows: the ledger's.
        scope: what was randomised.
        resolution: who is who, before anybody was put into a cluster.
        invited: the referrals, or None.
    """
    if rows.prints.num_rows == 0:
        return None
    person, _ = units_of(rows.prints, scope.unit, resolution)
    shared = _shared(rows.prints, person)
    pairs, heads = ([], {}) if invited is None else (invited.counted(), invited.clusters.root_of)
    found = suspects(shared, pairs, _uses(rows, scope, resolution, shared))
    reasons: dict[int, str] = {}
    for one, why in sorted(found.reasons.items(), key=lambda item: item[1], reverse=True):
        reasons[heads.get(one, one)] = why  # `self_referral` is written last
    return Suspects(dict(sorted(reasons.items())), found.crowded)


def watched(found: Suspects | None, analysed: pa.Table, redemptions: pa.Table) -> Watched | None:
    """The counts by variant of the first exposure."""
    if found is None:
        return None
    everybody = np.unique(integers(analysed["unit"]))
    units, own = found.units(), integers(standing(redemptions)["unit"])
    by_reason = {
        reason: np.array([unit for unit in units.tolist() if found.reasons[unit] == reason], dtype=np.int64)
        for reason in ("self_referral", "velocity")
    }
    return Watched(
        units=_by_variant(everybody, analysed),
        self_referral=_by_variant(by_reason["self_referral"], analysed),
        velocity=_by_variant(by_reason["velocity"], analysed),
        redemptions=_by_variant(own[np.isin(own, units)], analysed),
        crowded=found.crowded,
    )


def without_units(exposures: pa.Table, units: Integers) -> pa.Table:
    """Exposures of everybody else."""
    return exposures.filter(pa.array(~np.isin(integers(exposures["unit"]), units)))


def _by_variant(units: Integers, analysed: pa.Table) -> dict[str, int]:
    variants = first_variants(units, analysed).to_pylist()
    return dict(sorted(Counter(variant for variant in variants if variant is not None).items()))


def _shared(prints: pa.Table, person: Integers) -> dict[Mark, set[int]]:
    """Marks of at least two people."""
    once = prints.select(["kind", "mark"]).append_column("person", pa.array(person, pa.int64()))
    once = once.group_by(["kind", "mark", "person"]).aggregate([])
    people = once.group_by(["kind", "mark"]).aggregate([("person", "count")])
    several = people.filter(pc.greater(people["person_count"], 1)).drop_columns(["person_count"])
    found: dict[Mark, set[int]] = defaultdict(set)
    for row in once.join(several, ["kind", "mark"], join_type="inner").to_pylist():
        found[Mark(row["kind"], row["mark"])].add(row["person"])
    return dict(found)


def _uses(
    rows: LedgerRows, scope: Scope, resolution: Resolution, shared: dict[Mark, set[int]]
) -> dict[Mark, list[Use]]:
    """Redemptions with shared marks, each order once per mark."""
    used = standing(rows.redemptions)
    if used.num_rows == 0:
        return {}
    person, _ = units_of(used, scope.unit, resolution)
    told = zip(
        used["order_id"].to_pylist(), integers(used["occurred_us"]).tolist(), person.tolist(), strict=True
    )
    by_order = {order_id: Use(at_us, one) for order_id, at_us, one in sorted(told)}
    marked = rows.prints.filter(pc.is_in(rows.prints["order_id"], value_set=pa.array(list(by_order))))
    found: dict[Mark, dict[str, Use]] = defaultdict(dict)
    columns = (marked[name].to_pylist() for name in ("order_id", "kind", "mark"))
    for order_id, kind, number in zip(*columns, strict=True):
        if Mark(kind, number) in shared:
            found[Mark(kind, number)][order_id] = by_order[order_id]
    return {mark: list(uses.values()) for mark, uses in found.items()}
