"""Mutual exclusion and holdouts: who may enter an experiment at all.

A layer hashes every unit once with its own seed; experiments of that layer hold disjoint ranges of it, so no
unit is in two of them. A holdout keeps a share of units, by its own hash, out of experiments.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from assignment.hashing import bucket


@dataclass(frozen=True, slots=True)
class Layer:
    """A set of mutually exclusive experiments.

    Attributes:
        key: its name.
        seed: its own random seed, never shared with an experiment's split.
    """

    key: str
    seed: str

    def __post_init__(self) -> None:
        """Refuse a layer without a seed."""
        if not self.seed:
            raise ValueError(f"layer {self.key!r} has no seed; it needs at least one character")


@dataclass(frozen=True, slots=True)
class LayerSlot:
    """The part of a layer that one experiment holds.

    Attributes:
        layer: the layer.
        low: first bucket that belongs to the slot, 0–1.
        high: end of the slot, excluded; above `low`, at most 1.
    """

    layer: Layer
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse a slot outside [0, 1] or an empty one."""
        if not 0 <= self.low < self.high <= 1:
            raise ValueError(
                f"slot ({self.low!r}, {self.high!r}) of layer {self.layer.key!r}"
                " must satisfy 0 <= low < high <= 1"
            )

    def admits(self, unit_id: str) -> bool:
        """Whether the unit's bucket in the layer falls into this slot.

        >>> LayerSlot(Layer("cart", "seed"), 0.0, 0.1).admits("a")  # bucket 0.0505
        True
        """
        return self.low <= bucket(self.layer.seed, unit_id) < self.high


@dataclass(frozen=True, slots=True)
class Holdout:
    """A share of units kept out of experiments.

    Attributes:
        key: its name.
        seed: its own random seed.
        share: share of units held out, 0–1.
    """

    key: str
    seed: str
    share: float

    def __post_init__(self) -> None:
        """Refuse a share outside [0, 1] or a missing seed."""
        if not self.seed:
            raise ValueError(f"holdout {self.key!r} has no seed; it needs at least one character")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share of holdout {self.key!r} is {self.share!r}; it must be between 0 and 1")

    def keeps_out(self, unit_id: str) -> bool:
        """Whether the unit is held out. A larger share holds out the same units and more.

        >>> Holdout("global", "seed", 0.05).keeps_out("a")  # bucket 0.0505
        False
        """
        return bucket(self.seed, unit_id) < self.share


def overlapping(slots: Iterable[LayerSlot]) -> list[tuple[LayerSlot, LayerSlot]]:
    """Pairs of slots of the same layer that share buckets; empty when exclusion holds.

    >>> layer = Layer("cart", "seed")
    >>> len(overlapping([LayerSlot(layer, 0, 0.5), LayerSlot(layer, 0.4, 1)]))
    1
    """
    return [
        (one, other)
        for one, other in combinations(slots, 2)
        if one.layer.key == other.layer.key and one.low < other.high and other.low < one.high
    ]
