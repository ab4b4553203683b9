"""Streams of traffic: questions about all experiments, and new events."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle

from benchmarks.edge.against_growthbook import our_answer, our_side
from benchmarks.edge.open_loop import Answered, Stream, request
from benchmarks.edge.over_http import ASSIGNMENTS, OFREP, Shop
from benchmarks.edge.shop import people

EXPOSED = 29
"""Position of an experiment that covers everybody."""


def questions(made: Shop, per_second: float, count: int = 2_000) -> Stream:
    """OFREP and assignments in turn, about everything, for many people."""
    url, headers = made.live.url, made.headers("srv")
    wanted = []
    for number, person in enumerate(people(count)):
        path, body = (OFREP, person.ofrep()) if number % 2 else (ASSIGNMENTS, person.assignments())
        wanted.append(request(url, path, headers, body))
    return Stream(url, cycle(wanted), per_second)


def new_events(made: Shop, events_per_second: float, batch: int, name: str) -> Stream:
    """Batches of events nobody has seen before: of ten people three orders and seven exposures."""
    panel, everybody = our_side(), list(people(1_000, seed=23))
    shown = [(person.visitor_id, str(our_answer(panel, person)[EXPOSED])) for person in everybody]
    return Stream(made.live.url, _batches(made, shown, batch, name), events_per_second / batch)


def _batches(made: Shop, shown: Sequence[tuple[str, str]], batch: int, name: str) -> Iterator[bytes]:
    url, headers, at = made.live.url, made.headers("srv"), datetime.now(UTC).isoformat()
    number = 0
    while True:
        events = []
        for _ in range(batch):
            number += 1
            visitor, variant = shown[number % len(shown)]
            common = {"event_id": f"{name}-{number:09d}", "occurred_at": at, "visitor_id": visitor}
            if number % 10 < 3:
                money = {"currency": "RUB", "items_minor": 150_000, "discount_minor": 0, "shipping_minor": 0}
                events.append({**common, "type": "order", "order_id": f"{name}-{number:09d}", **money})
            else:
                seen = {"experiment": f"experiment-{EXPOSED:02d}", "variant": variant}
                events.append({**common, "type": "exposure", **seen})
        yield request(url, "/api/v1/events", headers, json.dumps({"events": events}).encode())


def accepted(answered: list[Answered]) -> int:
    """How many events were acknowledged as new.

    Raises:
        SystemExit: an event was refused: then the traffic is not what it says.
    """
    total = 0
    for one in answered:
        if one.status == 200:
            told = json.loads(one.body)
            if told["rejected"]:
                raise SystemExit(f"events were refused: {told['rejected'][:2]}")
            total += int(told["accepted"])
    return total
