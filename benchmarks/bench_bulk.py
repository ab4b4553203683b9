"""A mailing list of UUIDs through one experiment, against reading the same bytes once; one thread."""

import uuid
from random import Random

import numpy as np

from assignment.bulk import assign_many
from assignment.decision import Experiment, decide
from benchmarks.side_by_side import compare, machine, report

IDS = 10_000_000
CHECKED = 10_000


def main() -> None:
    print(machine())
    random = Random(7)
    ids = [str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(IDS)]
    memory = np.array(ids, dtype="S").view(np.uint8).view(np.uint64)  # 36 bytes an id
    rules = Experiment("reuse", 1, "visitor", "0123456789abcdef", ("a", "b"), ((0.0, 0.5), (0.5, 1.0)))
    found = assign_many(rules, ids[:CHECKED]).tolist()
    single = [decide(rules, unit, {}) for unit in ids[:CHECKED]]
    if [rules.variants[place] for place in found] != [getattr(one, "variant", None) for one in single]:
        raise SystemExit("the block and the single answers differ")
    pair = compare(lambda: assign_many(rules, ids), lambda: int(memory.sum()), rounds=5)
    report(f"{IDS:,} UUIDs, per id", pair, IDS // 1_000, "ns")


if __name__ == "__main__":
    main()
