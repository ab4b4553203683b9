"""Many units at once: the same answers as `decision.decide`, from numpy blocks.

numpy is loaded by the first call, never by importing this module.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assignment.decision import Experiment
from assignment.hashing import BUCKETS, OFFSET_BASIS, PRIME, bucket_index, extend_fnv1a32
from assignment.ranges import NO_VARIANT, first_bucket

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 16_384
"""Units hashed together: the columns of one block stay in the processor's cache."""

_WIDEST = 64  # characters; longer ids are rare and go one by one, or one of them would widen the whole block
_NEWLINE = 10
_POWERS_OF_TEN = tuple(10**exponent for exponent in range(9, -1, -1))  # a 32-bit number has at most 10 digits


def assign_many(
    experiment: Experiment, unit_ids: Sequence[str], attributes: Mapping[str, Any] | None = None
) -> "NDArray[np.int16]":
    """Positions of the variants that `decide` gives to many units.

    Args:
        experiment: its compiled rules.
        unit_ids: ids of visitors or customers; an empty id gets no variant.
        attributes: attributes shared by all of them; none by default, which an audience may refuse.

    Returns:
        One int16 per id: position in `experiment.variants`, or −1 where `decide` assigns nothing.

    >>> halves = Experiment("reuse", 1, "visitor", "seed", ("once", "often"), ((0.0, 0.5), (0.5, 1.0)))
    >>> assign_many(halves, ["a", "b", ""]).tolist()
    [0, 0, -1]
    """
    import numpy as np

    targeted = experiment.condition is None or experiment.condition(attributes or {})
    answers = np.full(len(unit_ids), -1, dtype=np.int16)
    if targeted and experiment.state in {"running", "decided"}:
        for start in range(0, len(unit_ids), BLOCK):
            ids = unit_ids[start : start + BLOCK]
            answers[start : start + len(ids)] = _assign_block(experiment, _Block.of(ids))
    if experiment.forced:
        _pin_forced(experiment, unit_ids, answers)
    return answers


def bucket_indices(seed: str, unit_ids: Sequence[str]) -> "NDArray[np.uint32]":
    """`hashing.bucket_index` of many ids: one uint32 per id, 0 … 9,999.

    >>> bucket_indices("seed", ["a", "b"]).tolist()
    [505, 2696]
    """
    import numpy as np

    blocks = [unit_ids[start : start + BLOCK] for start in range(0, len(unit_ids), BLOCK)]
    return np.concatenate([np.empty(0, np.uint32), *(_Block.of(ids).bucket_indices(seed) for ids in blocks)])


@dataclass(frozen=True, slots=True)
class _Block:
    """Ids laid out for hashing.

    Attributes:
        ids: the ids themselves.
        columns: character j of every id, as bytes (column-wise); 0 behind the end.
        lengths: characters of each id; 0 for ids that go one by one.
        singles: positions of ids that are not ASCII, too long, or hold a NUL.
    """

    ids: Sequence[str]
    columns: "NDArray[np.uint8]"
    lengths: "NDArray[np.int64]"
    singles: list[int]

    @classmethod
    def of(cls, ids: Sequence[str]) -> "_Block":
        import numpy as np

        columns = _equally_long(ids)
        if columns is not None:
            return cls(ids, columns, np.full(len(ids), len(columns), dtype=np.int64), [])
        singles = _one_by_one(ids)
        plain: Sequence[str] = ids
        if singles:
            plain = list(ids)
            for at in singles:
                plain[at] = ""
        text = np.array(plain, dtype="S")
        columns = text.view(np.uint8).reshape(len(ids), -1).T.copy()
        return cls(ids, columns, np.count_nonzero(columns, axis=0), singles)

    @property
    def missing(self) -> "NDArray[np.bool_]":
        """Which ids are empty."""
        empty: NDArray[np.bool_] = self.lengths == 0
        empty[self.singles] = False
        return empty

    def bucket_indices(self, seed: str) -> "NDArray[np.uint32]":
        indices = _decimal_hash(self._hash(seed))
        indices %= BUCKETS
        for at in self.singles:
            indices[at] = bucket_index(seed, self.ids[at])
        return indices

    def _hash(self, seed: str) -> "NDArray[np.uint32]":
        import numpy as np

        prime = np.uint32(PRIME)
        state = np.full(len(self.ids), extend_fnv1a32(OFFSET_BASIS, seed), dtype=np.uint32)
        shortest = int(self.lengths.min())
        for column in self.columns[:shortest]:
            np.bitwise_xor(state, column, out=state)
            np.multiply(state, prime, out=state)
        for position, column in enumerate(self.columns[shortest:], start=shortest):
            step = (state ^ column.astype(np.uint32)) * prime
            state = np.where(position < self.lengths, step, state)
        return state


