"""`assign` never takes longer than its budget, whatever the service does. Oracle: this machine's clock."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from app.clients import AsyncClient, Client, Options
from tests.app.clients.bad_service import BadService, silent_socket

BUDGET = 0.4  # a fifth of it is left when the client gives up; other processes share this machine
PATIENT = Options(budget_seconds=BUDGET)


@contextmanager
def dripping_socket() -> Iterator[str]:
    """Sends one byte of an endless header every 10 ms, so that no single read takes long."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
                while not over.wait(0.01):
                    connection.sendall(b"a")
            except OSError:
                return

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=drip, args=(connection,))
            threads.append(thread)
            thread.start()

    threads: list[threading.Thread] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        acceptor = threading.Thread(target=accept, args=(listener,))
        acceptor.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def _took(url: str, options: Options, calls: int = 8) -> tuple[list[float], set[str]]:
    """Seconds of each call, sorted, and the reasons given; after a first call, which loads modules."""
    with_reasons: set[str] = set()
    took = []
    client = Client(url, "olk_srv_key", options)
    try:
        client.assign("e", "v")
        for number in range(calls):
            begun = time.perf_counter()
            answer = client.assign("e", f"v-{number}", default={"kind": "none"})
            took.append(time.perf_counter() - begun)
            assert (answer.source, answer.variant, answer.offer) == ("fallback", None, {"kind": "none"})
            with_reasons.add(answer.reason)
    finally:
        client.close(0.05)
    return sorted(took), with_reasons


@pytest.mark.parametrize("service", [silent_socket, dripping_socket])
def test_a_service_that_hangs_or_drips_costs_no_more_than_the_budget(
    service: Callable[[], AbstractContextManager[str]],
) -> None:
    with service() as url:
        took, reasons = _took(url, PATIENT)
    assert took[-1] < BUDGET
    assert "TIMEOUT" in reasons


def test_the_default_budget_is_50_ms() -> None:
    assert Options().budget_seconds == 0.05
    with silent_socket() as url:
        took, _ = _took(url, Options(), calls=4)
    assert took[1] < 0.05
    assert took[-1] < 0.05 + 0.05  # other processes share this machine's processors


def test_after_a_few_timeouts_the_service_is_left_in_peace_and_shoppers_do_not_wait() -> None:
    with silent_socket() as url, Client(url, "olk_srv_key", PATIENT) as client:
        reasons = [client.assign("e", f"v-{number}").reason for number in range(8)]
        assert reasons[0] == "TIMEOUT"
        assert "NO_ANSWER" in reasons
        assert client.asked < 8
        assert client.fallbacks == 8


def test_the_async_client_keeps_the_budget_too() -> None:
    async def measure(url: str) -> tuple[float, str]:
        async with AsyncClient(url, "olk_srv_key", PATIENT) as client:
            await client.assign("e", "v")
            begun = time.perf_counter()
            answer = await client.assign("e", "v")
            took = time.perf_counter() - begun
            await client.close(0.05)
            return took, answer.reason

    with silent_socket() as url:
        took, reason = asyncio.run(measure(url))
    assert took < BUDGET
    assert reason == "TIMEOUT"


def test_many_threads_at_once_keep_the_budget() -> None:
    took: list[float] = []

    def ask(client: Client) -> None:
        begun = time.perf_counter()
        client.assign("e", "v")
        took.append(time.perf_counter() - begun)

    with silent_socket() as url, Client(url, "olk_srv_key", PATIENT) as client:
        client.assign("e", "v")
        threads = [threading.Thread(target=ask, args=(client,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.close(0.05)
    assert len(took) == 20
    assert max(took) < BUDGET


def test_the_measurement_sees_a_client_without_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted bug: nobody watches the clock; httpx's own timeout, per read, does not help against drips."""
    monkeypatch.setattr("app.clients.asking.ASKING_SHARE", 3.0)
    monkeypatch.setattr("app.clients.client.WAITING_SHARE", 3.0)
    with dripping_socket() as url:
        took, _ = _took(url, PATIENT, calls=1)
    assert took[-1] > BUDGET


def test_a_refused_connection_is_a_fallback_at_once() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    took, reasons = _took(f"http://127.0.0.1:{port}", PATIENT, calls=3)
    assert took[-1] < BUDGET
    assert reasons == {"NO_ANSWER"}


def test_a_busy_service_is_not_asked_again_before_it_said(bad: BadService) -> None:
    bad.plan, bad.retry_after = lambda _service, path: 503 if "assign" in path else "drop", "30"
    with Client(bad.url, "olk_srv_key", PATIENT) as client:
        for _ in range(5):
            assert client.assign("e", "v").reason == "NO_ANSWER"
        assert client.asked == 1
        client.close(0.05)


def test_after_close_answers_are_fallbacks_and_nothing_raises() -> None:
    with silent_socket() as url:
        client = Client(url, "olk_srv_key", PATIENT)
        client.close(0.05)
        assert client.assign("e", "v").reason == "CLOSED"
        assert client.close() == 0
        assert client.track_custom("seen", visitor_id="v") is None
        assert client.deliveries.dropped == 1


@pytest.mark.parametrize("visitor", ["a" * 201, "nul\0", "lone \ud800"])
def test_an_id_the_service_would_refuse_is_a_fallback(bad: BadService, visitor: str) -> None:
    with Client(bad.url, "olk_srv_key", PATIENT) as client:
        answer = client.assign("e", visitor, default="kept")
        assert (answer.source, answer.offer) == ("fallback", "kept")
