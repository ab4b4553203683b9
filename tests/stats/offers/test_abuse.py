"""Suspected abuse. Oracles: planted shops with known truth; groups found by walking from one to the next."""

from collections import defaultdict
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.offers import abuse
from stats.offers.abuse import DAY_US, Mark, Use, suspects

CARD, DEVICE, HOME = (Mark(kind, 1) for kind in ("payment", "device", "address"))
FAMILIES, RINGS = 4000, 300
SHARES_CARD, SHARES_DEVICE = 0.03, 0.02


class Town:
    """Families who invite one another honestly, and people who invite themselves; marks by person."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        self.people: dict[Mark, set[int]] = defaultdict(set)
        self.referrals: list[tuple[int, int]] = []
        self.honest: list[tuple[int, int]] = []
        self.planted: list[tuple[int, ...]] = []
        self.last = 0

    def person(self, **marks: int | None) -> int:
        """Somebody new; a mark that is not named is their own, None: their order carries none."""
        self.last += 1
        for kind in ("payment", "device", "address"):
            number = marks.get(kind, self.last * 10 + len(kind) % 3)
            if number is not None:
                self.people[Mark(kind, number)].add(self.last)
        return self.last

    def families(self, count: int) -> None:
        """One or two invited at one address; some pay with one card or order from one device."""
        for number in range(count):
            home, card, device = 10**6 + number, 2 * 10**6 + number, 3 * 10**6 + number
            inviter = self.person(address=home, payment=card, device=device)
            for _ in range(self.draw.choice([1, 1, 2])):
                same = {"address": home}
                same |= {"payment": card} if self.draw.random() < SHARES_CARD else {}
                same |= {"device": device} if self.draw.random() < SHARES_DEVICE else {}
                self.honest.append((inviter, self.person(**same)))
        self.referrals += self.honest

    def dormitory(self, count: int) -> None:
        """Students at one address who invite each other, and one of them six others."""
        students = [self.person(address=77) for _ in range(count)]
        pairs = [(students[0], other) for other in students[1:7]]
        pairs += [tuple(self.draw.sample(students[7:], 2)) for _ in range(count)]  # type: ignore[misc]  # two each
        self.referrals += pairs

    def rings(self, count: int) -> None:
        """One person under 2 … 5 ids, who changes the card or the device now and then, rarely both."""
        for number in range(count):
            home, card, device = 4 * 10**6 + number, 5 * 10**6 + number, 6 * 10**6 + number
            own = self.person(address=home, payment=card, device=device)
            fakes = []
            for _ in range(self.draw.randint(1, 4)):
                same = {"address": home}
                same |= {"payment": card} if self.draw.random() < 0.7 else {}
                same |= {"device": device} if self.draw.random() < 0.8 else {}
                fakes.append(self.person(**same))
            self.planted.append((own, *fakes))
            self.referrals += [(own, fake) for fake in fakes]

    def suspected(self) -> set[int]:
        shared = {mark: people for mark, people in self.people.items() if len(people) > 1}
        return set(suspects(shared, self.referrals, {}).reasons)


@pytest.fixture(scope="module")
def town() -> Town:
    made = Town(7)
    made.families(FAMILIES)
    made.dormitory(400)
    made.rings(RINGS)
    return made


def test_planted_self_referrals_are_found(town: Town) -> None:
    """A fake id stays hidden only with another card and another device, in too small a ring."""
    found = town.suspected()
    fakes = [fake for _, *ids in town.planted for fake in ids]
    assert sum(fake in found for fake in fakes) / len(fakes) > 0.94
    assert sum(own in found for own, *_ in town.planted) / RINGS > 0.94


def test_honest_families_are_suspected_only_at_the_rate_at_which_they_share_a_card_or_a_device(
    town: Town,
) -> None:
    """The stated rate: 1 − (1 − card)(1 − device), within three standard errors."""
    found = town.suspected()
    invited = [came for _, came in town.honest]
    rate = 1 - (1 - SHARES_CARD) * (1 - SHARES_DEVICE)
    seen = sum(came in found for came in invited) / len(invited)
    assert seen <= rate + 3 * np.sqrt(rate * (1 - rate) / len(invited))


def test_a_shared_address_alone_accuses_neither_families_nor_a_dormitory() -> None:
    town = Town(8)
    town.dormitory(400)
    for number in range(500):
        inviter = town.person(address=10**6 + number)
        town.referrals += [(inviter, town.person(address=10**6 + number)) for _ in range(2)]
    assert town.suspected() == set()


def test_a_build_without_the_caps_accuses_the_dormitory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: no bound on how many people may share a home."""
    monkeypatch.setattr(abuse, "HOUSEHOLD", 10**6)
    town = Town(8)
    town.dormitory(400)
    assert len(town.suspected()) > 6


