"""CSV and Parquet files as columns of known types; a cell that cannot be read is named by row and column.

Rows are numbered as a spreadsheet shows them: in CSV the header is row 1, in Parquet the first row is 1.
"""

import csv
import gzip
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.clock import to_us
from app.errors import Invalid
from app.exports.formats import without_apostrophes

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Sheet:
    """A file as it was read: text cells (CSV) or typed ones (Parquet).

    Attributes:
        name: its file name, for messages.
        table: its cells; an empty CSV cell is null.
        first_row: the number of its first row.
        is_csv: whether text may be led by the apostrophe that keeps a spreadsheet from running it.
    """

    name: str
    table: pa.Table
    first_row: int
    is_csv: bool = False

    def need(self, columns: Sequence[str]) -> None:
        """Refuse a file without these columns.

        Raises:
            Invalid: naming file and column.
        """
        for column in columns:
            if column not in self.table.column_names:
                raise Invalid(f"{self.name} has no column {column!r}", "missing_column", column)

    def has(self, column: str) -> bool:
        """Whether there is such a column."""
        return column in self.table.column_names

    def texts(self, column: str) -> pa.Array:
        """A column of text; null where there is none."""
        found = _flat(pc.cast(self.table[column], pa.string()))
        if self.is_csv:
            found = _flat(without_apostrophes(found))
        return pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found)

    def moments(self, column: str) -> pa.Array:
        """A column of moments in microseconds since 1970 UTC; null where it is none or has no offset."""
        cells = self.table[column]
        if pa.types.is_timestamp(cells.type):
            if cells.type.tz is None:
                raise Invalid(
                    f"{self.name}: column {column!r} has times without a zone", "naive_time", column
                )
            return _flat(cells.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64()))
        try:
            return _flat(self.texts(column).cast(pa.timestamp("us", "UTC")).cast(pa.int64()))
        except pa.ArrowInvalid:
            return pa.array([_moment(text) for text in self.texts(column).to_pylist()], pa.int64())

    def integers(self, column: str, default: int | None = None) -> pa.Array:
        """A column of whole numbers; empty cells, or a column that is not there, take the default.

        Raises:
            Invalid: a cell is no whole number; named by row and column.
        """
        if not self.has(column):
            return pa.array([default] * self.table.num_rows, pa.int64())
        cells = self.table[column]
        if self._is_text(column):
            cells = self._parsed(column, _whole, pa.int64(), "is not a whole number")
        try:
            numbers = _flat(cells.cast(pa.int64()))
        except pa.ArrowInvalid:
            raise Invalid(
                f"{self.name}: column {column!r} holds other than whole numbers", "bad_cell", column
            ) from None
        return numbers if default is None else pc.fill_null(numbers, default)

    def booleans(self, column: str, *, default: bool) -> pa.Array:
        """A column of true and false (or 1 and 0); empty cells, or no such column, take the default.

        Raises:
            Invalid: a cell is neither; named by row and column.
        """
        if not self.has(column):
            return pa.array([default] * self.table.num_rows, pa.bool_())
        cells = self.table[column]
        if self._is_text(column):
            read: Callable[[str], bool] = lambda text: _BOOLEANS[text.strip().lower()]  # noqa: E731 - one use
            cells = self._each(column, read, pa.bool_(), "is neither true nor false")
        return pc.fill_null(_flat(cells.cast(pa.bool_())), default)

    def numbered(self, columns: dict[str, pa.Array]) -> pa.Table:
        """These columns with `file` and `row` beside them."""
        count = self.table.num_rows
        rows = np.arange(self.first_row, self.first_row + count, dtype=np.int64)
        return pa.table({**columns, "file": pa.repeat(pa.scalar(self.name), count), "row": rows})

    def refuse(self, column: str, place: int, problem: str) -> Invalid:
        """The refusal of one cell; `place` counts from 0."""
        row = self.first_row + place
        detail = f"{self.name}, row {row}, column {column!r}: {problem}"
        return Invalid(detail, "bad_cell", column, {"row": row, "column": column})

    def _is_text(self, column: str) -> bool:
        kind = self.table[column].type
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))

    def _parsed(self, column: str, read: Callable[[str], Any], kind: pa.DataType, problem: str) -> pa.Array:
        try:
            return _flat(pc.cast(self.texts(column), kind))
        except pa.ArrowInvalid:
            return self._each(column, read, kind, problem)

    def _each(self, column: str, read: Callable[[str], Any], kind: pa.DataType, problem: str) -> pa.Array:
        """Cell by cell, to name the one that cannot be read."""
        values: list[Any] = []
        for place, text in enumerate(self.texts(column).to_pylist()):
            try:
                value = None if text is None else read(text)
                pa.scalar(value, kind)
            except (ValueError, KeyError, OverflowError):
                raise self.refuse(column, place, f"{text[:40]!r} {problem}") from None
            values.append(value)
        return pa.array(values, kind)


def read_sheet(path: Path) -> Sheet:
    """A file by its suffix: `.csv` (UTF-8, comma, header), the same compressed (`.csv.gz`), or `.parquet`.

    Raises:
        Invalid: it is neither, or cannot be read; names the file.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv" or path.name.lower().endswith(".csv.gz"):
            return Sheet(path.name, _read_csv(path), 2, is_csv=True)
        if suffix in {".parquet", ".pq"}:
            from pyarrow import parquet

            return Sheet(path.name, parquet.read_table(path), 1)
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowException) as error:
        raise Invalid(
            f"{path.name} cannot be read: {str(error)[:200]}", "unreadable_file", path.name
        ) from None
    raise Invalid(f"{path.name} is neither .csv nor .parquet", "unknown_format", path.name)


def _read_csv(path: Path) -> pa.Table:
    """Every cell as text; only an unquoted empty cell is null."""
    from pyarrow import csv as arrow_csv

    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    if not header:
        raise Invalid(f"{path.name} is empty", "empty_file", path.name)
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise Invalid(f"{path.name} has two columns {twice!r}", "duplicate_column", twice)
    return arrow_csv.read_csv(
        path,
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _whole(text: str) -> int:
    if re.fullmatch(r"\s*[+-]?[0-9]+\s*", text) is None:
        raise ValueError(text)
    return int(text)


def _moment(text: str | None) -> int | None:
    try:
        return None if text is None else to_us(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        return None


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
