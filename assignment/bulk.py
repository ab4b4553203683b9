"""Many units at once: the same answers as `decision.decide`, from blocks of ids.

numpy, and numba where it is installed, are loaded by the first call, never by importing this module.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assignment.blocks import Block, PackedIds
from assignment.decision import Experiment
from assignment.ranges import NO_VARIANT, first_bucket

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 16_384
"""Units hashed together: a block of UUIDs stays in the processor's cache."""


def assign_many(
    experiment: Experiment, unit_ids: Sequence[str] | PackedIds, attributes: Mapping[str, Any] | None = None
) -> "NDArray[np.int16]":
    """Positions of the variants that `decide` gives to many units.

    Args:
        experiment: its compiled rules.
        unit_ids: ids of visitors or customers, as texts or packed; an empty id gets no variant.
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
        positions = _positions(experiment)
        for start, block in _blocks(unit_ids):
            answers[start : start + len(block.ids)] = _assign_block(experiment, block, positions)
    if experiment.forced:
        _pin_forced(experiment, unit_ids, answers)
    return answers


def bucket_indices(seed: str, unit_ids: Sequence[str] | PackedIds) -> "NDArray[np.uint32]":
    """`hashing.bucket_index` of many ids: one uint32 per id, 0 … 9,999.

    >>> bucket_indices("seed", ["a", "b"]).tolist()
    [505, 2696]
    """
    import numpy as np

    found = [block.bucket_indices(seed) for _, block in _blocks(unit_ids)]
    return np.concatenate([np.empty(0, np.uint32), *found])


def _blocks(unit_ids: Sequence[str] | PackedIds) -> Iterator[tuple[int, Block]]:
    for start in range(0, len(unit_ids), BLOCK):
        stop = start + BLOCK
        part = unit_ids.part(start, stop) if isinstance(unit_ids, PackedIds) else unit_ids[start:stop]
        yield start, Block.of(part)


def _positions(experiment: Experiment) -> "NDArray[np.int16]":
    """The experiment's table, −1 where it serves no variant."""
    import numpy as np

    positions = np.frombuffer(experiment.table, np.uint8).astype(np.int16)
    positions[positions == NO_VARIANT] = -1
    return positions


def _assign_block(
    experiment: Experiment, block: Block, positions: "NDArray[np.int16]"
) -> "NDArray[np.int16]":
    answers = positions[block.bucket_indices(experiment.seed)]
    if experiment.holdouts or experiment.layer_slot is not None:
        answers[~_admitted(experiment, block)] = -1
    if experiment.state == "decided":
        held_back = block.bucket_indices(experiment.hold_back_seed) < first_bucket(experiment.hold_back)
        decided = experiment.variants.index(str(experiment.decided_variant))
        answers[~held_back | (answers < 0)] = decided
    missing = block.missing()
    if missing is not None:
        answers[missing] = -1
    return answers


def _admitted(experiment: Experiment, block: Block) -> "NDArray[np.bool_]":
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


def _pin_forced(
    experiment: Experiment, unit_ids: Sequence[str] | PackedIds, answers: "NDArray[np.int16]"
) -> None:
    for at in range(len(unit_ids)):
        unit_id = unit_ids[at]
        if unit_id and unit_id in experiment.forced:
            answers[at] = experiment.variants.index(experiment.forced[unit_id])
