"""Files of what happened around the offers: redemptions, codes issued, messages and points."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from app.analyze.files import Sheet, read_sheet
from app.ledger.rows import UNTRUSTED

COST_TYPES = ("message", "points")
_PERSON = [("event_id", pa.string()), ("unit", pa.string()), ("occurred_us", pa.int64())]
_REDEMPTIONS = pa.schema(
    [
        *_PERSON,
        *(("order_id", pa.string()), ("code_variant", pa.string())),
        *(("reversed_us", pa.int64()), ("status", pa.string())),
    ]
)
_VALUES = [("name", pa.string()), ("value", pa.int64()), ("value_minor", pa.int64()), ("flags", pa.int64())]
_EVENTS = pa.schema([*_PERSON, ("type", pa.string()), ("amount_minor", pa.int64()), *_VALUES])


@dataclass(frozen=True)
class OfferFiles:
    """The rows of the files, each once; ids still text.

    Attributes:
        redemptions: event_id, unit, occurred_us, order_id, code_variant, reversed_us.
        unconfirmed: the same of codes that only orders name.
        costs: event_id, unit, occurred_us, kind, amount_minor.
        claims: event_id, unit, occurred_us.
        customs: event_id, unit, occurred_us, name, value, value_minor, flags.
        suspects: unit, reason; None without such a file.
    """

    redemptions: pa.Table
    unconfirmed: pa.Table
    costs: pa.Table
    claims: pa.Table
    customs: pa.Table
    suspects: pa.Table | None = None

    def units(self) -> list[pa.ChunkedArray]:
        """Every unit named."""
        tables = (
            *(self.redemptions, self.unconfirmed, self.costs, self.claims, self.customs),
            self.suspects,
        )
        return [table["unit"] for table in tables if table is not None]


def read_offer_files(
    redemptions: Sequence[Path],
    events: Sequence[Path],
    names: Sequence[str] = (),
    suspects: Sequence[Path] = (),
) -> OfferFiles:
    """Read the exports `redemptions`, `events` and `suspects`; none of each is fine.

    Args:
        redemptions: `event_id, order_id, unit_id, code_variant, occurred_at`, and if wished `status` and
            `reversed_at`.
        events: `event_id, type (claim, message, points, custom), unit_id, occurred_at, amount_minor`, for
            custom events `name, value, value_minor, trusted`; rows of other types are passed over.
        names: of the custom events that count.
        suspects: `unit_id, reason`.

    Raises:
        Invalid: a column is missing or a cell is not what it should be.
    """
    used = _each_once([_redemptions(read_sheet(path)) for path in redemptions], _REDEMPTIONS)
    happened = _each_once([_events(read_sheet(path)) for path in events], _EVENTS)
    costs = happened.filter(pc.is_in(happened["type"], value_set=pa.array(COST_TYPES)))
    costs = costs.select([*(name for name, _ in _PERSON), "type", "amount_minor"])
    claims = happened.filter(pc.equal(happened["type"], "claim"))
    is_open = pc.equal(used["status"], "unconfirmed")
    used = used.drop_columns(["status"])
    return OfferFiles(
        redemptions=used.filter(pc.invert(is_open)),
        unconfirmed=used.filter(is_open),
        costs=costs.rename_columns(["kind" if name == "type" else name for name in costs.column_names]),
        claims=claims.select([name for name, _ in _PERSON]),
        customs=happened.filter(
            pc.and_(
                pc.equal(happened["type"], "custom"),
                pc.is_in(happened["name"], value_set=pa.array(names, pa.string())),
            )
        ),
        suspects=pa.concat_tables(_suspects(read_sheet(path)) for path in suspects) if suspects else None,
    )


def _suspects(sheet: Sheet) -> pa.Table:
    sheet.need(("unit_id", "reason"))
    return pa.table({"unit": sheet.texts("unit_id"), "reason": sheet.texts("reason")})


def _redemptions(sheet: Sheet) -> pa.Table:
    sheet.need(("event_id", "order_id", "unit_id", "code_variant", "occurred_at"))
    confirmed = pa.repeat(pa.scalar("confirmed"), sheet.table.num_rows)
    nothing = pa.nulls(sheet.table.num_rows, pa.int64())
    return pa.table(
        {
            **_person(sheet),
            "order_id": sheet.texts("order_id"),
            "code_variant": sheet.texts("code_variant"),
            "status": pc.fill_null(sheet.texts("status"), "confirmed") if sheet.has("status") else confirmed,
            "reversed_us": sheet.moments("reversed_at") if sheet.has("reversed_at") else nothing,
        }
    )


def _events(sheet: Sheet) -> pa.Table:
    sheet.need(("event_id", "type", "unit_id", "occurred_at"))
    trusted = sheet.booleans("trusted", default=True)
    nothing = pa.nulls(sheet.table.num_rows, pa.string())
    return pa.table(
        {
            **_person(sheet),
            "type": sheet.texts("type"),
            "amount_minor": sheet.integers("amount_minor", 0),
            "name": sheet.texts("name") if sheet.has("name") else nothing,
            "value": sheet.integers("value"),
            "value_minor": sheet.integers("value_minor"),
            "flags": pc.if_else(trusted, 0, UNTRUSTED),
        }
    )


def _person(sheet: Sheet) -> dict[str, pa.Array]:
    return {
        "event_id": sheet.texts("event_id"),
        "unit": sheet.texts("unit_id"),
        "occurred_us": sheet.moments("occurred_at"),
    }


def _each_once(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Complete rows of all tables, each once."""
    found = pa.concat_tables(
        [schema.empty_table(), *(table.select(schema.names).cast(schema) for table in tables)]
    )
    for name in ("event_id", "unit", "occurred_us"):
        found = found.filter(pc.is_valid(found[name]))
    return found.group_by(schema.names).aggregate([]).select(schema.names)
