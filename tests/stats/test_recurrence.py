"""The mean cumulative function from cells. Oracle: `event_times.mean_cumulative_count` unit by unit."""

import math
from collections import Counter
from itertools import combinations_with_replacement

import numpy as np
import pytest

from stats.cell_view import CellView
from stats.cells import Cells, EntryCell, RecurrenceCell
from stats.event_times import Spells, mean_cumulative_count
from stats.looks import LookBook
from stats.metrics import make_metric
from stats.plan import AnalysisPlan
from stats.readings import Pairing, read
from stats.recurrence import RecurrenceContrast, RecurrenceTriangle, compare_recurrence
from stats.results import Inconclusive

WINDOW, SETTLE, TODAY = 10, 2, 20
Unit = tuple[int, list[int]]  # cohort day and ages of its orders, rising


def shoppers(seed: int, units: int = 120, rate: float = 0.12) -> list[Unit]:
    """Cohorts of days 0 … 17; some people order much more than others."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(units):
        mine = rate * rng.gamma(0.7, 1 / 0.7)
        ages = [age for age in range(1, WINDOW + 1) for _ in range(rng.poisson(mine))]
        found.append((int(rng.integers(0, 18)), ages))
    return found


def cells_of(
    people: list[Unit], variant: str = "a", label: str = "m"
) -> tuple[dict[int, int], list[RecurrenceCell]]:
    """Triggered units by cohort day, and cells as an engine would count them."""
    changes: Counter[tuple[int, int, int, int]] = Counter()
    for cohort, ages in people:
        orders = Counter(ages)
        for age, count in orders.items():
            changes[cohort, age, -1, cohort + age] += count
        for age, other in combinations_with_replacement(sorted(orders), 2):
            changes[cohort, age, other, cohort + other] += orders[age] * orders[other]
    cells = [RecurrenceCell(label, variant, *key, change) for key, change in changes.items()]
    return dict(Counter(cohort for cohort, _ in people)), cells


def spells_of(people: list[Unit], day: int) -> Spells:
    """The same people as spells at risk, followed to the last settled age."""
    rows = []
    for number, (cohort, ages) in enumerate(people):
        end = min(WINDOW, day - SETTLE - cohort)
        begin = 0.0
        for nth, age in enumerate(age for age in ages if age <= end):
            # orders of one day are told apart by a hair; all at risk at that age are so throughout
            rows.append((number, begin, age - 1e-6 * (len(ages) - nth), True))
            begin = rows[-1][2]
        if end > begin:
            rows.append((number, begin, float(end) + 1e-9, False))
    return Spells(*(tuple(column) for column in zip(*rows, strict=True)))


@pytest.mark.parametrize("seed", range(5))
def test_mean_and_robust_error_are_those_of_the_units(seed: int) -> None:
    people = [unit for unit in shoppers(seed) if unit[0] <= TODAY - SETTLE - 1]
    once = [(cohort, sorted(set(ages))) for cohort, ages in people]  # the oracle splits ties
    curve = RecurrenceTriangle.from_cells(WINDOW, *cells_of(once)).curve(TODAY, SETTLE)
    means, errors = mean_cumulative_count(spells_of(once, TODAY), [WINDOW + 1.0])
    arm = curve.arm()
    assert arm is not None
    assert arm.mean == pytest.approx(means[0], rel=1e-9)
    assert math.sqrt(arm.variance) == pytest.approx(errors[0], rel=1e-3)


def test_followed_to_the_end_it_is_the_mean_of_the_counts() -> None:
    people = shoppers(3)
    curve = RecurrenceTriangle.from_cells(WINDOW, *cells_of(people)).curve(100, SETTLE)
    counts = np.array([len(ages) for _, ages in people], dtype=float)
    assert curve.mean == pytest.approx(counts.mean())
    assert curve.variance == pytest.approx(counts.var() / counts.size)
    assert curve.unit_variance == pytest.approx(counts.var())
    assert curve.least_buyers <= (counts > 0).sum()


def test_a_cancelled_order_is_taken_back_from_the_day_it_is_known() -> None:
    known = [RecurrenceCell("m", "a", 0, 1, -1, 1, 1), RecurrenceCell("m", "a", 0, 1, 1, 1, 1)]
    gone = [RecurrenceCell("m", "a", 0, 1, -1, 5, -1), RecurrenceCell("m", "a", 0, 1, 1, 5, -1)]
    triangle = RecurrenceTriangle.from_cells(1, {0: 4}, known + gone)
    assert (triangle.curve(4, 0).mean, triangle.curve(5, 0).mean) == (0.25, 0.0)
    assert triangle.curve(4, 0, known_by=5).mean == 0.0


def test_spans_of_cohorts_and_empty_arms_say_why_there_is_no_number() -> None:
    triangle = RecurrenceTriangle.from_cells(WINDOW, *cells_of(shoppers(1)))
    assert triangle.curve(TODAY, SETTLE, first_day=15).arm() is None
    assert triangle.curve(100, SETTLE, first_day=5, last_day=9).units < 120
    nobody = RecurrenceTriangle.from_cells(WINDOW, {}, []).curve(TODAY, SETTLE)
    quiet = RecurrenceTriangle.from_cells(WINDOW, {0: 5}, []).curve(100, SETTLE)
    assert compare_recurrence(nobody, quiet) == Inconclusive(
        "no_units", "an arm has nobody followed to the end of the window"
    )
    found = compare_recurrence(quiet, quiet)
    assert isinstance(found, Inconclusive)
    assert found.reason == "no_variance"
    with pytest.raises(ValueError, match="no entries"):
        RecurrenceTriangle.from_cells(1, {}, [RecurrenceCell("m", "a", 0, 1, -1, 1, 1)])


def plan() -> AnalysisPlan:
    metrics = (make_metric("orders_per_customer", "primary", WINDOW),)
    return AnalysisPlan(
        *("x", 1, ("a", "b"), "a", (0.5, 0.5), metrics),
        planned_units=2000,
        settle_days=SETTLE,
        min_days=1,
        look_days="daily",
    )


def view_of(control: list[Unit], treated: list[Unit]) -> CellView:
    label, entries, cells = f"orders_per_customer:{WINDOW}", [], []
    for variant, people in (("a", control), ("b", treated)):
        triggered, found = cells_of(people, variant, label)
        entries += [EntryCell(variant, day, units, units, 0) for day, units in triggered.items()]
        cells += found
    return CellView(Cells(entries, recurrences=cells))


def test_it_is_read_looked_at_and_finds_what_was_planted() -> None:
    view = view_of(shoppers(1, 1000), shoppers(2, 1000, rate=0.2))
    book, found = LookBook(plan()), []
    for day in range(13, 31):
        found += book.close(day, view)
    assert found[-1].crossed == "upper"
    assert found[-1].fraction == pytest.approx(1.0, rel=0.15)
    assert 0.0 < found[0].fraction < found[-1].fraction
    last = found[-1]
    assert last.interval_low is not None
    assert last.interval_low < 0.8 < last.difference + 4 * last.standard_error


def test_under_thirty_buyers_nothing_is_tested() -> None:
    reading = read(
        plan(), view_of(shoppers(1, 60, 0.01), shoppers(2, 60, 0.01)), Pairing(plan().metrics[0], "", "b"), 30
    )
    assert not isinstance(reading, Inconclusive)
    assert not reading.may_test
    assert isinstance(reading.contrast, RecurrenceContrast)
    assert reading.contrast.limit(1.0) == reading.contrast.difference - reading.contrast.standard_error


def test_without_an_effect_it_crosses_as_often_as_agreed() -> None:
    """Partly followed cohorts, people who differ: 5 % of one-look tests, ± 3 Monte-Carlo errors of 400."""
    wrong = 0
    for seed in range(400):
        view = view_of(shoppers(2 * seed, 150), shoppers(2 * seed + 1, 150))
        reading = read(plan(), view, Pairing(plan().metrics[0], "", "b"), TODAY)
        assert not isinstance(reading, Inconclusive)
        wrong += abs(reading.contrast.z) > 1.959964
    assert 0.017 <= wrong / 400 <= 0.083
