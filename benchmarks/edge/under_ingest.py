"""Assignment while events are ingested: latency from the intended moment, with nobody waiting for anybody."""

import asyncio
from collections.abc import Iterator

from benchmarks.edge.open_loop import Stream, errors, latencies, percentile_ms, run_load
from benchmarks.edge.over_http import shop
from benchmarks.edge.table import Figure, Plan
from benchmarks.edge.traffic import accepted, new_events, questions

PER_SECOND, EVENTS_PER_SECOND, BATCH = 300, 1_000, 20
MOST_MS = 50.0


async def _together(seconds: float, *streams: Stream) -> None:
    await asyncio.gather(*(stream.run(seconds) for stream in streams))


def measure(plan: Plan) -> Iterator[Figure]:
    """Questions alone, then with events, on the embedded default."""
    seconds = plan.pick(60, 10)
    with shop(plan.folder / "ingest") as made:
        run_load(
            _together(3, questions(made, PER_SECOND), new_events(made, EVENTS_PER_SECOND, BATCH, "warm"))
        )
        alone, asked = questions(made, PER_SECOND), questions(made, PER_SECOND)
        run_load(_together(plan.pick(20, 5), alone))
        events = new_events(made, EVENTS_PER_SECOND, BATCH, "event")
        run_load(_together(seconds, asked, events))
    stored, wanted = accepted(events.answered), int(EVENTS_PER_SECOND * seconds)
    failed, high = errors(asked.answered) + errors(events.answered), percentile_ms(asked.answered, 0.99)
    yield Figure(
        f"{PER_SECOND} questions a second for {seconds} s, open loop, {EVENTS_PER_SECOND:,} events a second "
        f"ingested meanwhile (batches of {BATCH})",
        f"{latencies(asked.answered)}, {failed} errors; without events {latencies(alone.answered)}; "
        f"{stored:,} of {wanted:,} events stored, {latencies(events.answered)}",
        f"p99 ≤ {MOST_MS:g} ms, 0 errors",
        high <= MOST_MS and failed == 0 and stored == wanted,
    )
