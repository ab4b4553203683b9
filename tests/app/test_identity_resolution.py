"""Alias resolution: first touch, whatever the order of arrival."""

from collections import defaultdict
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.resolve import Link, Resolution, resolve

PHONE, LAPTOP, TABLET = 1, 2, 3
ANNA, BORIS = 101, 102

links = st.lists(
    st.builds(
        Link,
        visitor=st.integers(1, 5),
        customer=st.integers(101, 104),
        occurred_us=st.integers(0, 3),
        event_id=st.sampled_from(["a", "b", "c", "d", "e", "f", "g"]),
    ),
    max_size=12,
    unique_by=lambda link: link.event_id,
)


def by_definition(given_links: list[Link]) -> Resolution:
    """The rule as the design words it, link by link (the oracle)."""

    def earliest(some: list[Link]) -> Link:
        return min(some, key=lambda link: (link.occurred_us, link.event_id))

    of_visitor: dict[int, list[Link]] = defaultdict(list)
    for link in given_links:
        of_visitor[link.visitor].append(link)
    owner = {visitor: earliest(some).customer for visitor, some in of_visitor.items()}
    valid = [link for link in given_links if owner[link.visitor] == link.customer]
    canonical = {
        customer: earliest([link for link in valid if link.customer == customer]).visitor
        for customer in {link.customer for link in valid}
    }
    unit_of = canonical | {visitor: canonical[customer] for visitor, customer in owner.items()}
    return Resolution(unit_of=unit_of, contradicting=len(given_links) - len(valid))


def test_without_links_everyone_is_their_own_unit() -> None:
    assert resolve([], "visitor") == Resolution(unit_of={}, contradicting=0)


def test_a_customer_is_the_visitor_of_its_earliest_link() -> None:
    found = resolve([Link(LAPTOP, ANNA, 20, "a"), Link(PHONE, ANNA, 10, "b")], "visitor")
    assert found.unit_of == {PHONE: PHONE, LAPTOP: PHONE, ANNA: PHONE}


def test_equal_times_go_by_event_id() -> None:
    found = resolve([Link(LAPTOP, ANNA, 10, "b"), Link(PHONE, ANNA, 10, "a")], "visitor")
    assert found.unit_of[LAPTOP] == PHONE


def test_a_later_contradicting_link_is_counted_and_merges_nobody() -> None:
    shared = [Link(TABLET, ANNA, 10, "a"), Link(TABLET, BORIS, 20, "b"), Link(LAPTOP, BORIS, 30, "c")]
    found = resolve(shared, "visitor")
    assert found.contradicting == 1
    assert found.unit_of == {TABLET: TABLET, ANNA: TABLET, LAPTOP: LAPTOP, BORIS: LAPTOP}


def test_a_contradicting_link_does_not_make_its_visitor_canonical_for_the_other_customer() -> None:
    # BORIS's earliest link is on ANNA's tablet: not valid, so his laptop stands for him
    shared = [Link(TABLET, ANNA, 1, "a"), Link(TABLET, BORIS, 2, "b"), Link(LAPTOP, BORIS, 3, "c")]
    assert resolve(shared, "visitor").unit_of[BORIS] == LAPTOP


def test_a_customer_with_contradicting_links_only_is_not_named() -> None:
    found = resolve([Link(TABLET, ANNA, 1, "a"), Link(TABLET, BORIS, 2, "b")], "visitor")
    assert BORIS not in found.unit_of


def test_for_customers_visitors_map_to_their_first_customer() -> None:
    shared = [Link(TABLET, BORIS, 20, "b"), Link(TABLET, ANNA, 10, "a"), Link(PHONE, BORIS, 5, "c")]
    assert resolve(shared, "customer") == Resolution(unit_of={TABLET: ANNA, PHONE: BORIS}, contradicting=1)


def test_another_kind_of_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="household"):
        resolve([], "household")  # type: ignore[arg-type]  # the refusal is what is tested


@given(links)
def test_resolution_follows_the_definition(some: list[Link]) -> None:
    assert resolve(some, "visitor") == by_definition(some)


@given(links, st.integers(0, 2**32), st.sampled_from(["visitor", "customer"]))
def test_the_order_of_arrival_does_not_matter(some: list[Link], seed: int, unit: str) -> None:
    shuffled = Random(seed).sample(some, len(some))
    expected = resolve(some, "customer" if unit == "customer" else "visitor")
    assert resolve(shuffled, "customer" if unit == "customer" else "visitor") == expected


@given(links)
def test_a_canonical_unit_stands_for_itself(some: list[Link]) -> None:
    unit_of = resolve(some, "visitor").unit_of
    assert all(unit_of[unit] == unit for unit in unit_of.values())
