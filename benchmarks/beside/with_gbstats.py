"""gbstats: two-sided t-test on the absolute scale."""

import gbstats
from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
from gbstats.models.statistics import SampleMeanStatistic

from benchmarks.beside.report import beside
from benchmarks.beside.sums import Answer, metrics

_CONFIG = FrequentistConfig(difference_type="absolute")
_GIVEN = [
    tuple(SampleMeanStatistic(n=arm.units, sum=arm.total, sum_squares=arm.squares) for arm in pair)
    for pair in metrics()
]


def theirs() -> list[Answer]:
    found = []
    for control, treatment in _GIVEN:
        result = TwoSidedTTest(control, treatment, _CONFIG).compute_result()
        found.append(Answer(result.expected, result.ci[0], result.ci[1], result.p_value))
    return found


if __name__ == "__main__":
    beside(f"gbstats {getattr(gbstats, '__version__', '')}".strip(), theirs)
