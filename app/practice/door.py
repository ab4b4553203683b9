"""The service as a shop's server calls it: several calls at once, waiting when told to."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Final, Self, TypeVar

from app.practice.wire import Answer, HttpWire, Unreachable, Wire

BATCH: Final = 1000
_AT_ONCE: Final = 16
_TRIES: Final = 20
_LONGEST_WAIT_SECONDS: Final = 30.0
_WAITING: Final = frozenset({429, 503})
Given = TypeVar("Given")
Got = TypeVar("Got")


class Stopped(Exception):  # noqa: N818 - reads better where it is caught
    """The run cannot go on; the message says why and never holds the key."""


class Door:
    """The service's HTTP API.

    Args:
        url: address of the service.
        key: an adm key: it defines experiments as a manager does and sends orders as a shop does.
        pause: waits so many seconds.
        wire: what calls go over, for tests; HTTP to the address otherwise.
    """

    def __init__(
        self,
        url: str,
        key: str,
        pause: Callable[[float], None] = time.sleep,
        wire: Wire | None = None,
    ) -> None:
        try:
            self._wire = wire or HttpWire(url, {"authorization": f"Bearer {key}"})
        except Unreachable as error:
            raise Stopped(str(error)) from None
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self.pause = pause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._wire.close()

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """One call and its answer, whatever it is; 429 and 503 are tried again when `Retry-After` says.

        Raises:
            Stopped: there is no answer, or none but "later" for too long.
        """
        for _ in range(_TRIES):
            try:
                answer = self._wire.exchange(method, path, body)
            except Unreachable as error:
                raise Stopped(str(error)) from None
            if answer.status not in _WAITING:
                return answer
            self.pause(wait_seconds(answer.retry_after))
        raise Stopped(f"{method} {path}: still {answer.status} after {_TRIES} tries")

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call; anything but success stops the run with the service's own words.

        Raises:
            Stopped: the service refused or is not there.
        """
        answer = self.ask(method, path, body)
        if not answer.is_success:
            raise Stopped(f"{method} {path}: {answer.status} {_words(answer)}")
        try:
            return answer.json()
        except ValueError:
            raise Stopped(
                f"{method} {path}: the answer is no JSON; is this the address of Offerlab?"
            ) from None

    def each(self, work: Callable[[Given], Got], given: Sequence[Given]) -> list[Got]:
        """The same work for many, several at once; answers in the order of what was given."""
        return list(self._pool.map(work, given))

    def send(self, events: Iterable[dict[str, Any]]) -> int:
        """Events in batches; how many there were.

        Raises:
            Stopped: one was rejected.
        """
        sent = 0
        for batch in batches(events):
            answer = self.call("POST", "/api/v1/events", {"events": batch})
            if answer["rejected"]:
                raise Stopped(f"the service rejected an event: {answer['rejected'][0]}")
            sent += len(batch)
        return sent


def wait_seconds(retry_after: str | None) -> float:
    """How long to wait, from a `Retry-After` in whole seconds; a second where there is none.

    >>> wait_seconds("3"), wait_seconds(None), wait_seconds("900"), wait_seconds("soon")
    (3.0, 1.0, 30.0, 1.0)
    """
    given = float(retry_after) if retry_after is not None and retry_after.isdecimal() else 1.0
    return min(given, _LONGEST_WAIT_SECONDS)


def batches(events: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Events, at most 1,000 at a time."""
    rest = iter(events)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _words(answer: Answer) -> str:
    """What a refusal says."""
    try:
        problem = answer.json()
        named = f"{problem['field']}: " if problem.get("field") else ""
        return f"{named}{problem['detail']}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer.text[:200]
