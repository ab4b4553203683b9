"""A limit on guessing codes: so many unknown ones a minute per API key and address, and fewer per shopper.

The counters lie in a small file of the data folder that all workers of a host map into memory: the limit is
one over all of them. Hosts count each for themselves.
"""

import contextlib
import fcntl
import hashlib
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from app.access.service import Principal
from app.clock import MICROSECONDS
from app.edge.http import Scope
from app.errors import TooManyRequests

if TYPE_CHECKING:
    from app.bootstrap import Services

MOST_UNKNOWN: Final = 600
"""Unknown codes per key and address in a window, and one more for each redemption in it: a shop's own server
types them for all its shoppers, and a large shop has many who mistype."""
MOST_OF_ONE: Final = 60
"""Unknown codes of one shopper in a window: one guesser does not close the till for everybody."""
WINDOW_US: Final = 60 * MICROSECONDS
FILE_NAME: Final = "guesses"
_SLOT: Final = struct.Struct("<QII")  # whose, window, count
_SLOTS: Final = 8192
_NEAR: Final = 8
_NEIGHBOURS: Final = struct.Struct("<" + "QII" * _NEAR)
_TOGETHER: Final = 32
"""Redemptions that a worker counts in one go: each would ask the system for the file by itself."""
_PATIENCE: Final = 1000
_TURN_SECONDS: Final = 0.0001
_BYTES: Final = _SLOT.size * _SLOTS


class Asker(NamedTuple):
    """Who types a code.

    Attributes:
        key_id: of the API key.
        address: of the client.
        shopper: ids that the request names.
    """

    key_id: str
    address: str
    shopper: str

    @classmethod
    def of(cls, principal: Principal, scope: Scope, *ids: str | None) -> "Asker":
        """The asker of a request."""
        client = scope.get("client")
        return cls(principal.key_id, client[0] if client else "", "\0".join(one or "" for one in ids))


class Counters:
    """Counts per minute under names that only this installation can make, shared through a file.

    Args:
        path: of the file; made at the first use. Where it cannot be made, this process counts alone.
        secret: makes the key that names are hashed with, so that no id lies in the file.
    """

    def __init__(self, path: Path, secret: Callable[[], bytes]) -> None:
        self._path = path
        self._make_secret = secret
        self._table: bytearray | mmap.mmap | None = None
        self._lock: int | None = None

    def read(self, name: str, window: int) -> int:
        """The count under a name."""
        mark, table = self._mark(name), self._opened()
        found = _NEIGHBOURS.unpack_from(table, _place(mark))
        for at in range(0, len(found), 3):
            if found[at] == mark and found[at + 1] == window:
                return int(found[at + 2])
        return 0

    def add(self, name: str, window: int, more: int) -> None:
        """Count some more; exact, whoever else counts at the same moment."""
        mark, table = self._mark(name), self._opened()
        with self._alone():
            places = range(_place(mark), _place(mark) + _NEIGHBOURS.size, _SLOT.size)
            slots = [(place, *_SLOT.unpack_from(table, place)) for place in places]
            mine = next((slot for slot in slots if slot[1:3] == (mark, window)), None)
            if mine is None:  # the least of the others goes: what is over, or counts little
                mine = (min(slots, key=lambda slot: (slot[2] == window, slot[3]))[0], mark, window, 0)
            _SLOT.pack_into(table, mine[0], mark, window, min(mine[3] + more, 2**32 - 1))

    @cached_property
    def _secret(self) -> bytes:
        return self._make_secret()

    def _mark(self, name: str) -> int:
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=self._secret)
        return int.from_bytes(digest.digest(), "little")

    def _opened(self) -> bytearray | mmap.mmap:
        if self._table is None:
            try:
                self._table = self._mapped()
            except OSError:
                self._table = bytearray(_BYTES)
        return self._table

    def _mapped(self) -> mmap.mmap:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size < _BYTES:
                os.posix_fallocate(descriptor, 0, _BYTES)  # a full disk says so here, not by a signal later
            table = mmap.mmap(descriptor, _BYTES)
        except OSError:
            os.close(descriptor)
            raise
        self._lock = descriptor
        return table

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if self._lock is None:
            yield
            return
        for _ in range(_PATIENCE):  # a worker that was stopped while it counts must not stop the others
            try:
                fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_TURN_SECONDS)
            else:
                break
        try:
            yield
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)


class GuessLimit:
    """Lets requests about codes pass until too many unknown ones came from somewhere in a minute.

    Args:
        counters: shared by the doors and workers of a host.
        most: unknown codes per key and address.
        most_of_one: unknown codes per shopper.
    """

    def __init__(self, counters: Counters, most: int = MOST_UNKNOWN, most_of_one: int = MOST_OF_ONE) -> None:
        self._counters = counters
        self._most = most
        self._most_of_one = most_of_one
        self._sold: dict[tuple[str, int], int] = {}

    def admit(self, asker: Asker, now_us: int) -> None:
        """Let a request pass, or not.

        Raises:
            TooManyRequests: too many unknown codes came from there, or from this shopper, in this minute.
        """
        window, read = _window(now_us), self._counters.read
        unknown = read(_till(asker), window)
        if not unknown:
            return  # every unknown code counts there as well
        is_shut = unknown >= self._most and unknown >= self._most + self._redemptions(asker, window)
        if is_shut or read(_shopper(asker), window) >= self._most_of_one:
            wait_us = WINDOW_US - now_us % WINDOW_US
            raise TooManyRequests(
                "too many unknown codes; wait",
                "too_many_guesses",
                retry_after_seconds=-(-wait_us // MICROSECONDS),
            )

    def count(self, asker: Asker, now_us: int, guesses: int = 1) -> None:
        """So many unknown codes came from there."""
        for name in (_till(asker), _shopper(asker)):
            self._counters.add(name, _window(now_us), guesses)

    def redeemed(self, asker: Asker, now_us: int) -> None:
        """A code was used for an order: who sells has shoppers who mistype.

        Other workers hear of it with the next `_TOGETHER` at the latest, this one at once.
        """
        name = _used(asker), _window(now_us)
        self._sold[name] = self._sold.get(name, 0) + 1
        if self._sold[name] >= _TOGETHER or len(self._sold) >= _TOGETHER:
            self._tell()

    def _redemptions(self, asker: Asker, window: int) -> int:
        self._tell()
        return self._counters.read(_used(asker), window)

    def _tell(self) -> None:
        for (name, window), count in self._sold.items():
            self._counters.add(name, window, count)
        self._sold.clear()


def guess_limit(services: "Services") -> GuessLimit:
    """The limit of this installation."""
    settings = services.settings
    return GuessLimit(Counters(settings.data_dir / FILE_NAME, lambda: settings.derived_key("guesses")))


def _place(mark: int) -> int:
    """Where the slots begin in which a mark may be counted."""
    return mark % (_SLOTS - _NEAR + 1) * _SLOT.size


def _window(now_us: int) -> int:
    return now_us // WINDOW_US


def _till(asker: Asker) -> str:
    return f"till\0{asker.key_id}\0{asker.address}"


def _used(asker: Asker) -> str:
    return f"used\0{asker.key_id}\0{asker.address}"


def _shopper(asker: Asker) -> str:
    return f"shopper\0{asker.key_id}\0{asker.address}\0{asker.shopper}"
