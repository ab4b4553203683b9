"""Who may be one person under several ids: judged from fingerprints that orders share.

A *mark* is a card, a device or an address as a number. A card or a device belongs to few people, an address
to a family, a dormitory or an office. So a card or device joins the people who used it, unless it is crowded;
an address joins nobody, and counts only where one inviter has brought several people to their own small one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

Reason = Literal["self_referral", "velocity"]

PERSONAL: Final = frozenset({"payment", "device"})
CROWD: Final = 8
"""A card or device of more people than this joins nobody: a shop's terminal, a library, a hash of nothing."""
HOUSEHOLD: Final = 10
"""An address of more people than this is no home of one person."""
RING: Final = 3
"""So many invited people at the inviter's own small address are no family."""
LARGEST_GROUP: Final = 20
"""A larger group was joined by chance, card by card: nobody in it is suspected."""
DAY_US: Final = 86_400_000_000
MANY_USES, MANY_PEOPLE, WINDOW_US = 5, 3, DAY_US
"""So many redemptions with one card or device, by so many people, inside 24 hours."""
VELOCITY_CROWD: Final = 50


class Mark(NamedTuple):
    """One card, device or address.

    Attributes:
        kind: payment, device or address.
        number: what stands for it.
    """

    kind: str
    number: int


class Use(NamedTuple):
    """A redemption of somebody whose order carried a mark.

    Attributes:
        at_us: when, microseconds since 1970 UTC.
        person: who.
    """

    at_us: int
    person: int


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Who is suspected, and why.

    Attributes:
        reasons: person → reason; who is suspected for both is told as self-referral.
        crowded: cards and devices that too many people share to say anything.
    """

    reasons: dict[int, Reason] = field(default_factory=dict)
    crowded: int = 0


def suspects(
    shared: Mapping[Mark, AbstractSet[int]],
    referrals: Iterable[tuple[int, int]],
    uses: Mapping[Mark, Sequence[Use]],
) -> Suspicion:
    """People who seem to be one person under several ids.

    Args:
        shared: mark → the people whose orders carried it, of marks with at least two.
        referrals: (inviter, invited) of referrals that count.
        uses: mark → redemptions by orders that carried it, in any order.

    Returns:
        Inviters and invited joined by cards and devices, or gathered at the inviter's own address; and people
        who redeemed in a hurry with one card or device. The order of the arguments' items does not matter.

    Assumes that the shop's hashes are of one card, device or home each, and of nothing where there is none.
    A family in which inviter and invited pay with one card, or order from one device, cannot be told from a
    self-referral: it is suspected. That is why this explains and never decides.

    >>> card, home = Mark("payment", 1), Mark("address", 2)
    >>> suspects({card: {7, 8}, home: {7, 8, 9}}, [(7, 8), (7, 9)], {}).reasons
    {7: 'self_referral', 8: 'self_referral'}
    """
    pairs = sorted(set(referrals))
    joining = {mark: people for mark, people in shared.items() if mark.kind in PERSONAL}
    crowded = {mark for mark, people in joining.items() if len(people) > CROWD}
    groups = _Groups(people for mark, people in joining.items() if mark not in crowded)
    reasons: dict[int, Reason] = dict.fromkeys(_hurried(shared, uses), "velocity")
    reasons |= dict.fromkeys((p for pair in pairs if groups.are_one(*pair) for p in pair), "self_referral")
    reasons |= dict.fromkeys(_rings(shared, pairs), "self_referral")
    return Suspicion(dict(sorted(reasons.items())), len(crowded))


def _rings(shared: Mapping[Mark, AbstractSet[int]], pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Inviters with at least `RING` invited people at their own small address, and those people."""
    homes: dict[int, set[Mark]] = defaultdict(set)
    for mark, people in shared.items():
        if mark.kind == "address" and len(people) <= HOUSEHOLD:
            for person in people:
                homes[person].add(mark)
    brought: dict[int, list[int]] = defaultdict(list)
    for inviter, invited in pairs:
        if homes[inviter] & homes[invited]:
            brought[inviter].append(invited)
    found = [(inviter, *people) for inviter, people in brought.items() if len(people) >= RING]
    return [person for ring in found for person in ring]


def _hurried(shared: Mapping[Mark, AbstractSet[int]], uses: Mapping[Mark, Sequence[Use]]) -> list[int]:
    """People with a card or device by which many redeemed inside one window."""
    found: set[int] = set()
    for mark, told in uses.items():
        if mark.kind in PERSONAL and MANY_PEOPLE <= len(shared.get(mark, ())) <= VELOCITY_CROWD:
            found |= _in_a_window(sorted(told))
    return sorted(found)


def _in_a_window(told: Sequence[Use]) -> set[int]:
    """The people of every window that holds enough redemptions by enough people."""
    found: set[int] = set()
    first = 0
    for last, use in enumerate(told):
        while use.at_us - told[first].at_us >= WINDOW_US:
            first += 1
        people = {one.person for one in told[first : last + 1]}
        if last + 1 - first >= MANY_USES and len(people) >= MANY_PEOPLE:
            found |= people
    return found


class _Groups:
    """People joined by what they share."""

    def __init__(self, shared: Iterable[AbstractSet[int]]) -> None:
        self._above: dict[int, int] = {}
        self._sizes: dict[int, int] = defaultdict(int)
        for people in shared:
            first, *others = sorted(people)
            for other in others:
                self._join(first, other)
        for person in list(self._above):
            self._sizes[self._head(person)] += 1

    def are_one(self, one: int, other: int) -> bool:
        """Whether two people are in one group that is not too large to say anything."""
        if one not in self._above or other not in self._above:
            return False
        head = self._head(one)
        return head == self._head(other) and self._sizes[head] <= LARGEST_GROUP

    def _join(self, one: int, other: int) -> None:
        for person in (one, other):
            self._above.setdefault(person, person)
        self._above[self._head(other)] = self._head(one)

    def _head(self, person: int) -> int:
        while self._above[person] != person:
            self._above[person] = self._above[self._above[person]]
            person = self._above[person]
        return person
