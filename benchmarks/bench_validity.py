"""Every promised error rate, power and coverage on simulated shops, as a table (about half an hour)."""

import time

from benchmarks.side_by_side import machine
from benchmarks.validity import coverage, false_positives, repeat, wrong_ways
from benchmarks.validity.figures import HEAD

STUDIES = (
    false_positives.daily_looks,
    false_positives.money,
    false_positives.weekly_rhythm,
    false_positives.late_refunds,
    false_positives.unequal_login,
    wrong_ways.crossovers,
    wrong_ways.peeking,
    wrong_ways.live_interval,
    wrong_ways.several_variants,
    wrong_ways.relative_lift,
    repeat.repeat_purchase,
    coverage.fixed_intervals,
    coverage.sequential_intervals,
    coverage.redeemers,
    coverage.sample_ratio,
    wrong_ways.daily_chi_square,
)


def main() -> None:
    print(machine())
    print(HEAD)
    for study in STUDIES:
        started = time.monotonic()
        for figure in study():
            print(figure.row(), flush=True)
        print(f"<!-- {study.__name__}: {time.monotonic() - started:.0f} s -->", flush=True)


if __name__ == "__main__":
    main()