def test_three_at_the_inviters_own_small_address_are_a_ring() -> None:
    two = suspects({HOME: {1, 2, 3}}, [(1, 2), (1, 3)], {})
    three = suspects({HOME: {1, 2, 3, 4}}, [(1, 2), (1, 3), (1, 4)], {})
    assert (two.reasons, set(three.reasons)) == ({}, {1, 2, 3, 4})


def test_a_card_of_many_people_joins_nobody_and_is_counted() -> None:
    few, many = set(range(1, 9)), set(range(1, 10))
    assert set(suspects({CARD: few}, [(1, 2)], {}).reasons) == {1, 2}
    assert (suspects({CARD: many}, [(1, 2)], {}).reasons, suspects({CARD: many}, [], {}).crowded) == ({}, 1)


def test_a_chain_of_cards_over_many_people_accuses_nobody() -> None:
    chain = {Mark("payment", number): {number, number + 1} for number in range(1, 30)}
    assert suspects(chain, [(1, 2)], {}).reasons == {}
    assert set(suspects(dict(list(chain.items())[:10]), [(1, 11)], {}).reasons) == {1, 11}


def test_people_who_share_a_card_without_a_referral_are_not_accused() -> None:
    assert suspects({CARD: {1, 2}, DEVICE: {1, 2}}, [(1, 3)], {}).reasons == {}


def used(*people: int, apart_us: int) -> list[Use]:
    return [Use(place * apart_us, person) for place, person in enumerate(people)]


def test_a_hurry_of_redemptions_with_one_card_is_seen_up_to_the_last_microsecond_of_the_window() -> None:
    shared = {CARD: {1, 2, 3}}
    inside = {CARD: used(1, 2, 3, 1, 2, apart_us=(DAY_US - 1) // 4)}
    outside = {CARD: used(1, 2, 3, 1, 2, apart_us=DAY_US // 4)}
    assert suspects(shared, [], inside).reasons == dict.fromkeys((1, 2, 3), "velocity")
    assert suspects(shared, [], outside).reasons == {}


def test_one_person_who_uses_a_reusable_code_often_and_an_office_kiosk_are_no_hurry() -> None:
    assert suspects({CARD: {1, 2}}, [], {CARD: used(*[1] * 9, 2, apart_us=1)}).reasons == {}
    kiosk = {DEVICE: set(range(60))}
    assert suspects(kiosk, [], {DEVICE: used(*range(60), apart_us=1)}).reasons == {}
    assert suspects({HOME: {1, 2, 3}}, [], {HOME: used(1, 2, 3, 1, 2, apart_us=1)}).reasons == {}


PEOPLE = st.integers(1, 8)
SHARED = st.dictionaries(
    st.builds(Mark, st.sampled_from(["payment", "device"]), st.integers(1, 5)),
    st.sets(PEOPLE, min_size=2, max_size=4),
    max_size=6,
)


@given(SHARED, st.lists(st.tuples(PEOPLE, PEOPLE), max_size=6), st.randoms(use_true_random=False))
def test_pairs_in_one_group_are_those_of_a_walk_and_no_order_matters(
    shared: dict[Mark, set[int]], pairs: list[tuple[int, int]], random: Random
) -> None:
    def reached(start: int) -> set[int]:
        found, left = {start}, [start]
        while left:
            person = left.pop()
            new = {other for people in shared.values() if person in people for other in people} - found
            found |= new
            left += new
        return found

    somebody = set().union(*shared.values()) if shared else set()
    joined = {
        person for one, other in pairs for person in (one, other) if one in somebody and other in reached(one)
    }
    found = suspects(shared, pairs, {})
    assert set(found.reasons) == joined
    turned = list(shared.items())
    random.shuffle(turned)
    random.shuffle(pairs)
    assert suspects(dict(turned), pairs, {}) == found
