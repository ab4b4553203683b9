"""Seed and unit id → bucket, exactly as every GrowthBook SDK computes it (hash version 2).

The SDKs hash UTF-16 code units (JavaScript's `charCodeAt`), the C extension hashes bytes; both agree for
ASCII only, so anything else takes the pure-Python path.
"""

from fnv_hash_fast import fnv1a_32

BUCKETS = 10_000
"""Number of buckets; a bucket index is 0 … 9,999."""

OFFSET_BASIS = 0x811C9DC5
PRIME = 0x01000193
_MASK = 0xFFFFFFFF


def extend_fnv1a32(state: int, text: str) -> int:
    """Feed the UTF-16 code units of `text` into an unfinished FNV-1a hash.

    Args:
        state: the hash so far, 0 … 2³² − 1; `OFFSET_BASIS` to begin.
        text: any string; characters above U+FFFF count as their two surrogates.

    Returns:
        The new state, 0 … 2³² − 1.

    >>> extend_fnv1a32(extend_fnv1a32(OFFSET_BASIS, "foo"), "bar") == extend_fnv1a32(OFFSET_BASIS, "foobar")
    True
    """
    data = text.encode("utf-16-le", "surrogatepass")
    for low, high in zip(data[::2], data[1::2], strict=True):
        state = ((state ^ (low | high << 8)) * PRIME) & _MASK
    return state


def fnv1a32(text: str) -> int:
    """32-bit FNV-1a of the UTF-16 code units of `text`.

    Source: Fowler, Noll and Vo; `hashFnv32a` of the GrowthBook JavaScript SDK is the reference for
    characters outside ASCII (one step per code unit, not per byte).

    >>> hex(fnv1a32("a"))
    '0xe40c292c'
    """
    if text.isascii():
        return fnv1a_32(text.encode())
    return extend_fnv1a32(OFFSET_BASIS, text)


def bucket_index(seed: str, unit_id: str) -> int:
    """The bucket of a unit, 0 … 9,999.

    Args:
        seed: the experiment's, layer's or holdout's own seed. There is no separator between seed and id,
            so seeds are random strings of one length, never keys.
        unit_id: the unit's id, not empty.

    >>> bucket_index("seed", "a")
    505
    """
    text = seed + unit_id
    if text.isascii():
        return fnv1a_32(b"%d" % fnv1a_32(text.encode())) % BUCKETS
    return fnv1a_32(b"%d" % fnv1a32(text)) % BUCKETS


def bucket(seed: str, unit_id: str) -> float:
    """The bucket as GrowthBook shows it: 0.0000 … 0.9999 in steps of 1/10,000.

    Source: GrowthBook SDK specification, `hash` version 2.

    >>> bucket("seed", "a")
    0.0505
    """
    return bucket_index(seed, unit_id) / BUCKETS
