"""Which units a frozen experiment had enrolled: 8 bytes a unit, following the ledger.

A pure hash cannot know who came before the freeze; this index can.
"""

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable


class EnrolledIndex:
    """Experiment → the units exposed before its freeze. A wrong yes has chance n / 2⁶⁴."""

    def __init__(self) -> None:
        self._units: dict[str, array[int]] = {}

    def holds(self, experiment: str, unit_id: str) -> bool:
        """Whether the unit was exposed before the freeze."""
        units = self._units.get(experiment)
        if units is None:
            return False
        wanted = _hash(unit_id)
        place = bisect_left(units, wanted)
        return place < len(units) and units[place] == wanted

    def add(self, experiment: str, unit_ids: Iterable[str]) -> None:
        """Take in units; a reader sees the old or the new index, never half of one."""
        known = self._units.get(experiment, ())
        self._units[experiment] = array("Q", sorted({*known, *map(_hash, unit_ids)}))

    def keep_only(self, experiments: Iterable[str]) -> None:
        """Forget experiments that are frozen no more."""
        wanted = set(experiments)
        self._units = {key: units for key, units in self._units.items() if key in wanted}

    def __contains__(self, experiment: str) -> bool:
        """Whether the experiment is followed."""
        return experiment in self._units


def _hash(unit_id: str) -> int:
    data = unit_id.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
