"""The letters of a code, and how forgivingly one is read."""

import os
import re
import unicodedata
from collections.abc import Callable
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 letters; of 0 and O, and of 1 and I, none."""
LENGTH: Final = 12
"""Letters of a code: 60 bits of chance."""
LONGEST: Final = 64
_LOOK_ALIKES: Final = str.maketrans("OIL", "011")
_CYRILLIC: Final = str.maketrans("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")
_SILENT: Final = re.compile(r"[\s\-‐‑‒–—―_.]+")


def new_code(draw: Callable[[int], bytes] = os.urandom) -> str:
    """A random code; every letter is equally likely at every place.

    Args:
        draw: number of bytes → so many random bytes.

    >>> new_code(lambda count: bytes(range(count)))
    '23456789ABCD'
    """
    return "".join([ALPHABET[byte & 31] for byte in draw(LENGTH)])


def read_code(text: str) -> str | None:
    """The one form of a code under which it is looked up; None when it can be no code.

    Case, spaces and dashes do not matter, nor whether O or 0, or I, L or 1, was typed, nor on which of two
    keyboards a letter that looks the same was found.

    >>> read_code(" 7k-lo i "), read_code("7K10 1") == read_code("7к-lO 1")
    ('7K101', True)
    >>> read_code(" - ") is None
    True
    """
    plain = _SILENT.sub("", unicodedata.normalize("NFKC", text)).upper()
    if not plain or len(plain) > LONGEST or not plain.isprintable():
        return None
    return plain.translate(_CYRILLIC).translate(_LOOK_ALIKES)
