"""Spending functions against their closed forms."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.sequential.spending import parse_spending

NAMES = ["kim-demets:1", "kim-demets:2", "kim-demets:0.5", "obrien-fleming", "pocock", "hwang-shih-decani:-4"]
NAMES += ["hwang-shih-decani:0", "hwang-shih-decani:3"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_spent_at_the_start_and_all_of_alpha_at_the_plan(name: str) -> None:
    spending = parse_spending(name)
    assert spending.spent(0.0, 0.025) == 0.0
    assert spending.spent(1.0, 0.025) == 0.025
    assert spending.spent(1.0 - 1e-12, 0.025) == pytest.approx(0.025, rel=1e-9)
    assert spending.spent(7.0, 0.025) == 0.025


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kim-demets:2", 0.025 * 0.16),
        ("pocock", 0.025 * math.log(1 + (math.e - 1) * 0.4)),
        ("hwang-shih-decani:-4", 0.025 * (1 - math.exp(1.6)) / (1 - math.exp(4))),
        ("hwang-shih-decani:0", 0.025 * 0.4),
        ("obrien-fleming", math.erfc(2.241402727604947 / math.sqrt(0.4) / math.sqrt(2))),  # z of 0.0125
    ],
)
def test_two_fifths_of_the_plan_spend_the_closed_form(name: str, expected: float) -> None:
    assert parse_spending(name).spent(0.4, 0.025) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    fractions=st.tuples(st.floats(0, 50), st.floats(0, 50)),
    alphas=st.tuples(st.floats(1e-9, 0.5), st.floats(1e-9, 0.5)),
    share=st.floats(0, 0.9),
)
def test_spending_rises_with_time_and_alpha_and_stays_below_alpha(
    name: str, fractions: tuple[float, float], alphas: tuple[float, float], share: float
) -> None:
    spending = parse_spending(name)
    (early, late), (small, large) = sorted(fractions), sorted(alphas)
    slack = 1 + 1e-12
    assert spending.spent(early, small, share) <= spending.spent(late, small, share) * slack
    assert spending.spent(early, small, share) <= spending.spent(early, large, share) * slack
    assert 0.0 <= spending.spent(late, large, share) <= large * slack


def test_the_open_ended_tail_has_its_closed_form() -> None:
    spending = parse_spending("kim-demets:2")
    assert spending.spent(0.5, 0.025, 0.1) == pytest.approx(0.9 * 0.025 * 0.25)
    assert spending.spent(1.0, 0.025, 0.1) == pytest.approx(0.9 * 0.025)
    assert spending.spent(4.0, 0.025, 0.1) == pytest.approx(0.9 * 0.025 + 0.1 * 0.025 * 0.75)
    assert spending.spent(math.inf, 0.025, 0.1) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("", "must be one of"),
        ("haybittle-peto", "must be one of"),
        ("kim-demets", "must be one of"),
        ("pocock:2", "must be one of"),
        ("Pocock", "must be one of"),
        ("kim-demets:two", "must be a number"),
        ("kim-demets:", "must be a number"),
        ("kim-demets:0", "above 0"),
        ("kim-demets:-1", "above 0"),
        ("kim-demets:nan", "within"),
        ("hwang-shih-decani:inf", "within"),
        ("hwang-shih-decani:1e6", "within"),
    ],
)
def test_a_name_that_is_no_spending_function_is_refused_with_the_bound(name: str, bound: str) -> None:
    with pytest.raises(ValueError, match=bound):
        parse_spending(name)


@pytest.mark.parametrize(
    ("fraction", "alpha", "share"),
    [
        (-0.1, 0.05, 0.0),
        (math.nan, 0.05, 0.0),
        (0.5, 0.0, 0.0),
        (0.5, 1.0, 0.0),
        (0.5, 0.05, 1.0),
        (0.5, 0.05, -0.1),
    ],
)
def test_arguments_outside_their_range_are_refused(fraction: float, alpha: float, share: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_spending("kim-demets:2").spent(fraction, alpha, share)
