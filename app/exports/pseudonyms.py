"""Names for units outside: stable for one installation, useless to anybody without its secret."""

import hmac

import numpy as np
import pyarrow as pa

DIGITS = 16


def pseudonym(number: int, key: bytes) -> str:
    """The outside name of a unit: the first 16 hex digits of HMAC-SHA256(key, number).

    >>> pseudonym(1, b"secret") == pseudonym(1, b"secret") != pseudonym(1, b"other")
    True
    """
    return hmac.digest(key, number.to_bytes(8, "big", signed=True), "sha256").hex()[:DIGITS]


def pseudonyms(units: pa.ChunkedArray, key: bytes) -> pa.Array:
    """The outside name of each unit of a column; each unit is hashed once."""
    unique, places = np.unique(np.asarray(units).astype(np.int64), return_inverse=True)
    names = pa.array([pseudonym(int(number), key) for number in unique], pa.string())
    return names.take(pa.array(places.astype(np.int64)))
