"""Shop days of ledger rows, and columns as arrays."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from app.clock import day_start_us, shop_day

Integers = npt.NDArray[np.int64]


def shop_days(moments: Integers, timezone: str) -> Integers:
    """The shop day of each moment (microseconds since 1970 UTC), days since 1970-01-01.

    >>> shop_days(np.array([-1, 0, 86_400_000_000]), "UTC").tolist()
    [-1, 0, 1]
    """
    if moments.size == 0:
        return moments.astype(np.int64)
    first, last = shop_day(int(moments.min()), timezone), shop_day(int(moments.max()), timezone)
    starts = np.array([day_start_us(day, timezone) for day in range(first, last + 1)], dtype=np.int64)
    return np.searchsorted(starts, moments, side="right").astype(np.int64) - 1 + first


def with_day(table: pa.Table, timezone: str) -> pa.Table:
    """The table with the shop day of each row as `day`, from its `occurred_us`."""
    days = shop_days(integers(table["occurred_us"]), timezone)
    return table.append_column("day", pa.array(days, pa.int32()))


def integers(column: pa.ChunkedArray | pa.Array) -> Integers:
    """A column as 64-bit integers."""
    values: Integers = np.asarray(column).astype(np.int64)
    return values


def flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
