"""The promises of the methods page on simulated shops, at full size: ./dev test --all.

Every figure is judged within two Monte-Carlo standard errors, so a broken test fails. Of the rows marked "for
comparison", which read a test wrongly on purpose, those below are checked to be far outside.
"""

from collections.abc import Callable

import pytest

from benchmarks.bench_validity import STUDIES
from benchmarks.validity import false_positives, repeat, wrong_ways
from benchmarks.validity.figures import Figure

Study = Callable[[], list[Figure]]


@pytest.mark.long
@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.__name__)
def test_every_figure_is_met(study: Study) -> None:
    figures = study()
    missed = [figure.row() for figure in figures if not figure.is_met]
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize(
    ("study", "row", "least"),
    [
        (false_positives.weekly_rhythm, 2, 0.08),
        (false_positives.late_refunds, 1, 0.09),
        (false_positives.unequal_login, 2, 0.2),
        (repeat.repeat_purchase, 2, 0.3),
        (wrong_ways.crossovers, 1, 0.09),
        (wrong_ways.relative_lift, 1, 0.055),
        (wrong_ways.several_variants, 1, 0.075),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_study_sees_a_wrong_way_of_reading(
    study: Callable[[int], list[Figure]], row: int, least: float
) -> None:
    figures = study(300)
    assert figures[row].found > least
    assert figures[0].is_met


def test_a_thousand_experiments_without_effect_are_significant_as_rarely_as_promised() -> None:
    planned, naive = wrong_ways.peeking(1_000)
    assert 25 <= round(1_000 * planned.found) < 70
    assert naive.found > 0.15


def test_a_figure_fails_outside_its_bounds() -> None:
    assert Figure("a", 1, 10_000, 0.052, 0.0, 0.053).is_met
    assert not Figure("a", 1, 10_000, 0.062, 0.0, 0.053).is_met
    assert not Figure("a", 1, 10_000, 0.70, 0.72).is_met
    assert "**no**" in Figure("a", 1, 10_000, 0.062, 0.0, 0.053).row()
    assert "for comparison" in Figure("a", 1, 100, 0.5).row()
    days = Figure("a", 1, 100, 44.0, 0.0, 43.0, 0.1, "days")
    assert not days.is_met
    assert "44.00 days ± 0.10 days | ≤ 43.00 days | **no**" in days.row()
