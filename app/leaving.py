"""Whether this process has been told to go: open streams end at once, running requests are finished."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_leaving = threading.Event()


def is_leaving() -> bool:
    """Whether the end has begun; never taken back outside of tests."""
    return _leaving.is_set()


@contextmanager
def told_to_leave() -> Iterator[None]:
    """Notice SIGTERM and SIGINT while a block runs, before the server's own handler does its part.

    The server stops accepting and waits for its connections to end, and only then tells the application:
    too late for a stream, which ends when it is told. Off the main thread signals are somebody else's.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, frame: FrameType | None) -> None:
        _leaving.set()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _leaving.clear()
