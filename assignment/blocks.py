"""Ids laid out as one run of bytes, and their hashes: compiled where numba is installed, else by numpy.

Both give what `hashing.bucket_index` gives. numpy is loaded by the first call, never by importing this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from assignment.compiled import kernels
from assignment.hashing import BUCKETS, OFFSET_BASIS, PRIME, bucket_index, extend_fnv1a32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WIDEST = (
    64  # characters; longer ids are rare and go one by one, or one of them would hold up the whole block
)
_NEWLINE = 10
_NOT_ASCII = 128
_FEWEST_TO_COMPILE = 1_000
"""Loading numba takes half a second: not for a handful of ids."""


@dataclass(frozen=True, slots=True)
class PackedIds:
    """Ids as they lie in memory in a text column of Arrow: one run of UTF-8, and where each id begins.

    Attributes:
        data: the bytes of all ids, one after the other.
        offsets: id i lies from offsets[i] up to offsets[i + 1]; one more than there are ids.

    >>> import numpy as np
    >>> PackedIds(np.frombuffer(b"v-1v-22", np.uint8), np.array([0, 3, 7]))[1]
    'v-22'
    """

    data: "NDArray[np.uint8]"
    offsets: "NDArray[np.integer[Any]]"

    def __len__(self) -> int:
        """How many ids."""
        return len(self.offsets) - 1

    def __getitem__(self, at: int) -> str:
        """One id as a text."""
        return self.data[self.offsets[at] : self.offsets[at + 1]].tobytes().decode()

    def part(self, start: int, stop: int) -> "PackedIds":
        """Ids from `start` up to `stop`, in the same memory."""
        return PackedIds(self.data, self.offsets[start : min(stop, len(self)) + 1])


@dataclass(frozen=True, slots=True)
class Block:
    """A few thousand ids, ready to be hashed with one seed after the other.

    Attributes:
        ids: the ids themselves.
        data: their bytes.
        offsets: where each begins, and the end of the last.
        width: bytes of each id if all are equally long, else 0; `stride` bytes lie between their beginnings.
        singles: positions of ids that are hashed one by one: not ASCII, or too long; empty in `data`.
    """

    ids: Sequence[str] | PackedIds
    data: "NDArray[np.uint8]"
    offsets: "NDArray[np.int64] | None"
    width: int
    stride: int
    singles: list[int]

    @classmethod
    def of(cls, ids: Sequence[str] | PackedIds) -> "Block":
        """Lay out at least one id."""
        return _of_packed(ids) if isinstance(ids, PackedIds) else _of_texts(ids)

    def missing(self) -> "NDArray[np.bool_] | None":
        """Which ids are empty; None: none of them."""
        import numpy as np

        if self.offsets is None:
            return None
        empty: NDArray[np.bool_] = np.diff(self.offsets) == 0
        empty[self.singles] = False
        return empty

    def bucket_indices(self, seed: str) -> "NDArray[np.uint32]":
        """`hashing.bucket_index` of each id."""
        import numpy as np

        state = np.uint32(extend_fnv1a32(OFFSET_BASIS, seed))
        indices = decimal_hash(self._hash(state))
        indices %= np.uint32(BUCKETS)
        for at in self.singles:
            indices[at] = bucket_index(seed, self.ids[at])
        return indices

    def _hash(self, state: "np.uint32") -> "NDArray[np.uint32]":
        import numpy as np

        compiled = _compiled(len(self.ids))
        if compiled is None:
            return _hash_even(self, state) if self.offsets is None else _hash_ragged(self, state)
        hashes = np.empty(len(self.ids), dtype=np.uint32)
        if self.offsets is None:
            compiled.even(self.data, self.width, self.stride, state, hashes)
        else:
            compiled.ragged(self.data, self.offsets, state, hashes)
        return hashes


def _compiled(count: int) -> Any:
    return kernels() if count >= _FEWEST_TO_COMPILE else None


# ---------------------------------------------------------------- layouts


def _of_texts(ids: Sequence[str]) -> Block:
    even = _equally_long(ids)
    if even is not None:
        return Block(ids, even, None, len(ids[0]), len(ids[0]) + 1, [])
    text = "".join(ids)
    is_plain = text.isascii() and max(map(len, ids)) <= _WIDEST
    singles = (
        [] if is_plain else [at for at, one in enumerate(ids) if len(one) > _WIDEST or not one.isascii()]
    )
    if not singles:
        return _ragged(ids, text, list(map(len, ids)), singles)
    plain = list(ids)
    for at in singles:
        plain[at] = ""
    return _ragged(ids, "".join(plain), list(map(len, plain)), singles)


def _ragged(ids: Sequence[str], text: str, lengths: list[int], singles: list[int]) -> Block:
    import numpy as np

    offsets = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return Block(ids, np.frombuffer(text.encode(), dtype=np.uint8), offsets, 0, 0, singles)


def _equally_long(ids: Sequence[str]) -> "NDArray[np.uint8] | None":
    """Bytes of ids that are all ASCII and of one length (UUIDs), a newline behind each; None for others."""
    import numpy as np

    width = len(ids[0])
    text = "\n".join(ids)
    if not 0 < width <= _WIDEST or len(text) + 1 != len(ids) * (width + 1) or not text.isascii():
        return None
    data = np.frombuffer(f"{text}\n".encode(), dtype=np.uint8)
    one_each = bool((data[width :: width + 1] == _NEWLINE).all()) and text.count("\n") == len(ids) - 1
    return data if one_each else None


def _of_packed(ids: PackedIds) -> Block:
    import numpy as np

    first, last = int(ids.offsets[0]), int(ids.offsets[-1])
    data = ids.data[first:last]
    offsets = ids.offsets.astype(np.int64) - first
    lengths = np.diff(offsets)
    width, longest = int(lengths[0]), int(lengths.max())
    is_ascii = len(data) == 0 or int(data.max()) < _NOT_ASCII
    if is_ascii and longest <= _WIDEST:
        if width == longest == int(lengths.min()) > 0:
            return Block(ids, data, None, width, width, [])
        return Block(ids, data, offsets, 0, 0, [])
    return _of_texts([ids[at] for at in range(len(ids))])


# ---------------------------------------------------------------- hashes by numpy


def _hash_even(block: Block, state: "np.uint32") -> "NDArray[np.uint32]":
    import numpy as np

    hashes = np.full(len(block.ids), state, dtype=np.uint32)
    for column in block.data.reshape(len(block.ids), block.stride)[:, : block.width].T:
        np.bitwise_xor(hashes, column, out=hashes)
        np.multiply(hashes, np.uint32(PRIME), out=hashes)
    return hashes


def _hash_ragged(block: Block, state: "np.uint32") -> "NDArray[np.uint32]":
    """Character by character, the ids ordered by length: those that have ended are left behind."""
    import numpy as np

    assert block.offsets is not None  # noqa: S101 - for the type checker: only even blocks have none
    lengths = np.diff(block.offsets)
    order = np.argsort(lengths, kind="stable")
    begins, ends = block.offsets[:-1][order], lengths[order]
    hashes = np.full(len(order), state, dtype=np.uint32)
    for position in range(int(ends[-1])):
        alive = int(np.searchsorted(ends, position, side="right"))
        running = hashes[alive:]
        np.bitwise_xor(running, block.data[begins[alive:] + position], out=running)
        np.multiply(running, np.uint32(PRIME), out=running)
    answers = np.empty_like(hashes)
    answers[order] = hashes
    return answers


@cache
def _heads() -> "NDArray[np.uint32]":
    """FNV-1a of 0 … 99,999 written in decimal: every beginning that a 32-bit number can have, and more."""
    import numpy as np

    hashes = np.full(100_000, OFFSET_BASIS, dtype=np.uint32)
    numbers = np.arange(100_000, dtype=np.uint32)
    for power in (10_000, 1_000, 100, 10, 1):
        digit = numbers // np.uint32(power) % np.uint32(10) + np.uint32(ord("0"))
        step = (hashes ^ digit) * np.uint32(PRIME)
        hashes = np.where((numbers >= power) | (power == 1), step, hashes)
    return hashes


def decimal_hash(numbers: "NDArray[np.uint32]") -> "NDArray[np.uint32]":
    """FNV-1a of each number written in decimal, without leading zeros."""
    import numpy as np

    compiled = _compiled(len(numbers))
    if compiled is not None:
        out = np.empty_like(numbers)
        compiled.decimal(numbers, _heads(), out)
        return out
    head = numbers // np.uint32(100_000)
    rest = numbers - head * np.uint32(100_000)
    hashes: NDArray[np.uint32] = _heads()[head]
    for power in (10_000, 1_000, 100, 10, 1):
        digit = rest // np.uint32(power)
        rest -= digit * np.uint32(power)
        digit += np.uint32(ord("0"))
        hashes ^= digit
        hashes *= np.uint32(PRIME)
    short = np.flatnonzero(head == 0)
    hashes[short] = _heads()[numbers[short]]
    return hashes
