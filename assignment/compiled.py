"""Hashes of many ids in machine code, where numba is installed; the same numbers as `assignment.hashing`.

Importing this module loads nothing: `kernels` loads numba, which compiles once and keeps the result on disk.
"""

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Numbers = NDArray[np.uint32]

_PRIME = 0x01000193
_HUNDRED_THOUSAND = 100_000
_ZERO = 48  # ord("0")


class Kernels(NamedTuple):
    """The compiled functions. `state` is an unfinished FNV-1a hash, `out` takes one number per id.

    Attributes:
        even: (bytes, width, stride, state, out): ids of `width` bytes, one begins every `stride` bytes.
        ragged: (bytes, offsets, state, out): id i lies from offsets[i] up to offsets[i + 1].
        decimal: (numbers, heads, out): hash of each number written in decimal, see `blocks.decimal_hash`.
    """

    even: "Callable[[Bytes, int, int, np.uint32, Numbers], None]"
    ragged: "Callable[[Bytes, NDArray[np.int64], np.uint32, Numbers], None]"
    decimal: "Callable[[Numbers, Numbers, Numbers], None]"


@cache
def kernels() -> Kernels | None:
    """The compiled functions, or None without numba."""
    if find_spec("numba") is None:
        return None
    from numba import njit, uint32

    compiled: Any = njit(cache=True, nogil=True)
    return Kernels(*(compiled(written(uint32)) for written in (_even, _ragged, _decimal)))


# Every step is cast to 32 bits, or numba widens it to 64 and the loops take twice as long; bytes are read
# through slices, or each read checks for a negative place.


def _even(uint32: Any) -> Any:
    def even(data: Any, width: int, stride: int, state: Any, out: Any) -> None:
        count = out.shape[0]
        rest = count % 4
        for at in range(0, count - rest, 4):  # four at once: each hash waits for its own last step only
            place = at * stride
            first = data[place : place + width]
            second = data[place + stride : place + stride + width]
            third = data[place + 2 * stride : place + 2 * stride + width]
            fourth = data[place + 3 * stride : place + 3 * stride + width]
            a = b = c = d = state
            for step in range(width):
                a = uint32((a ^ uint32(first[step])) * uint32(_PRIME))
                b = uint32((b ^ uint32(second[step])) * uint32(_PRIME))
                c = uint32((c ^ uint32(third[step])) * uint32(_PRIME))
                d = uint32((d ^ uint32(fourth[step])) * uint32(_PRIME))
            out[at], out[at + 1], out[at + 2], out[at + 3] = a, b, c, d
        for at in range(count - rest, count):
            hashed = state
            for byte in data[at * stride : at * stride + width]:
                hashed = uint32((hashed ^ uint32(byte)) * uint32(_PRIME))
            out[at] = hashed

    return even


def _ragged(uint32: Any) -> Any:
    def ragged(data: Any, offsets: Any, state: Any, out: Any) -> None:
        for at in range(out.shape[0]):
            hashed = state
            for byte in data[offsets[at] : offsets[at + 1]]:
                hashed = uint32((hashed ^ uint32(byte)) * uint32(_PRIME))
            out[at] = hashed

    return ragged


def _decimal(uint32: Any) -> Any:
    def decimal(numbers: Any, heads: Any, out: Any) -> None:
        for at in range(out.shape[0]):
            number = numbers[at]
            head = uint32(number // uint32(_HUNDRED_THOUSAND))
            rest = uint32(number - uint32(head * uint32(_HUNDRED_THOUSAND)))
            if head == 0:
                out[at] = heads[rest]
                continue
            state = heads[head]
            for power in (10_000, 1_000, 100, 10, 1):
                digit = uint32(rest // uint32(power))
                rest = uint32(rest - uint32(digit * uint32(power)))
                state = uint32((state ^ uint32(digit + uint32(_ZERO))) * uint32(_PRIME))
            out[at] = state

    return decimal
