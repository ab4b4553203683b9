"""A limit on guessing codes: so many unknown ones a minute per API key and address, then wait."""

from typing import Final

from app.access.service import Principal
from app.clock import MICROSECONDS
from app.edge.http import Scope
from app.errors import TooManyRequests

MOST_UNKNOWN: Final = 600
"""Unknown codes per key and address in a window; a shop's own server types them for all its shoppers."""
WINDOW_US: Final = 60 * MICROSECONDS
MOST_KEPT: Final = 10_000


class GuessLimit:
    """Counts unknown codes in memory; each process counts its own."""

    def __init__(self, most: int = MOST_UNKNOWN) -> None:
        self._most = most
        self._counted: dict[tuple[str, str], tuple[int, int]] = {}

    def admit(self, principal: Principal, scope: Scope, now_us: int) -> None:
        """Let a request pass, or not.

        Raises:
            TooManyRequests: too many unknown codes came from there in this minute.
        """
        window, count = self._counted.get(_who(principal, scope), (0, 0))
        if window == now_us // WINDOW_US and count >= self._most:
            wait_us = WINDOW_US - now_us % WINDOW_US
            raise TooManyRequests(
                "too many unknown codes; wait",
                "too_many_guesses",
                retry_after_seconds=-(-wait_us // MICROSECONDS),
            )

    def count(self, principal: Principal, scope: Scope, now_us: int) -> None:
        """One more unknown code came from there."""
        who, window = _who(principal, scope), now_us // WINDOW_US
        before, count = self._counted.get(who, (window, 0))
        if len(self._counted) >= MOST_KEPT:
            self._counted = {key: one for key, one in self._counted.items() if one[0] == window}
        self._counted[who] = (window, count + 1 if before == window else 1)


def _who(principal: Principal, scope: Scope) -> tuple[str, str]:
    client = scope.get("client")
    return principal.key_id, client[0] if client else ""
