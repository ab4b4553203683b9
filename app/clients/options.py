"""How a client behaves; the defaults suit a shop's server."""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom

import httpx

from app.clients.timing import Clock, SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that can be set.

    Attributes:
        cache_path: file that keeps the last rules, so that a restarted shop works while the service is away;
            None keeps none.
        budget_seconds: how long `assign` may take at most, whatever happens.
        poll_seconds: how often it is asked whether the rules have changed.
        stale_after_seconds: after so long without a confirmation answers are marked as stale.
        send_seconds: how long an event may wait for others to be sent with.
        queue_limit: events that wait for the service at most; see `outbox`.
        clock: time; tests give their own.
        rng: chance for event ids and for jitter; a predictable one is for tests only.
        transport: of httpx; None is the network.

    Raises:
        ValueError: a duration or a limit is not above 0.
    """

    cache_path: Path | None = None
    budget_seconds: float = 0.05
    poll_seconds: float = 10.0
    stale_after_seconds: float = 60.0
    send_seconds: float = 1.0
    queue_limit: int = 10_000
    clock: Clock = field(default_factory=SystemClock)
    rng: Random = field(default_factory=SystemRandom)
    transport: httpx.AsyncBaseTransport | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("budget_seconds", "poll_seconds", "stale_after_seconds", "send_seconds", "queue_limit"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} is {value!r}; it must be above 0")
