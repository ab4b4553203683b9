"""Which units a frozen experiment had enrolled: 8 bytes a unit, following the ledger.

A pure hash cannot know who came before the freeze; this index can. What it holds is kept on disk by
`app.serving.enrolment`, so that a restart knows it too.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from app.serving.id_table import key_of

MOST_RECENT = 4096
"""Keys kept beside the sorted ones before they are sorted in."""


@dataclass(slots=True)
class _Units:
    """Keys of units: most of them sorted in one block, the newest beside it."""

    sorted: "array[int]" = field(default_factory=lambda: array("Q"))
    recent: set[int] = field(default_factory=set)

    def __contains__(self, key: int) -> bool:
        if key in self.recent:  # first: what leaves it stands in `sorted` by then
            return True
        keys = self.sorted
        place = bisect_left(keys, key)
        return place < len(keys) and keys[place] == key

    def add(self, keys: Iterable[int]) -> None:
        self.recent.update(keys)
        if len(self.recent) > MOST_RECENT:
            new = np.fromiter(self.recent, np.uint64, len(self.recent))
            self.sorted = array("Q", np.union1d(np.asarray(self.sorted, np.uint64), new).tobytes())
            self.recent = set()


class EnrolledIndex:
    """Experiment → the units exposed before its freeze. A wrong yes has chance n / 2⁶³."""

    def __init__(self) -> None:
        self._units: dict[str, _Units] = {}

    def holds(self, experiment: str, unit_id: str) -> bool:
        """Whether the unit was exposed before the freeze."""
        units = self._units.get(experiment)
        return units is not None and key_of(unit_id) in units

    def add(self, experiment: str, unit_ids: Iterable[str]) -> None:
        """Take in units."""
        self.add_keys(experiment, map(key_of, unit_ids))

    def add_keys(self, experiment: str, keys: Iterable[int]) -> None:
        """Take in units by their keys (`app.serving.id_table.key_of`)."""
        self._units.setdefault(experiment, _Units()).add(keys)

    def keep_only(self, experiments: Iterable[str]) -> None:
        """Forget experiments that are frozen no more."""
        wanted = set(experiments)
        self._units = {key: units for key, units in self._units.items() if key in wanted}

    def __contains__(self, experiment: str) -> bool:
        """Whether the experiment is followed."""
        return experiment in self._units
