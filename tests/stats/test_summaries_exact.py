"""Sums stay exact; oracle: fractions and numpy on the rows themselves."""

from collections import Counter
from dataclasses import astuple
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.analysis import analyse
from stats.cells import Cells, EntryCell, EventCell, MomentCell
from stats.looks import LookBook
from stats.metrics import make_metric
from stats.plan import AnalysisPlan
from stats.summaries import CumulativeMoments, Moments, moments_of

values = st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=30)


def moments(xs: list[int]) -> Moments:
    return Moments(len(xs), sum(x != 0 for x in xs), sum(xs), sum(x * x for x in xs), sum(xs))


@settings(max_examples=50, deadline=None)
@given(values)
def test_variance_is_the_exact_fraction_rounded_once(xs: list[int]) -> None:
    mean = Fraction(sum(xs), len(xs))
    exact = sum((x - mean) ** 2 for x in xs) / (len(xs) - 1)
    assert moments(xs).variance == float(exact)


def test_variance_of_large_money_with_a_small_spread_does_not_cancel() -> None:
    xs = [10**15 + step for step in (0, 1, 2)]
    assert moments(xs).variance == 1.0


@settings(max_examples=50, deadline=None)
@given(values, values)
def test_moments_of_two_groups_add_and_subtract(a: list[int], b: list[int]) -> None:
    assert moments(a) + moments(b) == moments(a + b)
    assert moments(a + b) - moments(b) == moments(a)


def test_any_span_of_cohorts_is_the_sum_of_its_cells() -> None:
    rng = np.random.default_rng(3)
    rows = [
        (int(day), int(x)) for day, x in zip(rng.integers(0, 20, 200), rng.integers(0, 50, 200), strict=True)
    ]
    cells = [MomentCell("m", "a", day, 1, int(x != 0), x, x * x, x) for day, x in rows]
    filed = CumulativeMoments.from_cells(cells)
    for first, last in ((None, 5), (3, 11), (7, 7), (15, 3), (0, 100)):
        inside = [x for day, x in rows if day <= last and (first is None or day >= first)]
        assert filed.between(first, last) == moments(inside)


def test_undefined_moments_are_none_and_never_zero() -> None:
    assert Moments().mean is None
    assert Moments().m2 is None
    assert Moments(units=1, total=5, squares=25).variance is None


PLAN = AnalysisPlan(
    "shop",
    1,
    ("a", "b"),
    "a",
    (0.5, 0.5),
    (
        make_metric("revenue_per_unit", "primary", 3),
        make_metric("average_order_value", "secondary", 3),
        make_metric("repeat_purchase_rate", "secondary", 3),
    ),
    settle_days=0,
    planned_units=4_000,
)


def shop_cells(rng: np.random.Generator) -> Cells:
    """One cell per unit, as an engine that adds nothing up would deliver them."""
    entries, moments, events = [], [], []
    for _ in range(600):
        variant, day = str(rng.choice(["a", "b"])), int(rng.integers(0, 14))
        spent = int(rng.integers(1, 9_000)) * int(rng.random() < 0.4)
        entries.append(EntryCell(variant, day, 1, int(rng.random() < 0.1), 1))
        sums = (int(spent > 0), spent, spent**2, spent, int(spent > 0), int(spent > 0), spent)
        labels = [metric.label for metric in PLAN.metrics]
        moments += [MomentCell(label, variant, day, 1, *sums) for label in labels[:2]]
        if rng.random() < 0.3:
            age = int(rng.integers(1, 4))
            events.append(EventCell(labels[2], variant, day, age, day + age, 1))
    return Cells(entries, moments, events)


def added_up(cells: Cells) -> Cells:
    """The same sums in the fewest cells."""
    entries, moments, events = Counter[Any](), dict[Any, Moments](), Counter[Any]()
    for entry in cells.entries:
        entries.update({(entry.variant, entry.cohort_day, k): v for k, v in enumerate(entry[2:])})
    for cell in cells.moments:
        moments[cell[:3]] = moments.get(cell[:3], Moments()) + moments_of(cell)
    for event in cells.events:
        events[event[:5]] += event.change
    places = sorted({(variant, day) for variant, day, _ in entries})
    width = len(EntryCell._fields) - 2
    return Cells(
        [EntryCell(*place, *(entries[*place, k] for k in range(width))) for place in places],
        [MomentCell(*address, *astuple(found)) for address, found in moments.items()],
        [EventCell._make((*address, change)) for address, change in events.items()],
    )


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_any_split_and_order_of_the_cells_gives_the_same_looks_and_result(seed: int) -> None:
    rng = np.random.default_rng(seed)
    single = shop_cells(rng)
    shuffled = Cells(
        [single.entries[k] for k in rng.permutation(len(single.entries))],
        [single.moments[k] for k in rng.permutation(len(single.moments))],
        [single.events[k] for k in rng.permutation(len(single.events))],
    )
    documents = []
    for cells in (single, shuffled, added_up(shuffled)):
        book = LookBook(PLAN)
        looks = [look for day in range(3, 18) for look in book.close(day, cells)]
        documents.append((looks, analyse(PLAN, cells, looks, as_of="1970-01-18", as_of_day=17)))
    assert documents[0][0]
    assert documents[0] == documents[1] == documents[2]
