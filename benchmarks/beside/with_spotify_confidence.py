"""spotify-confidence: StudentsTTest on a frame of sums, all metrics in one call."""

import warnings

import pandas as pd
from spotify_confidence import StudentsTTest

from benchmarks.beside.report import beside
from benchmarks.beside.sums import Answer, metrics

_ROWS = [
    {"metric": number, "arm": name, "sum": arm.total, "squares": arm.squares, "n": arm.units}
    for number, pair in enumerate(metrics())
    for name, arm in zip(("control", "treatment"), pair, strict=True)
]
_FRAME = pd.DataFrame(_ROWS)


def theirs() -> list[Answer]:
    test = StudentsTTest(
        _FRAME,
        numerator_column="sum",
        numerator_sum_squares_column="squares",
        denominator_column="n",
        categorical_group_columns=["arm", "metric"],
        correction_method="bonferroni-do-not-count-non-inferiority",
        interval_size=0.95,
    )
    found = test.difference(level_1="control", level_2="treatment", groupby="metric").sort_values("metric")
    columns = found[["difference", "ci_lower", "ci_upper", "p-value"]].to_numpy()
    return [Answer(*map(float, row)) for row in columns]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    beside("spotify-confidence", theirs)
