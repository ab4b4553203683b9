"""Exposures that a reminder may follow, as they fall due; read by index, bounded in time."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from app.clock import MICROSECONDS
from app.ledger.histories import Reader, in_dialect
from app.ledger.rows import BOT
from app.ledger.tables import DEEDS
from app.offers.rewards import Reminder
from app.offers.schemas import parsed, public_offer
from app.serving.served import ServedExperiment
from assignment.decision import Experiment

HOUR_US: Final = 3600 * MICROSECONDS
LATE_HOURS: Final = 24
"""So many hours after it was due a reminder is too late."""
LATE_US: Final = LATE_HOURS * HOUR_US
STRIDE: Final = 1_000
"""Rows read at a time."""

_DEEDS_OF_M = DEEDS.replace("type", "m.type").replace("name", "m.name")
_UNANSWERED = "".join(
    f" AND NOT EXISTS (SELECT 1 FROM events m WHERE m.{kind} = e.{kind} AND {_DEEDS_OF_M}"  # noqa: S608 - names of ours only
    " AND m.type = 'message_sent' AND m.experiment = e.experiment)"
    for kind in ("visitor", "customer")
)
_CANDIDATES = (
    "SELECT e.seq, e.occurred_at_us, v.id, c.id FROM events e{by_time}"  # noqa: S608 - names of ours only
    " LEFT JOIN identifiers v ON v.number = e.visitor LEFT JOIN identifiers c ON c.number = e.customer"
    " WHERE e.experiment = :experiment AND e.type = 'exposure' AND e.variant = :variant"
    " AND e.occurred_at_us >= :low AND e.occurred_at_us <= :high"
    f" AND (e.occurred_at_us > :low OR e.seq > :after_seq) AND (e.flags & {BOT}) = 0{_UNANSWERED}"
    " ORDER BY e.occurred_at_us, e.seq LIMIT :stride"
)


class Place(NamedTuple):
    """Where a page begins: behind this moment and this row of the ledger."""

    due_us: int
    seq: int


class Source(NamedTuple):
    """One variant that reminds.

    Attributes:
        served: its experiment.
        variant: its key.
        delay_us: between the exposure and the message.
        terms: the offer as it is stored.
        rules: of the experiment, for everybody: who was exposed was of its audience.
    """

    served: ServedExperiment
    variant: str
    delay_us: int
    terms: dict[str, Any]
    rules: Experiment

    @property
    def shown(self) -> dict[str, Any]:
        """The offer as a browser may see it."""
        return public_offer(self.terms) or {}


class Candidate(NamedTuple):
    """One exposure; ordered by when its reminder falls due.

    Attributes:
        due_us: moment of the exposure + delay.
        seq: row of the ledger; breaks ties.
        occurred_us: moment of the exposure.
        visitor_id: as the exposure named it, or None; `customer_id` likewise.
        source: the variant.
    """

    due_us: int
    seq: int
    occurred_us: int
    visitor_id: str | None
    customer_id: str | None
    source: Source


def sources_of(served: ServedExperiment) -> list[Source]:
    """The variants of an experiment that remind.

    After a decision only the chosen variant reminds everybody; who is held back keeps the own variant.
    """
    found: list[Source] = []
    rules = replace(served.rules, condition=None)
    for variant in served.definition["variants"]:
        terms = variant["offer"]
        if terms is not None and terms["kind"] == "reminder":
            offer = parsed(dict(terms))
            assert isinstance(offer, Reminder)  # noqa: S101 - for the type checker
            found.append(Source(served, variant["key"], round(offer.delay_hours * HOUR_US), terms, rules))
    return found


def candidates(
    reader: Reader, sources: Sequence[Source], at_us: int, after: Place | None
) -> Iterator[Candidate]:
    """Exposures whose reminder is due and not too late, and whose sender was not told of a message yet."""
    streams = [_of_source(reader, source, at_us, after) for source in sources]
    return heapq.merge(*streams, key=lambda one: (one.due_us, one.seq))


def _of_source(reader: Reader, source: Source, at_us: int, after: Place | None) -> Iterator[Candidate]:
    high = at_us - source.delay_us
    low, after_seq = max(high - LATE_US + 1, _since_us(source.served)), 0
    if after is not None and after.due_us - source.delay_us >= low:
        low, after_seq = after.due_us - source.delay_us, after.seq
    while True:
        rows = reader.run(
            in_dialect(reader, _CANDIDATES),
            experiment=source.served.key,
            variant=source.variant,
            low=low,
            high=high,
            after_seq=after_seq,
            stride=STRIDE,
        ).fetchall()
        for seq, occurred_us, visitor_id, customer_id in rows:
            due_us = occurred_us + source.delay_us
            yield Candidate(due_us, seq, occurred_us, visitor_id, customer_id, source)
        if len(rows) < STRIDE:
            return
        after_seq, low = rows[-1][0], rows[-1][1]


def _since_us(served: ServedExperiment) -> int:
    """Exposures before the start are none of the test's; it begins with the whole second."""
    if served.starts_at_us is not None:
        return served.starts_at_us
    started_us = served.started_at_us or 0
    return started_us - started_us % MICROSECONDS
