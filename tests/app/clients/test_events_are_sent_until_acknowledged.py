"""Events: none lost, none counted twice, the queue bounded. Oracle: what the receiving end stored and saw."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients import AsyncClient, Client, Options
from app.clients.exchange import EVENTS, MESSAGES
from app.clients.outbox import BATCH_BYTES, Outbox, Waiting
from app.clients.timing import full_jitter, next_wait, retry_after_seconds
from app.clients.tracking import uuid7
from tests.app.clients.bad_service import BadService
from tests.app.clients.conftest import HurriedClock

KEY = "olk_srv_key"


def every_other(verdict: int | str) -> Callable[[BadService, str], int | str]:
    """A plan: each second batch of events fares badly."""
    turn = itertools.count()
    return lambda _service, path: verdict if path == EVENTS and next(turn) % 2 == 0 else "fine"


def options(clock: HurriedClock, **more: int) -> Options:
    return Options(clock=clock, rng=Random(7), **more)  # type: ignore[arg-type]  # only whole numbers here


def _send(bad: BadService, clock: HurriedClock, flush_seconds: float = 20) -> tuple[list[str], Client]:
    """Report events one after the other under a service that misbehaves; the ids, and the closed client."""
    with Client(bad.url, KEY, options(clock)) as client:
        ids = []
        for number in range(40):
            found = client.track_custom(f"n-{number}", visitor_id="v", value=number)
            ids.append(str(found))
            if number % 8 == 7:
                client.flush(flush_seconds)
    return ids, client


def _faults(bad: BadService, ids: Sequence[str]) -> list[str]:
    """What is wrong with what arrived."""
    lost = len(set(ids) - set(bad.stored))
    strange = len(set(bad.stored) - set(ids))
    return ["lost"] * bool(lost) + ["counted twice"] * bool(strange)


@pytest.mark.parametrize("verdict", ["drop", 503, 500, 404, 401])
def test_whatever_goes_wrong_on_the_way_each_event_is_stored_once(
    bad: BadService, clock: HurriedClock, verdict: int | str
) -> None:
    bad.plan = every_other(verdict)
    ids, client = _send(bad, clock)
    assert _faults(bad, ids) == []
    assert client.queued == 0
    assert client.deliveries.retries >= 5
    assert client.deliveries.accepted + client.deliveries.duplicates == 40
    if verdict == "drop":  # stored, but the answer was lost: sent again under the same ids
        assert len(bad.delivered) > 40
        assert client.deliveries.duplicates > 0


def test_the_oracle_sees_a_client_that_forgets_what_it_has_tried(
    bad: BadService, clock: HurriedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted bug: a batch leaves the queue before it is acknowledged."""
    whole = Outbox.batch

    def forgetful(self: Outbox, most: int = 500) -> list[Waiting]:
        chosen = whole(self, most)
        finish(self, chosen)
        return chosen

    finish = Outbox.finish
    monkeypatch.setattr(Outbox, "batch", forgetful)
    monkeypatch.setattr(Outbox, "finish", lambda _self, _batch: None)
    bad.plan = every_other(503)
    ids, _ = _send(bad, clock, flush_seconds=0.3)
    assert _faults(bad, ids) == ["lost"]


def test_the_oracle_sees_a_client_that_makes_a_new_id_for_each_try(
    bad: BadService, clock: HurriedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted bug: the id is made when the batch is written."""
    from app.clients import sending

    rng = Random(3)

    def envelope(batch: Sequence[Waiting]) -> bytes:
        events = [msgspec.json.decode(event.body) | {"event_id": uuid7(1, rng)} for event in batch]
        return msgspec.json.encode({"events": events})

    monkeypatch.setattr(sending, "envelope", envelope)
    bad.plan = every_other("drop")
    ids, _ = _send(bad, clock)
    assert "counted twice" in _faults(bad, ids)


# ---- patience


def _patience(bad: BadService, clock: HurriedClock) -> list[float]:
    """The waits of a client that is told once to come back after 7 seconds."""
    turn = itertools.count()
    bad.retry_after = "7"
    bad.plan = lambda _service, path: 503 if path == EVENTS and next(turn) == 0 else "fine"
    with Client(bad.url, KEY, options(clock)) as client:
        client.track_custom("n", visitor_id="v")
        assert client.flush(20)
    assert len(bad.stored) == 1
    return clock.waits


def test_a_retry_waits_as_long_as_the_service_asks(bad: BadService, clock: HurriedClock) -> None:
    assert any(7 <= wait <= 7.2 for wait in _patience(bad, clock))


def test_the_oracle_sees_a_client_that_ignores_retry_after(
    bad: BadService, clock: HurriedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted bug: only the jitter is waited for."""
    monkeypatch.setattr(
        "app.clients.sending.next_wait", lambda attempt, _header, rng, _now: full_jitter(attempt, rng)
    )
    assert not any(7 <= wait <= 7.2 for wait in _patience(bad, clock))


def test_a_second_retry_after_of_zero_is_a_bare_jitter() -> None:
    assert next_wait(0, "0", Random(1), 0) == full_jitter(0, Random(1))


@given(attempt=st.integers(0, 10_000), seed=st.integers(0, 99))
def test_full_jitter_is_between_nothing_and_a_bound_that_doubles(attempt: int, seed: int) -> None:
    assert 0 <= full_jitter(attempt, Random(seed)) <= min(30.0, 0.2 * 2 ** min(attempt, 20))


def test_jitter_uses_the_whole_span_and_only_the_given_chance() -> None:
    rng = Random(5)
    waits = sorted(full_jitter(10, rng) for _ in range(1000))
    assert waits[50] < 3
    assert waits[950] > 27
    assert [full_jitter(3, Random(5))] * 2 == [full_jitter(3, Random(5)) for _ in range(2)]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3), (" 3 ", 3), ("", 0), (None, 0), ("-5", 0), ("٣", 0), ("99999999", 3600), ("x" * 99, 0),
     ("Thu, 01 Jan 1970 00:00:05 GMT", 4), ("Thu, 01 Jan 1960 00:00:05 GMT", 0)],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float) -> None:
    assert retry_after_seconds(header, 1_000_000) == seconds


