"""Who belongs to whose cluster. Oracle: the referrals one by one in their own time, every chain walked."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.identity.referrals import Referral, clusters

PEOPLE = st.integers(1, 6)
REFERRALS = st.lists(st.tuples(PEOPLE, PEOPLE, st.integers(0, 5)), max_size=12).map(
    lambda rows: [Referral(*row, f"e{number}") for number, row in enumerate(rows)]
)
ENTERED = st.dictionaries(PEOPLE, st.integers(0, 5))


def by_hand(referrals: list[Referral], entered: dict[int, int]) -> dict[int, int]:
    """Unit → head, by walking from person to inviter with no shortcut."""
    inviter: dict[int, int] = {}

    def head(unit: int) -> int:
        while unit in inviter:
            unit = inviter[unit]
        return unit

    for one in sorted(referrals, key=lambda one: (one.occurred_us, one.event_id)):
        is_new = one.invited not in inviter and not entered.get(one.invited, 9) < one.occurred_us
        if is_new and one.referrer != one.invited and head(one.referrer) != one.invited:
            inviter[one.invited] = one.referrer
    return {unit: head(unit) for unit in inviter}


@given(REFERRALS, ENTERED, st.randoms(use_true_random=False))
def test_clusters_are_those_of_the_oracle_in_whatever_order_referrals_arrive(
    referrals: list[Referral], entered: dict[int, int], random: Random
) -> None:
    found = clusters(referrals, entered)
    assert found.root_of == by_hand(referrals, entered)
    shuffled = list(referrals)
    random.shuffle(shuffled)
    again = clusters(shuffled, entered)
    assert (again.root_of, again.standing) == (found.root_of, found.standing)


def test_every_referral_has_a_standing() -> None:
    rows = [(1, 2), (1, 2), (3, 2), (2, 1), (4, 4), (1, 5)]
    told = [Referral(*row, at, f"e{at}") for at, row in enumerate(rows, 10)]
    found = clusters(told, {5: 3})
    assert list(found.standing.values()) == [
        *("counted", "again", "second_inviter"),
        *("cycle", "self", "already_in"),
    ]
    assert found.root_of == {2: 1}


def test_a_circle_is_cut_at_its_last_referral_and_a_long_chain_has_one_head() -> None:
    chain = [Referral(number, number + 1, number, "e") for number in range(5000)]
    found = clusters([*chain, Referral(5000, 0, 6000, "z")], {})
    assert set(found.root_of.values()) == {0}
    assert found.count("cycle") == 1
