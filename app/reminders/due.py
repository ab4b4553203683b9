"""Which of the candidates are to be messaged now: each person once, if it neither bought nor unsubscribed."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, NamedTuple

from app.ledger.histories import (
    Exposure,
    Purchase,
    Reader,
    Sign,
    exposures_of,
    numbers_of,
    purchases_of,
    signs_of,
)
from app.reminders.candidates import LATE_US, STRIDE, Candidate, Place, Source, candidates
from app.serving.people import Ids, People
from assignment.decision import Assigned, decide
from assignment.panel import unit_of, unit_rule

MOST_LOOKED_AT: Final = 5_000
"""Candidates that one page judges at most."""


class Due(NamedTuple):
    """One message to send.

    Attributes:
        candidate: the exposure.
        unit_id: of the experiment.
        person: all ids of whom to message.
        event_id: of the `message_sent` that answers; the same for one unit however often it is listed.
    """

    candidate: Candidate
    unit_id: str
    person: Ids
    event_id: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the process knows without the ledger.

    Attributes:
        people: all ids of one person.
        enrolled: experiment and unit → whether it was exposed before the freeze.
    """

    people: People
    enrolled: Callable[[str, str], bool]


@dataclass(slots=True)
class Page:
    """Messages in the order in which they fall due, and where the next page begins; None: there is none."""

    items: list[Due] = field(default_factory=list)
    next: Place | None = None


def due_page(  # noqa: PLR0913, PLR0917 - what is asked, of whom
    reader: Reader, known: Known, sources: Sequence[Source], at_us: int, after: Place | None, limit: int
) -> Page:
    """One page of the messages that are due.

    Args:
        reader: reads the ledger, in one state of it.
        known: who is who.
        sources: variants that remind.
        at_us: the moment asked about.
        after: where the page before ended, or None.
        limit: most messages of the page.
    """
    page, seen, looked_at = Page(), set[tuple[str, str]](), 0
    stream = candidates(reader, sources, at_us, after)
    while batch := list(islice(stream, STRIDE)):
        for candidate, due in _judged(reader, known, batch, _Earlier(at_us, after)):
            if len(page.items) == limit:
                return page
            page.next = Place(candidate.due_us, candidate.seq)
            if due is not None and (due.candidate.source.served.key, due.unit_id) not in seen:
                seen.add((due.candidate.source.served.key, due.unit_id))
                page.items.append(due)
        looked_at += len(batch)
        if looked_at >= MOST_LOOKED_AT:
            return page
    page.next = None
    return page


def _judged(
    reader: Reader, known: Known, batch: Sequence[Candidate], earlier: "_Earlier"
) -> Iterator[tuple[Candidate, Due | None]]:
    persons = [known.people.ids_of(one.visitor_id, one.customer_id) for one in batch]
    books = _Books(reader, persons)
    _look_back(reader, batch, books, earlier)
    for candidate, person in zip(batch, persons, strict=True):
        yield candidate, _judge(candidate, person, known, books, earlier)


def _judge(
    candidate: Candidate, person: Ids, known: Known, books: "_Books", earlier: "_Earlier"
) -> Due | None:
    served = candidate.source.served
    unit_id = _unit_id(candidate, person)
    numbers = books.numbers(person)
    if unit_id is None or not numbers or books.is_silenced(served.key, numbers):
        return None
    last_us = books.last_order_us(numbers)
    if last_us is not None and last_us >= candidate.occurred_us:
        return None
    if not _is_assigned(candidate, unit_id, known) or earlier.forestalls(candidate, numbers, last_us):
        return None
    return Due(candidate, unit_id, person, _event_id(served.key, books.number_of(unit_id, person)))


def _unit_id(candidate: Candidate, person: Ids) -> str | None:
    rule = unit_rule(candidate.source.served.rules)
    visitor = person.visitors[0] if person.visitors else None
    return unit_of(rule, visitor, person.customers[0] if person.customers else None)


def _is_assigned(candidate: Candidate, unit_id: str, known: Known) -> bool:
    """Whether the unit has this variant today: a freeze or a decision may have come since the exposure."""
    served = candidate.source.served
    if served.state == "frozen":
        is_old = candidate.occurred_us < (served.frozen_at_us or 0)
        return is_old or known.enrolled(served.key, unit_id)
    if served.state != "decided":
        return True
    found = decide(candidate.source.rules, unit_id, {})
    return isinstance(found, Assigned) and found.variant == candidate.source.variant


def _event_id(experiment: str, number: int) -> str:
    """Says nothing about the person, not even to somebody who has the ids: numbers are random."""
    digest = hashlib.sha256(f"{experiment}:{number}".encode()).hexdigest()
    return f"reminder-{digest[:32]}"


