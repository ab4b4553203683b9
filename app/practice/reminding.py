"""The shop's sender of letters: asks every midnight whom the service would have messaged, tells it, sends."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from app.practice.door import Door
from app.practice.till import HttpTill
from app.practice.visits import Shopper

_PAGE: Final = 1000


class Sender:
    """Sends the letters of one trial, day by day.

    Args:
        door: the service.
        key: of the experiment.
        till: where shoppers pay who come back.
    """

    def __init__(self, door: Door, key: str, till: HttpTill) -> None:
        self._door = door
        self._key = key
        self._till = till
        self._shoppers: dict[str, Shopper] = {}
        self._midnight: datetime | None = None

    def messages(self, entered: Sequence[Shopper]) -> list[dict[str, Any]]:
        """The letters of one day with what came of them, as events; call it once the day's events are sent.

        Args:
            entered: who came that day; nobody: the day after the last.
        """
        self._shoppers |= {shopper.customer_id: shopper for shopper in entered}
        self._midnight = self._next_midnight(entered)
        due = [(self._shoppers[item["customer_id"]], item) for item in self._due(self._midnight)]
        told = self._door.each(
            lambda one: one[0].answer(
                one[1]["event_id"], datetime.fromisoformat(one[1]["due_at"]), self._till
            ),
            due,
        )
        return [event for events in told for event in events]

    def _next_midnight(self, entered: Sequence[Shopper]) -> datetime:
        if self._midnight is not None:
            return self._midnight + timedelta(days=1)
        first = entered[0]
        return first.start + timedelta(days=(first.seen_at - first.start).days + 1)

    def _due(self, at: datetime) -> Iterator[dict[str, Any]]:
        """Everybody whose letter fell due in the 24 hours before a moment, page by page."""
        path = f"/api/v1/reminders/due?experiment={quote(self._key)}&at={quote(at.isoformat())}&limit={_PAGE}"
        cursor = ""
        while True:
            page = self._door.call("GET", path + cursor)
            yield from page["items"]
            if page["next"] is None:
                return
            cursor = f"&cursor={quote(page['next'])}"
