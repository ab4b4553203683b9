"""Who invited whom, and whose cluster everybody belongs to. Pure; the order of arrival does not matter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Standing = Literal["counted", "again", "self", "second_inviter", "cycle", "already_in"]


class Referral(NamedTuple):
    """Somebody invited somebody.

    Attributes:
        referrer: unit of who invited.
        invited: unit of who came.
        occurred_us: when, microseconds since 1970 UTC.
        event_id: breaks ties.
    """

    referrer: int
    invited: int
    occurred_us: int
    event_id: str


@dataclass(frozen=True, slots=True)
class Clusters:
    """Who came by whom.

    Attributes:
        root_of: unit that was invited → the unit at the head of its cluster; others head their own.
        standing: event id of each referral → what became of it.
    """

    root_of: dict[int, int] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)

    def count(self, standing: Standing) -> int:
        """How many referrals have come to this."""
        return sum(found == standing for found in self.standing.values())


def clusters(referrals: Iterable[Referral], entered_us: Mapping[int, int]) -> Clusters:
    """Clusters of inviters and those they brought, and those they brought in turn.

    The earliest referral of somebody by (occurred_us, event_id) counts; one by another inviter later is a
    contradiction, as a second customer of a visitor is. A referral that would close a circle does not count,
    nor one of somebody who was in the experiment before it: they have a variant of their own.

    Args:
        referrals: in any order, sides resolved to units.
        entered_us: unit → moment of its first exposure, microseconds since 1970 UTC.

    Returns:
        The clusters, and the standing of every referral.

    >>> anna, boris, vera = 1, 2, 3
    >>> found = clusters([Referral(boris, vera, 20, "b"), Referral(anna, boris, 10, "a")], {anna: 5})
    >>> found.root_of, found.standing
    ({2: 1, 3: 1}, {'a': 'counted', 'b': 'counted'})
    """
    inviter: dict[int, int] = {}
    standing: dict[str, Standing] = {}
    heads = _Heads()
    for one in sorted(referrals, key=lambda one: (one.occurred_us, one.event_id)):
        standing[one.event_id] = found = _judge(one, inviter, entered_us, heads)
        if found == "counted":
            inviter[one.invited] = one.referrer
            heads.join(one.invited, one.referrer)
    return Clusters({unit: heads.of(unit) for unit in inviter}, standing)


def _judge(
    one: Referral, inviter: Mapping[int, int], entered_us: Mapping[int, int], heads: "_Heads"
) -> Standing:
    if one.referrer == one.invited:
        return "self"
    if one.invited in inviter:
        return "again" if inviter[one.invited] == one.referrer else "second_inviter"
    if entered_us.get(one.invited, one.occurred_us) < one.occurred_us:
        return "already_in"
    return "cycle" if heads.of(one.referrer) == one.invited else "counted"


class _Heads:
    """The head of everybody's cluster, by paths that shorten as they are walked."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def of(self, unit: int) -> int:
        """The head; a unit nobody invited is its own."""
        walked = []
        while unit in self._above:
            walked.append(unit)
            unit = self._above[unit]
        for passed in walked:
            self._above[passed] = unit
        return unit

    def join(self, invited: int, referrer: int) -> None:
        """Put the cluster that one heads under another's head."""
        self._above[invited] = self.of(referrer)