class _Books:
    """What the ledger holds about some persons, read at once."""

    def __init__(self, reader: Reader, persons: Sequence[Ids]) -> None:
        visitors = {one for person in persons for one in person.visitors}
        customers = {one for person in persons for one in person.customers}
        self._visitors = numbers_of(reader, "visitor", sorted(visitors))
        self._customers = numbers_of(reader, "customer", sorted(customers))
        self.all_numbers = [*self._visitors.values(), *self._customers.values()]
        orders = purchases_of(reader, self.all_numbers)
        self._orders = _by_number(one for one in orders if one.is_paid)
        self._signs = _by_number(signs_of(reader, self.all_numbers))

    def numbers(self, person: Ids) -> set[int]:
        """The numbers of a person's ids."""
        found = [self._visitors.get(one) for one in person.visitors]
        found += [self._customers.get(one) for one in person.customers]
        return {one for one in found if one is not None}

    def number_of(self, unit_id: str, person: Ids) -> int:
        """The number of the unit; 0 where the ledger never saw its id."""
        of_kind = self._visitors if unit_id in person.visitors else self._customers
        return of_kind.get(unit_id, 0)

    def last_order_us(self, numbers: set[int]) -> int | None:
        """When the person last bought anything; an order that was cancelled needs no reminder either."""
        orders = (order for number in numbers for order in self._orders.get(number, ()))
        return max((order.occurred_us for order in orders), default=None)

    def is_silenced(self, experiment: str, numbers: set[int]) -> bool:
        """Whether the person got the experiment's message, or wants none."""
        signs = (sign for number in numbers for sign in self._signs.get(number, ()))
        return any(sign.type == "custom" or sign.experiment == experiment for sign in signs)


def _by_number(rows: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Purchase | Sign]] = {}
    for row in rows:
        for number in (row.visitor, row.customer):
            if number is not None:
                found.setdefault(number, []).append(row)
    return found


class _Earlier:
    """Exposures of some persons in the time looked at, by experiment and number.

    Args:
        at_us: the moment asked about.
        after: where the page before ended, or None.
    """

    def __init__(self, at_us: int, after: Place | None) -> None:
        self._after = after or Place(0, 0)
        self._too_late_us = at_us - LATE_US
        self._found: dict[tuple[str, int], list[Exposure]] = {}

    def add(self, experiment: str, exposures: Sequence[Exposure]) -> None:
        """Take in exposures of an experiment."""
        for one in exposures:
            for number in (one.visitor, one.customer):
                if number is not None:
                    self._found.setdefault((experiment, number), []).append(one)

    def forestalls(self, candidate: Candidate, numbers: set[int], last_order_us: int | None) -> bool:
        """Whether an earlier exposure of the person takes this one's place.

        One of the last 24 hours under another variant does: the person belongs to the variant it saw first.
        One under the same does if a page before this one has listed it.
        """
        source = candidate.source
        found = [one for number in numbers for one in self._found.get((source.served.key, number), ())]
        place = (candidate.occurred_us, candidate.seq)
        if _belongs_elsewhere(source, found, place):
            return True
        same = (one for one in found if one.variant == source.variant and (one.occurred_us, one.seq) < place)
        return any(self._was_listed(source, found, one, last_order_us) for one in same)

    def _was_listed(
        self, source: Source, found: Sequence[Exposure], one: Exposure, last_order_us: int | None
    ) -> bool:
        due_us = one.occurred_us + source.delay_us
        if not self._too_late_us < due_us or (due_us, one.seq) > self._after:
            return False
        if last_order_us is not None and one.occurred_us <= last_order_us:
            return False
        return not _belongs_elsewhere(source, found, (one.occurred_us, one.seq))


def _belongs_elsewhere(source: Source, found: Sequence[Exposure], place: tuple[int, int]) -> bool:
    """Whether the person saw another variant in the 24 hours before; after a decision that is the past."""
    low = (place[0] - LATE_US, 0)
    others = (one for one in found if one.variant != source.variant)
    return source.served.state != "decided" and any(
        low <= (one.occurred_us, one.seq) < place for one in others
    )


def _look_back(reader: Reader, batch: Sequence[Candidate], books: _Books, earlier: _Earlier) -> None:
    """Find exposures that could take the place of these."""
    for key in sorted({one.source.served.key for one in batch}):
        moments = [one.occurred_us for one in batch if one.source.served.key == key]
        span = (min(moments) - 2 * LATE_US, max(moments))
        earlier.add(key, exposures_of(reader, key, span, books.all_numbers))