# ---- the queue


def test_a_full_queue_drops_newcomers_counts_them_and_keeps_room_for_orders() -> None:
    box = Outbox(10)
    page_views = [box.put(Waiting(EVENTS, b"{}"), is_vital=False) for _ in range(12)]
    orders = [box.put(Waiting(EVENTS, b"{}"), is_vital=True) for _ in range(5)]
    assert page_views == [True] * 8 + [False] * 4
    assert orders == [True] * 2 + [False] * 3
    assert (len(box), box.counts.dropped) == (10, 7)


def test_the_client_counts_what_it_drops_and_says_so(bad: BadService, clock: HurriedClock) -> None:
    bad.plan = lambda _service, _path: 503
    client = Client(bad.url, KEY, options(clock, queue_limit=10))
    said = [client.track_custom("seen", visitor_id="v") for _ in range(10)]
    ordered = client.track_order("o-1", "RUB", 100, visitor_id="v")
    assert [event is None for event in said] == [False] * 8 + [True] * 2
    assert ordered is not None
    assert client.deliveries.dropped == 2
    assert client.close(0.1) == 9  # not acknowledged in time: said, not hidden


def test_batches_keep_the_order_one_door_and_the_size() -> None:
    box = Outbox(10_000)
    big = b'{"a":"%b"}' % (b"x" * (BATCH_BYTES // 3))
    sent = [Waiting(EVENTS, big)] * 4 + [Waiting(MESSAGES, b"{}")] * 2 + [Waiting(EVENTS, b"{}")] * 700
    for event in sent:
        box.put(event, is_vital=True)
    got = []
    while batch := box.batch():
        assert len({event.door for event in batch}) == 1
        assert sum(len(event.body) for event in batch) <= BATCH_BYTES
        assert len(batch) <= 500
        box.finish(batch)
        got += batch
    assert got == sent


def test_a_poisoned_event_is_found_given_up_and_counted_alone(bad: BadService, clock: HurriedClock) -> None:
    def plan(service: BadService, path: str) -> int | str:
        return 422 if path == EVENTS and b'"poison"' in service.last_body else "fine"

    bad.plan = plan
    with Client(bad.url, KEY, options(clock)) as client:
        for number in range(9):
            client.track_custom("poison" if number == 4 else f"n-{number}", visitor_id="v")
        assert client.flush(20)
        assert (client.deliveries.accepted, client.deliveries.refused) == (8, 1)
    assert len(bad.stored) == 8


def test_what_cannot_be_written_as_json_is_counted_and_money_must_be_whole(
    bad: BadService, clock: HurriedClock
) -> None:
    with Client(bad.url, KEY, options(clock)) as client:
        assert client.track_custom("seen", visitor_id="lone \ud800") is None
        assert client.deliveries.refused == 1
        with pytest.raises(ValueError, match=r"items_minor is 10\.5"):
            client.track_order("o", "RUB", 10.5)  # type: ignore[arg-type]  # the mistake that is tried


def test_ids_are_uuid_version_7_sort_by_time_and_differ() -> None:
    from uuid import UUID

    rng = Random(1)
    made = [uuid7(milliseconds * 1000, rng) for milliseconds in range(1000)]
    assert made == sorted(set(made))
    assert {(UUID(one).version, UUID(one).variant) for one in made} == {(7, "specified in RFC 4122")}
    assert UUID(made[999]).int >> 80 == 999


def test_the_async_client_delivers_too(bad: BadService, clock: HurriedClock) -> None:
    bad.plan = every_other("drop")

    async def report() -> tuple[str | None, int]:
        async with AsyncClient(bad.url, KEY, options(clock)) as client:
            event = client.track_refund("r-1", "o-1", 500)
            assert await client.flush(20)
            return event, client.deliveries.duplicates

    event, duplicates = asyncio.run(report())
    assert list(bad.stored) == [event]
    assert duplicates == 1
