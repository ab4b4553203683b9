"""Results that were read a moment ago, kept in memory so that pages open fast."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from threading import Lock

from app.clock import isoformat
from stats.results import Result


@dataclass(frozen=True, slots=True)
class _Kept:
    latest_us: int
    result: Result


class ResultMemory:
    """A few results by what they depend on, least recently used first out.

    A result holds for a later moment of the same shop day if no row lies in between: then only its `as_of`
    differs.

    Args:
        capacity: how many results are kept.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = Lock()
        self._kept: OrderedDict[tuple[Hashable, int | None], _Kept] = OrderedDict()

    def recall(self, address: Hashable, as_of_us: int) -> Result | None:
        """The result for an address and moment (microseconds since 1970 UTC), or None."""
        with self._lock:
            for key in ((address, as_of_us), (address, None)):
                kept = self._kept.get(key)
                if kept is not None and (key[1] is not None or as_of_us > kept.latest_us):
                    self._kept.move_to_end(key)
                    return replace(kept.result, as_of=isoformat(as_of_us))
        return None

    def keep(self, address: Hashable, as_of_us: int, latest_us: int, result: Result) -> None:
        """Remember a result.

        Args:
            address: everything it depends on but the moment and the rows before it.
            as_of_us: its moment.
            latest_us: the moment of the last row there is, counted or not.
            result: the result.
        """
        complete = as_of_us > latest_us
        with self._lock:
            self._kept[address, None if complete else as_of_us] = _Kept(latest_us, result)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
