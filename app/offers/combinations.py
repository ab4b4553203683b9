"""Which offers may apply together: cliques of offers that name each other, or one exclusive offer. Pure."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from app.offers.ready import Ready
from app.offers.standing import Live

MOST_COMBINATIONS: Final = 200
"""Beyond so many the search ends with the best found so far; shops combine a handful."""

_MOST_SUBSETS_OF: Final = 6


def may_combine(one: Ready, other: Ready) -> bool:
    """Whether two offers may apply to the same order: each names the other, or one costs nothing.

    Two offers of one experiment never do.
    """
    if not (one.competes and other.competes):
        return True
    if one.experiment == other.experiment:
        return False
    return other.experiment in one.partners and one.experiment in other.partners


def allowed(live: Sequence[Live]) -> Iterator[list[Live]]:
    """Every largest allowed combination, and those without some of its discounts on lines.

    A discount on lines can keep the rest below another offer's threshold, or use up the pieces that another
    one would take more off, so it is also left out in turn.
    """
    linked = {place: _friends(live, place) for place in range(len(live))}
    together = [place for place, friends in linked.items() if friends]
    count = 0
    for place, friends in linked.items():
        if not friends:
            yield [live[place]]
    mutual = len(together) > 1 and all(len(linked[place]) == len(together) - 1 for place in together)
    cliques = [set(together)] if mutual else _cliques(linked, set(), set(together), set())
    for clique in cliques:
        for found in _without_line_discounts([live[place] for place in sorted(clique)]):
            yield found
            count += 1
            if count >= MOST_COMBINATIONS:
                return


def _friends(live: Sequence[Live], place: int) -> set[int]:
    mine = live[place].ready
    if not mine.partners:
        return set()
    return {
        other for other, candidate in enumerate(live) if other != place and may_combine(mine, candidate.ready)
    }


def _cliques(
    linked: dict[int, set[int]], clique: set[int], candidates: set[int], done: set[int]
) -> Iterator[set[int]]:
    """Bron and Kerbosch (1973) with a pivot: every set that cannot grow."""
    if not candidates and not done:
        if clique:
            yield clique
        return
    pivot = max(candidates | done, key=lambda place: (len(linked[place] & candidates), -place))
    for place in sorted(candidates - linked[pivot]):
        yield from _cliques(linked, clique | {place}, candidates & linked[place], done & linked[place])
        candidates = candidates - {place}
        done = done | {place}


def _without_line_discounts(clique: list[Live]) -> Iterator[list[Live]]:
    of_lines = [one for one in clique if one.ready.of_lines]
    others = [one for one in clique if not one.ready.of_lines]
    yield clique
    if not of_lines or len(clique) == 1:
        return
    sizes = range(len(of_lines) - 1, -1, -1) if len(of_lines) <= _MOST_SUBSETS_OF else (0,)
    for size in sizes:
        for kept in combinations(of_lines, size) if size or others else ():
            yield [one for one in clique if not one.ready.of_lines or one in kept]
