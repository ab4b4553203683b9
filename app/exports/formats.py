"""Arrow tables as streams of CSV, Parquet or Arrow bytes, a slice of rows at a time."""

import io
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

Format = Literal["csv", "parquet", "arrow"]
MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
ROWS_PER_SLICE = 65_536

# A spreadsheet runs a cell that begins with one of the first six. The apostrophe stands here too, so that
# taking one away (app.analyze does) always gives the text back.
_DANGEROUS = "^[=+\\-@\t\r']"


class _Spool(io.RawIOBase):
    """A file that hands over what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._place += len(part)
        return len(part)

    def tell(self) -> int:
        return self._place

    def drain(self) -> bytes:
        drained = b"".join(self._parts)
        self._parts.clear()
        return drained


def stream(table: pa.Table, as_format: Format) -> Iterator[bytes]:
    """The bytes of a table, about 65,000 rows at a time.

    Args:
        table: rows to write; in CSV, times become RFC 3339 in UTC with microseconds and text that a
            spreadsheet would run is led by an apostrophe.
        as_format: `csv`, `parquet` or `arrow` (the IPC stream format).
    """
    shown = _for_csv(table) if as_format == "csv" else table
    spool = _Spool()
    writer = _WRITERS[as_format](pa.PythonFile(spool, mode="w"), shown.schema)
    for start in range(0, max(shown.num_rows, 1), ROWS_PER_SLICE):
        writer.write_table(shown.slice(start, ROWS_PER_SLICE))
        if part := spool.drain():
            yield part
    writer.close()
    if part := spool.drain():
        yield part


def _csv_writer(sink: Any, schema: pa.Schema) -> Any:
    from pyarrow import csv

    return csv.CSVWriter(sink, schema)


def _parquet_writer(sink: Any, schema: pa.Schema) -> Any:
    from pyarrow import parquet

    return parquet.ParquetWriter(sink, schema)


def _arrow_writer(sink: Any, schema: pa.Schema) -> Any:
    return pa.ipc.new_stream(sink, schema)


_WRITERS: dict[Format, Callable[[Any, pa.Schema], Any]] = {
    "csv": _csv_writer,
    "parquet": _parquet_writer,
    "arrow": _arrow_writer,
}


def _for_csv(table: pa.Table) -> pa.Table:
    return pa.table({field.name: _csv_column(table[field.name], field.type) for field in table.schema})


def _csv_column(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_timestamp(kind):
        return pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_string(kind):
        dangerous = pc.match_substring_regex(column, _DANGEROUS)
        return pc.if_else(dangerous, pc.binary_join_element_wise("'", column, ""), column)
    if pa.types.is_decimal(kind):
        return pc.cast(column, pa.string())
    return column


def without_apostrophes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as it was before it was made safe for spreadsheets; the inverse of what `stream` does to CSV."""
    return pc.replace_substring_regex(column, "^'([=+\\-@\t\r'])", "\\1")