def _equally_long(ids: Sequence[str]) -> "NDArray[np.uint8] | None":
    """Columns of ids that are all ASCII and of one length (UUIDs), laid out by one join; None for others."""
    import numpy as np

    width = len(ids[0])
    text = "\n".join(ids)
    if not 0 < width <= _WIDEST or len(text) + 1 != len(ids) * (width + 1) or not text.isascii():
        return None
    rows = np.frombuffer(f"{text}\n".encode(), dtype=np.uint8).reshape(len(ids), width + 1)
    one_each = bool((rows[:, width] == _NEWLINE).all()) and text.count("\n") == len(ids) - 1
    return rows[:, :width].T if one_each else None


def _one_by_one(ids: Sequence[str]) -> list[int]:
    """Positions of the ids that do not fit into narrow columns of ASCII padded with NUL."""
    text = "".join(ids)
    if text.isascii() and "\0" not in text and max(map(len, ids)) <= _WIDEST:
        return []
    return [at for at, one in enumerate(ids) if len(one) > _WIDEST or not one.isascii() or "\0" in one]


def _decimal_hash(numbers: "NDArray[np.uint32]") -> "NDArray[np.uint32]":
    """FNV-1a of each number written in decimal, without leading zeros."""
    import numpy as np

    prime, zero = np.uint32(PRIME), np.uint32(ord("0"))
    state = np.full(len(numbers), OFFSET_BASIS, dtype=np.uint32)
    rest = numbers
    for power in _POWERS_OF_TEN:
        digit = rest // np.uint32(power)
        rest = rest - digit * np.uint32(power)
        step = (state ^ (digit + zero)) * prime
        state = step if power == 1 else np.where(numbers >= power, step, state)
    return state


def _assign_block(experiment: Experiment, block: _Block) -> "NDArray[np.int16]":
    import numpy as np

    table = np.frombuffer(experiment.table, np.uint8).astype(np.int16)
    answers = table[block.bucket_indices(experiment.seed)]
    answers[answers == NO_VARIANT] = -1
    answers[~_admitted(experiment, block)] = -1
    if experiment.state == "decided":
        held_back = block.bucket_indices(experiment.hold_back_seed) < first_bucket(experiment.hold_back)
        decided = experiment.variants.index(str(experiment.decided_variant))
        answers[~held_back | (answers < 0)] = decided
    answers[block.missing] = -1
    return answers


def _admitted(experiment: Experiment, block: _Block) -> "NDArray[np.bool_]":
    """Units that neither a holdout nor the layer keeps out."""
    import numpy as np

    admitted = np.ones(len(block.ids), dtype=np.bool_)
    for holdout in experiment.holdouts:
        admitted &= block.bucket_indices(holdout.seed) >= first_bucket(holdout.share)
    slot = experiment.layer_slot
    if slot is not None:
        indices = block.bucket_indices(slot.layer.seed)
        admitted &= (indices >= first_bucket(slot.low)) & (indices < first_bucket(slot.high))
    return admitted


def _pin_forced(experiment: Experiment, unit_ids: Sequence[str], answers: "NDArray[np.int16]") -> None:
    for at, unit_id in enumerate(unit_ids):
        if unit_id and unit_id in experiment.forced:
            answers[at] = experiment.variants.index(experiment.forced[unit_id])
