"""The trust banner; oracles: the sequential sample-ratio test called directly, hand counts."""

import numpy as np
import pytest

from stats.cell_view import CellView
from stats.cells import Cells, EntryCell
from stats.plan import AnalysisPlan, Metric
from stats.results import Trust
from stats.sample_ratio import sequential_pvalue
from stats.trust import assess

METRIC = Metric("conversion_rate", "primary", "proportion", 7)


def plan(weights: tuple[float, float] = (0.5, 0.5)) -> AnalysisPlan:
    return AnalysisPlan("shop", 1, ("a", "b"), "a", weights, (METRIC,))


def assessed(rows: list[tuple[str, int, int, int]], weights: tuple[float, float] = (0.5, 0.5)) -> Trust:
    """Rows are variant, day, units, crossed over."""
    cells = Cells([EntryCell(variant, day, units, 0, crossed) for variant, day, units, crossed in rows])
    return assess(plan(weights), CellView(cells), 99, {})


def test_a_fair_split_is_trusted_and_counts_what_was_exposed() -> None:
    found = assessed([("a", 1, 500, 0), ("b", 1, 510, 0), ("a", 2, 520, 0), ("b", 2, 505, 0)])
    assert found.status == "ok"
    assert found.srm.counts == {"a": 1020, "b": 1015}
    expected = sequential_pvalue([(500, 510), (1020, 1015)], (0.5, 0.5))
    assert found.srm.pvalue == expected
    assert found.crossover.pvalue is None


def test_losing_a_tenth_of_one_arm_stops_the_test() -> None:
    rows = [(v, day, n, 0) for day in range(20) for v, n in (("a", 500), ("b", 450))]
    found = assessed(rows)
    assert found.status == "stop"
    assert [check.status for check in found.checks if check.key == "sample_ratio"] == ["stop"]


def test_an_alarm_of_an_early_day_stays() -> None:
    early = [("a", 0, 1500, 0), ("b", 0, 1000, 0)]
    later = [("a", day, 5000 - 25, 0) for day in range(1, 21)] + [("b", day, 5000, 0) for day in range(1, 21)]
    assert assessed(early + later).status == "stop"
    assert assessed(later).status == "ok"


def test_planned_weights_and_not_equal_ones_are_tested() -> None:
    rows = [("a", 1, 9000, 0), ("b", 1, 1000, 0)]
    assert assessed(rows, (0.9, 0.1)).status == "ok"
    assert assessed(rows, (0.5, 0.5)).status == "stop"


def test_entries_after_the_day_asked_are_not_in() -> None:
    cells = Cells([EntryCell("a", 1, 10, 0, 0), EntryCell("b", 2, 10, 0, 0)])
    found = assess(plan(), CellView(cells), 1, {})
    assert found.srm.counts == {"a": 10, "b": 0}


def test_unequal_crossover_is_red_and_equal_crossover_is_not() -> None:
    unequal = [(v, day, 500, n) for day in range(20) for v, n in (("a", 10), ("b", 40))]
    equal = [(v, day, 500, 25) for day in range(20) for v in "ab"]
    assert assessed(unequal).status == "stop"
    assert [c.key for c in assessed(unequal).checks if c.status == "stop"] == ["crossover"]
    fine = assessed(equal)
    assert fine.status == "ok"
    assert (fine.crossover.units, fine.crossover.share) == (1000, 0.05)


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.9, 0.1)])
def test_merging_more_in_one_arm_is_red_and_as_planned_is_not(weights: tuple[float, float]) -> None:
    def found(share_b: float) -> Trust:
        merges = [("a", round(1000 * weights[0] * 0.1)), ("b", round(1000 * weights[1] * share_b))]
        units = dict(zip("ab", weights, strict=True))
        cells = [EntryCell(v, day, round(1000 * units[v]), 0, 0, n) for day in range(30) for v, n in merges]
        return assess(plan(weights), CellView(Cells(cells)), 99, {})

    equal, unequal = found(0.1), found(0.2)
    assert equal.status == "ok"
    assert next(check.count for check in equal.checks if check.key == "merged") == 3000
    assert [check.key for check in unequal.checks if check.status == "stop"] == ["merged"]
    # oracle: the sequential test on the same counts, called directly
    daily = [(day * 50, day * 100) for day in range(1, 31)]
    assert sequential_pvalue(daily, (0.5, 0.5)) < 0.001


@pytest.mark.parametrize("weight", [0.5, 0.1])
def test_people_who_are_drawn_again_raise_no_crossover_alarm(weight: float) -> None:
    """400 days of units drawn twice at planned weights: first and second draw are independent."""
    rng = np.random.default_rng(6)
    rows = []
    for day in range(100):
        first, second = rng.random(1000) < weight, rng.random(1000) < weight
        crossed = first != second
        for variant, mine in (("b", first), ("a", ~first)):
            rows.append((variant, day, int(mine.sum()), int((crossed & mine).sum())))
    found = assessed(rows, (1 - weight, weight))
    assert found.status == "ok"


def test_notes_are_warnings_and_a_contradiction_of_policies_is_red() -> None:
    view = CellView(Cells([EntryCell("a", 1, 10, 0, 0), EntryCell("b", 1, 10, 0, 0)]))
    warned = assess(plan(), view, 9, {"late_events": 3, "nothing": 0})
    assert warned.status == "warning"
    assert [(check.key, check.count) for check in warned.checks if check.status == "warning"] == [
        ("late_events", 3)
    ]
    assert assess(plan(), view, 9, {"policies_contradict": 1}).status == "stop"


def test_before_the_first_entry_nothing_is_wrong() -> None:
    found = assess(plan(), CellView(Cells(())), 9, {})
    assert found.status == "ok"
    assert found.srm.pvalue == 1.0
    assert found.srm.chi_square_pvalue is None


@pytest.mark.parametrize(
    ("triggered", "units", "expected"),
    [(490, 1_000, [1020]), (500, 1_000, []), (0, 1_000, [2_000]), (0, 49, [])],
)
def test_a_repeat_rate_of_people_the_offer_has_chosen_is_named(
    triggered: int, units: int, expected: list[int]
) -> None:
    repeat = Metric("repeat_purchase_rate", "primary", "survival", 30)
    cells = Cells([EntryCell(variant, 1, units, triggered, 0) for variant in ("a", "b")])
    asked = AnalysisPlan("shop", 1, ("a", "b"), "a", (0.5, 0.5), (repeat,))
    found = assess(asked, CellView(cells), 99, {})
    assert [check.count for check in found.checks if check.key == "selection_trap"] == expected
    assert found.status == ("warning" if expected else "ok")
    without = assess(plan(), CellView(cells), 99, {})
    assert [check.key for check in without.checks] == ["sample_ratio", "crossover", "merged"]
