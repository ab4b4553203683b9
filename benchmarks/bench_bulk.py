"""A mailing list of UUIDs through one experiment, against reading the memory the ids lie in; one thread.

`--quick` takes a tenth of the ids.
"""

import sys
import uuid
from collections.abc import Callable, Sequence
from random import Random
from unittest.mock import patch

import numpy as np

from assignment import blocks
from assignment.blocks import PackedIds
from assignment.bulk import assign_many
from assignment.compiled import kernels
from assignment.decision import Experiment, decide
from benchmarks.side_by_side import Pair, compare, machine, report

IDS = 10_000_000
CHECKED = 10_000
ROUNDS = 7
RULES = Experiment("reuse", 1, "visitor", "0123456789abcdef", ("a", "b"), ((0.0, 0.5), (0.5, 1.0)))
COMPILED_GOAL, PLAIN_GOAL = 25.0, 75.0


def _check(ids: Sequence[str] | PackedIds) -> None:
    found = assign_many(RULES, ids).tolist()
    single = [decide(RULES, ids[at], {}) for at in range(len(ids))]
    if [RULES.variants[place] for place in found] != [getattr(one, "variant", None) for one in single]:
        raise SystemExit("the block and the single answers differ")


def measure(count: int) -> list[tuple[str, float, Pair]]:
    """What was measured, how much of the reading is allowed, and the figures."""
    random = Random(7)
    texts = [str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(count)]
    data = np.frombuffer("".join(texts).encode(), dtype=np.uint8)
    packed = PackedIds(data, np.arange(count + 1, dtype=np.int32) * 36)
    words = data[: len(data) // 8 * 8].view(np.uint64)

    def read() -> object:
        return int(words.sum())

    found = []
    for way, compiled, goal in (("numba", kernels(), COMPILED_GOAL), ("numpy alone", None, PLAIN_GOAL)):
        if way == "numba" and compiled is None:
            raise SystemExit("numba is not installed: ./dev setup")
        with patch.object(blocks, "_compiled", lambda _, chosen=compiled: chosen):
            for kind, ids in (("one column of bytes", packed), ("a list of str", texts)):
                _check(ids[:CHECKED] if isinstance(ids, list) else ids.part(0, CHECKED))
                found.append((f"{way}, {kind}", goal, _timed(ids, read)))
    return found


def _timed(ids: Sequence[str] | PackedIds, read: Callable[[], object]) -> Pair:
    return compare(lambda: assign_many(RULES, ids), read, ROUNDS)


def main() -> None:
    """Compiled and not, from an Arrow column's bytes and from Python's own texts."""
    count = IDS // 10 if "--quick" in sys.argv else IDS
    print(f"{machine()}, numpy {np.__version__}")
    for what, goal, pair in measure(count):
        report(f"{count:,} UUIDs, per id, {what} (at most {goal:g})", pair, count // 1_000, "ns")


if __name__ == "__main__":
    main()
