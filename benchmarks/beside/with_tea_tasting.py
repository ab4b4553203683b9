"""tea-tasting: Mean on aggregates, unequal variances."""

import tea_tasting as tt
from tea_tasting.aggr import Aggregates

from benchmarks.beside.report import beside
from benchmarks.beside.sums import Answer, metrics
from stats.summaries import Moments

_MEAN = tt.Mean("x")


def _aggregates(arm: Moments) -> Aggregates:
    variance = arm.variance
    return Aggregates(count_=arm.units, mean_={"x": arm.total / arm.units}, var_={"x": variance}, cov_={})


_GIVEN = [(_aggregates(control), _aggregates(treatment)) for control, treatment in metrics()]


def theirs() -> list[Answer]:
    found = []
    for control, treatment in _GIVEN:
        result = _MEAN.analyze_aggregates(control, treatment)
        found.append(
            Answer(
                result.effect_size, result.effect_size_ci_lower, result.effect_size_ci_upper, result.pvalue
            )
        )
    return found


if __name__ == "__main__":
    beside(f"tea-tasting {tt.__version__}", theirs)
