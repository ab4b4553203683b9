"""Redemptions of an experiment's offers: whose code, used by a visitor of which variant, in which order."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.results.days import integers, shop_days


def redemptions_with_variants(redemptions: pa.Table, analysed: pa.Table) -> pa.Table:
    """Redemptions with the redeemer's variant; a code of an unknown variant is taken as the redeemer's own.

    Args:
        redemptions: event_id, order_id, code_variant, occurred_us, reversed_us, day, unit.
        analysed: analysed exposures, rising by (occurred_us, event_id).

    Returns:
        The same rows by event_id with `redeemer_variant` (null: never assigned); where a redemption is on
        record in its own right and the order names the offer as well, the former counts.
    """
    found = _each_order_once(redemptions)
    redeemer = first_variants(integers(found["unit"]), analysed)
    code = pc.coalesce(found["code_variant"], redeemer)
    return (
        found.drop_columns(["code_variant"])
        .append_column("code_variant", code)
        .append_column("redeemer_variant", redeemer)
    )


def standing(redemptions: pa.Table) -> pa.Table:
    """Redemptions that were not given back."""
    return redemptions.filter(pc.is_null(redemptions["reversed_us"]))


def without_orders_of(named: pa.Table, redemptions: pa.Table) -> pa.Table:
    """Rows of orders that are not among the redemptions already."""
    known = pc.unique(standing(redemptions)["order_id"])
    return named.filter(pc.invert(pc.is_in(named["order_id"], value_set=known)))


def own_redemptions(redemptions: pa.Table) -> pa.Table:
    """Orders in which a unit used the offer, each once."""
    return pa.table({"order_id": pc.unique(standing(redemptions)["order_id"]).cast(pa.string())})


def uses_of(redemptions: pa.Table, timezone: str) -> pa.Table:
    """Every use with its shop day and that of its return (null: none): order_id, day, reversed_day."""
    returned = redemptions["reversed_us"]
    days = shop_days(integers(pc.fill_null(returned, 0)), timezone)
    reversed_day = pc.if_else(pc.is_valid(returned), pa.array(days, pa.int32()), pa.scalar(None, pa.int32()))
    return redemptions.select(["order_id", "day"]).append_column("reversed_day", reversed_day)


def _each_order_once(redemptions: pa.Table) -> pa.Table:
    """Rows with a code first; an order that names only the experiment counts when no code is on record."""
    known = pc.is_valid(redemptions["code_variant"])
    coded, named = redemptions.filter(known), redemptions.filter(pc.invert(known))
    orders = pc.unique(standing(coded)["order_id"])
    rest = named.filter(pc.invert(pc.is_in(named["order_id"], value_set=orders)))
    return pa.concat_tables([coded, rest]).sort_by([("event_id", "ascending"), ("code_variant", "ascending")])


def first_variants(units: np.ndarray[tuple[int], np.dtype[np.int64]], analysed: pa.Table) -> pa.Array:
    """The variant under which each unit entered, or null."""
    keys, first = np.unique(integers(analysed["unit"]), return_index=True)
    if not keys.size:
        return pa.nulls(units.size, pa.string())
    place = np.minimum(np.searchsorted(keys, units), keys.size - 1)
    variants = analysed["variant"].combine_chunks().take(pa.array(first[place], pa.int64()))
    return pc.if_else(pa.array(keys[place] == units), variants, pa.scalar(None, pa.string()))
