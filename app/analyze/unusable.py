"""Rows that cannot be used: counted, named, never dropped silently."""

from typing import Any

import numpy as np
import pyarrow as pa

NAMED_ROWS = 5


class Unusable:
    """Collects rows by the code that says why they cannot be used."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Any]] = {}

    def add(self, code: str, table: pa.Table, mask: Any) -> None:
        """Count the masked rows under a code.

        Args:
            code: why, for example `unknown_variant`.
            table: has `file` and `row`.
            mask: booleans, one per row.
        """
        rows = table.filter(pa.array(np.asarray(mask).astype(bool)))
        if rows.num_rows == 0:
            return
        entry = self._found.setdefault(code, {"count": 0, "first": []})
        entry["count"] += rows.num_rows
        named = rows.select(["file", "row"]).slice(0, NAMED_ROWS - len(entry["first"])).to_pylist()
        entry["first"] += named

    def note(self, code: str, count: int, first: list[dict[str, Any]]) -> None:
        """Count something else than rows under a code; `first` are the first rows of it."""
        self._found[code] = {"count": count, "first": first}

    def document(self) -> dict[str, Any]:
        """Code → count and the first rows, sorted by code."""
        return dict(sorted(self._found.items()))
