"""One id hashed with many seeds at once in machine code, where numba is installed.

The same numbers as `assignment.hashing.bucket_index`, for ids and seeds in ASCII. Importing this module loads
nothing; `splitter` loads numpy and numba and compiles, which takes about a second the first time.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from assignment.hashing import BUCKETS, OFFSET_BASIS, PRIME, fnv1a32

Split = Callable[[bytes], tuple[list[int], list[int]]]
"""An id's bytes → for each seed the table's entry, and the bucket's index."""

_POWERS = tuple(10**power for power in range(9, -1, -1))
_ZERO = 48  # ord("0")


def splitter(seeds: Sequence[str], tables: Sequence[bytes]) -> Split | None:
    """A function that finds an id's bucket under every seed and looks it up in that seed's table.

    Args:
        seeds: in ASCII, any number.
        tables: one of 10,000 bytes for each seed, see `ranges.bucket_table`.

    Returns:
        The function, or None without numba.
    """
    kernel = _kernel()
    if kernel is None:
        return None
    import numpy as np

    states = np.array([fnv1a32(seed) for seed in seeds], np.uint32)
    rows = np.frombuffer(b"".join(tables), np.uint8).reshape(len(seeds), BUCKETS)
    count = len(seeds)

    def split(data: bytes) -> tuple[list[int], list[int]]:
        out = np.empty(2 * count, np.int64)
        kernel(states, rows, np.frombuffer(data, np.uint8), out)
        both = out.tolist()
        return both[:count], both[count:]

    split(b"compiled now, not at the first question")
    return split


@cache
def _kernel() -> Any:
    if find_spec("numba") is None:
        return None
    from numba import njit, uint32

    return njit(cache=True, nogil=True)(_written(uint32))


def _written(uint32: Any) -> Any:
    """The loop. Every step is cast to 32 bits, or numba widens it to 64."""

    def split(states: Any, tables: Any, data: Any, out: Any) -> None:
        count = states.shape[0]
        for row in range(count):
            number = states[row]
            for byte in data:
                number = uint32((number ^ uint32(byte)) * uint32(PRIME))
            state, begun = uint32(OFFSET_BASIS), False
            for power in _POWERS:
                digit = uint32(number // uint32(power))
                number = uint32(number - uint32(digit * uint32(power)))
                begun = begun or digit > 0 or power == 1
                if begun:
                    state = uint32((state ^ uint32(digit + uint32(_ZERO))) * uint32(PRIME))
            index = state % uint32(BUCKETS)
            out[row] = tables[row, index]
            out[count + row] = index

    return split
