"""Which rows stand behind a result, as a stream of bytes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from app.clock import isoformat, last_closed_day
from app.codes.service import Vault
from app.errors import NotFound
from app.exports import people_rows, rows
from app.exports.formats import MEDIA_TYPES, Format, stream
from app.exports.order_codes import code_lists
from app.exports.plan_file import plan_file
from app.ledger.queries import Cut
from app.results.closing import Study
from app.results.inputs import Inputs
from app.results.reading import POLICIES_DIFFER
from app.results.service import Reading, open_reading, read_result
from app.results.source import load_study, state_at
from stats.metrics import skus

if TYPE_CHECKING:
    from app.bootstrap import Services

FORMATS: dict[str, Format] = {"csv": "csv", "parquet": "parquet", "arrow": "arrow"}
# counts that the exported rows show themselves
_VISIBLE_NOTES = frozenset(
    {
        "exposures_contradicting_hash",
        "exposures_outside_running",
        "exposures_without_unit",
        "exposures_after_freeze",
        "exposures_forced",
        "exposures_of_bots",
    },
)


@dataclass(frozen=True)
class Export:
    """A file on its way out.

    Attributes:
        name: its file name.
        media_type: of its bytes.
        parts: its bytes, a slice of rows at a time.
    """

    name: str
    media_type: str
    parts: Iterator[bytes]


@dataclass(frozen=True)
class _Taken:
    """What every export is cut from: units resolved under `first_touch`; `codes` reads those orders name."""

    reading: Reading
    study: Study
    inputs: Inputs
    closed_day: int
    key: bytes
    codes: Callable[[], dict[str, str]]


def export(
    services: "Services", key: str, name: str, as_of: str | None = None, through_seq: int | None = None
) -> Export:
    """One file of an experiment's data.

    Args:
        services: the wired services.
        key: of the experiment.
        name: `units`, `exposures`, `orders`, `refunds`, `redemptions`, `referrals`, `suspects`,
            `events`, `cells` or `looks`, a dot, and `csv`, `parquet` or `arrow`; or `plan.toml`.
        as_of: as for results.
        through_seq: as for results.

    Raises:
        NotFound: no such experiment or file.
        Invalid: `as_of` or `through_seq` cannot be understood.
    """
    kind, _, suffix = name.partition(".")
    if (kind, suffix) != ("plan", "toml"):
        _check(kind, suffix)
    reading = open_reading(services, key, as_of, through_seq)
    taken = _take(services, reading)
    stem = f"{key}-v{reading.row.version}-{kind}.{suffix}"
    if kind == "plan":
        return Export(stem, "application/toml", iter([_plan(services, taken)]))
    as_format = FORMATS[suffix]
    return Export(stem, MEDIA_TYPES[as_format], stream(_TABLES[kind](taken), as_format))


def _check(kind: str, suffix: str) -> None:
    if kind not in _TABLES or suffix not in FORMATS:
        known = f"{', '.join(_TABLES)} as {', '.join(FORMATS)}, and plan.toml"
        raise NotFound(f"there is no such file; there are {known}", "unknown_export", "name")


def _take(services: "Services", reading: Reading) -> _Taken:
    row, zone = reading.row, reading.row.definition["timezone"]
    study = load_study(services.database, services.settings, row, reading.through_seq, reading.as_of_us)
    cut = Cut(reading.as_of_us, reading.through_seq)
    return _Taken(
        reading=reading,
        study=study,
        inputs=study.inputs("first_touch", reading.as_of_us),
        closed_day=last_closed_day(reading.as_of_us, zone),
        key=services.settings.derived_key("export"),
        codes=partial(code_lists, services.database, Vault(services.settings), cut),
    )


def _units(taken: _Taken) -> pa.Table:
    request = taken.study.request(taken.closed_day, taken.reading.written.caps)
    return rows.unit_table(taken.study.engine.unit_totals(request, taken.inputs.data), taken.key)


def _exposures(taken: _Taken) -> pa.Table:
    return rows.exposure_table(taken.study.plan.experiment, taken.inputs.exposures, taken.key)


def _orders(taken: _Taken) -> pa.Table:
    has_skus = bool(skus(taken.study.plan))
    return rows.order_table(taken.inputs.data, taken.codes(), has_skus=has_skus, key=taken.key)


def _refunds(taken: _Taken) -> pa.Table:
    return rows.refund_table(taken.inputs.data.refunds)


def _redemptions(taken: _Taken) -> pa.Table:
    return rows.redemption_table(taken.inputs.redemptions, taken.inputs.unconfirmed, taken.key)


def _referrals(taken: _Taken) -> pa.Table:
    return people_rows.referral_table(taken.inputs.invited, taken.key)


def _suspects(taken: _Taken) -> pa.Table:
    return people_rows.suspect_table(taken.inputs.suspects, taken.inputs.data.exposures, taken.key)


def _events(taken: _Taken) -> pa.Table:
    data = taken.inputs.data
    return rows.event_table(data.costs, data.claims, data.customs, taken.key)


def _cells(taken: _Taken) -> pa.Table:
    cells = taken.study.cells(taken.inputs, taken.closed_day, taken.reading.written.caps)
    return rows.cell_table(cells)


def _looks(taken: _Taken) -> pa.Table:
    return rows.look_table(taken.reading.written.looks)


_TABLES: dict[str, Callable[[_Taken], pa.Table]] = {
    "units": _units,
    "exposures": _exposures,
    "orders": _orders,
    "refunds": _refunds,
    "redemptions": _redemptions,
    "referrals": _referrals,
    "suspects": _suspects,
    "events": _events,
    "cells": _cells,
    "looks": _looks,
}


def _plan(services: "Services", taken: _Taken) -> bytes:
    reading = taken.reading
    hidden = {name: n for name, n in taken.inputs.notes.items() if name not in _VISIBLE_NOTES}
    suspects = taken.inputs.suspects
    listed = 0 if suspects is None else suspects.table(taken.inputs.data.exposures).num_rows
    return plan_file(
        reading.row.definition,
        taken.study,
        as_of_us=reading.as_of_us,
        through_seq=reading.through_seq,
        days=list(reading.written.days),
        state=state_at(reading.row, reading.as_of_us),
        notes=hidden | _contradiction(services, taken),
        watched={} if suspects is None else {"suspected_units": listed, "crowded_marks": suspects.crowded},
    )


def _contradiction(services: "Services", taken: _Taken) -> dict[str, int]:
    """Whether the policies contradict each other; files cannot show it, their units are resolved."""
    if taken.inputs.links == 0:
        return {}
    reading = taken.reading
    result = read_result(services, reading.row.key, isoformat(reading.as_of_us), reading.through_seq)
    contradict = any(check.key == POLICIES_DIFFER for check in result.trust.checks)
    return {POLICIES_DIFFER: 1} if contradict else {}
