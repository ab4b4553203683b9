"""A thousand metrics at one look against one vectorised scipy call; a boundary again against anew."""

import numpy as np
from scipy.stats import ttest_ind_from_stats

from benchmarks.beside.sums import METRICS, metrics, ours
from benchmarks.side_by_side import compare, machine, report
from stats.sequential import boundaries as module

LOOKS = [k / 28 for k in range(1, 29)]


def _first_use() -> object:
    module._schedule.cache_clear()  # noqa: SLF001 - what a fresh process has
    return _again()


def _again() -> object:
    return module.boundaries(LOOKS, 0.05, "kim-demets:2", open_ended_share=0.1)


def main() -> None:
    print(machine())
    given = metrics()
    columns = [
        np.array([(arm.total / arm.units, arm.variance**0.5, arm.units) for arm in arms], dtype=float).T
        for arms in zip(*given, strict=True)
    ]

    def reference() -> object:
        # repeated, because one call is too short for the clock
        for _ in range(50):
            (m_t, s_t, n_t), (m_c, s_c, n_c) = columns[1], columns[0]
            found = ttest_ind_from_stats(m_t, s_t, n_t, m_c, s_c, n_c, equal_var=False)
        return found

    pair = compare(lambda: ours(given), reference)
    ratios = tuple(ratio * 50 for ratio in pair.ratios)
    middle = sorted(ratios)[len(ratios) // 2]
    ms = pair.ours * 1e3, pair.reference / 50 * 1e3
    print(
        f"{METRICS} metrics × one look: {ms[0]:.1f} ms against {ms[1]:.2f} ms of one "
        f"vectorised scipy Welch call = {middle:.0f}× ({min(ratios):.0f} … {max(ratios):.0f}); 100 allowed"
    )
    pair = compare(lambda: [_again() for _ in range(1000)], _first_use)
    report("28-look boundary again × 1000, against its first use", pair, 1)
    print(f"again / first use = {pair.ratio / 1000:.5f}; 0.01 allowed")


if __name__ == "__main__":
    main()
