"""What a shop asks and what it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Source = Literal["local", "server", "fallback"]

LONGEST_ID = 200
"""Characters of an id that the service takes."""

BAD_KEY = "BAD_KEY"
CLOSED = "CLOSED"
INVALID_ID = "INVALID_ID"
NO_ANSWER = "NO_ANSWER"
TIMEOUT = "TIMEOUT"
UNKNOWN_EXPERIMENT = "UNKNOWN_EXPERIMENT"


@dataclass(frozen=True, slots=True)
class Question:
    """One unit and one experiment.

    Attributes:
        experiment: its key.
        visitor_id: the visitor, or None.
        customer_id: the customer, or None.
        attributes: what the audience is matched against.
        default: the offer where neither the rules nor a fallback give one.
    """

    experiment: str
    visitor_id: str | None
    customer_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    default: Any = None

    def has_usable_ids(self) -> bool:
        """Whether the service would take these ids."""
        ids = (self.visitor_id or "", self.customer_id or "")
        return all(len(each) <= LONGEST_ID and "\0" not in each for each in ids)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one unit is offered.

    Attributes:
        experiment: key of the experiment.
        variant: key of its variant, or None outside.
        offer: terms of the offer: of the variant, else the experiment's fallback, else the caller's default.
        reason: as of the assignments door (`SPLIT`, `NOT_TARGETED` …); of a fallback `TIMEOUT` (no answer
            within the budget), `NO_ANSWER` (unreachable or busy), `BAD_KEY`, `UNKNOWN_EXPERIMENT`,
            `INVALID_ID` or `CLOSED`.
        in_experiment: whether its exposure enters the analysis.
        source: `local` (decided here), `server` (asked), `fallback` (neither could be done).
        stale: the rules it was decided by have not been confirmed for a while.
        version: of the experiment, or None.
        visitor_id: who was asked about; `customer_id` likewise.
    """

    experiment: str
    variant: str | None
    offer: Any
    reason: str
    in_experiment: bool
    source: Source
    stale: bool = False
    version: int | None = None
    visitor_id: str | None = None
    customer_id: str | None = None
