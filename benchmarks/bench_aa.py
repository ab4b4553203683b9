"""How often A/A experiments are called significant, and how early a true effect is found (a few minutes)."""

import numpy as np

from benchmarks.side_by_side import machine
from stats.simulation import ConversionStudy, simulate_conversion

RUNS = 20_000


def _say(what: str, seed: int, runs: int, study: ConversionStudy) -> None:
    found = simulate_conversion(np.random.default_rng(seed), runs, study)
    size = f", mean size at the stop {found.mean_fraction_at_stop:.1%}" if found.significant else ""
    print(f"{what}, {runs} runs, seed {seed}: {found.significant} significant, {found.share:.2%}{size}")


def main() -> None:
    print(machine())
    _say("A/A, 28 daily looks", 2024, 1_000, ConversionStudy())
    _say("A/A, 28 daily looks", 2025, RUNS, ConversionStudy())
    _say("A/A, to twice the plan", 2026, RUNS, ConversionStudy(days=56, planned_units=56_000))
    _say("uplift 10.3 %", 5, 5_000, ConversionStudy(rate_treatment=0.05 * 1.103))


if __name__ == "__main__":
    main()
