"""Whose rows they are: what was randomised, and the canonical unit of every id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from app.identity.resolve import Link, Resolution, resolve
from app.results.days import Integers, integers, with_day

Policy = Literal["first_touch", "strict"]
Unit = Literal["visitor", "customer"]
Mask = npt.NDArray[np.bool_]


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
        held_back_us: from the decision on units that are held back go on entering; None: nobody is.
        fallback: an experiment on customers whose visitors are units of their own until they log in.
        by_referral: an offer is a referral: the invited belong to the cluster of who invited them.
    """

    unit: Unit
    variants: tuple[str, ...]
    timezone: str
    spans: Sequence[tuple[int, int | None]]
    frozen_at_us: int | None = None
    entry_ends_us: int | None = None
    fallback: bool = False
    held_back_us: int | None = None
    by_referral: bool = False


def resolution_of(links: pa.Table, unit: Unit, policy: Policy) -> Resolution:
    """The unit of every linked id; under `strict` nobody is linked."""
    if policy == "strict" or links.num_rows == 0:
        return Resolution(unit_of={}, contradicting=0)
    columns = (links[name].to_pylist() for name in ("visitor", "customer", "occurred_us", "event_id"))
    return resolve([Link(*row) for row in zip(*columns, strict=True)], unit)


def with_units(table: pa.Table, scope: Scope, resolution: Resolution) -> pa.Table:
    """Rows of persons with their unit and shop day in place of their ids."""
    unit, _ = units_of(table, scope.unit, resolution)
    return with_day(table.drop_columns(["visitor", "customer"]), scope.timezone).append_column(
        "unit", pa.array(unit, pa.int64())
    )


def persons_of(orders: pa.Table, unit: Unit, resolution: Resolution) -> pa.Table:
    """Who made each order, before anybody was put into a cluster: order_id, occurred_us, person."""
    person, _ = units_of(orders, unit, resolution)
    return orders.select(["order_id", "occurred_us"]).append_column("person", pa.array(person, pa.int64()))


def of_exposed(table: pa.Table, scope: Scope, resolution: Resolution, analysed: pa.Table) -> pa.Table:
    """Rows of exposed units."""
    found = with_units(table, scope, resolution)
    return found.filter(pa.array(np.isin(integers(found["unit"]), integers(analysed["unit"]))))


def origins_of(table: pa.Table, unit: Unit) -> Integers:
    """The id each row was sent under: of the experiment's kind where it has one, else the other; −1: none."""
    other = "customer" if unit == "visitor" else "visitor"
    return integers(pc.fill_null(pc.coalesce(table[unit], table[other]), -1))


def units_of(table: pa.Table, unit: Unit, resolution: Resolution) -> tuple[Integers, Mask]:
    """Canonical unit of each row, and whether the row names a unit of the experiment's kind at all."""
    number = origins_of(table, unit)
    named = np.asarray(pc.is_valid(table[unit])).astype(bool)
    if not resolution.unit_of:
        return number, named
    keys = np.array(sorted(resolution.unit_of), dtype=np.int64)
    values = np.array([resolution.unit_of[key] for key in keys.tolist()], dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, number), keys.size - 1)
    linked = keys[place] == number
    return np.where(linked, values[place], number), named | linked
