"""Reporting events: queued at once, sent in the background, each under an id of its own."""

import logging
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec

from app.clients.answers import Answer
from app.clients.exchange import EVENTS, MESSAGES
from app.clients.options import Options
from app.clients.outbox import Outbox, Waiting

log = logging.getLogger("offerlab.client")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXPOSURE: Final = "Experiment Viewed"
_NOT_VITAL: Final = frozenset({"exposure", "custom"})


def uuid7(now_us: int, rng: Random) -> str:
    """An id that is unique for ever and sorts by time.

    Source: RFC 9562, section 5.7: 48 bits of milliseconds, version, 12 random bits, variant, 62 random bits.

    >>> uuid7(0, Random(1))[:15]
    '00000000-0000-7'
    """
    milliseconds = (now_us // 1000) & 0xFFFF_FFFF_FFFF
    high = milliseconds << 16 | 0x7000 | rng.getrandbits(12)
    return str(UUID(int=high << 64 | 0b10 << 62 | rng.getrandbits(62)))


class Tracking:
    """The reporting half of both clients. Every method returns at once.

    Each returns the event's id, or None where it was not queued: there was no room, it says nothing, or it
    cannot be written as JSON. `deliveries` of the client counts these.
    """

    _options: Options
    _outbox: Outbox

    def track(self, kind: str, **fields: Any) -> str | None:
        """Report one event of the ledger.

        Args:
            kind: its type: `exposure`, `order`, `order_updated`, `refund`, `custom` …
            fields: as `POST /api/v1/events` takes them; `event_id` and `occurred_at` (a datetime with an
                offset, or a text) are added where absent. None leaves a field out.

        Raises:
            ValueError: an amount of money is not a whole number of minor units.
        """
        _check_money(fields)
        given = {name: value for name, value in fields.items() if value is not None}
        now_us = self._options.clock.now_us()
        event_id = str(given.pop("event_id", None) or uuid7(now_us, self._options.rng))
        moment = given.pop("occurred_at", None) or _moment(now_us)
        event = {"type": kind, "event_id": event_id, "occurred_at": moment, **given}
        return self._queue(EVENTS, event, event_id, is_vital=kind not in _NOT_VITAL)

    def track_exposure(self, answer: Answer, **fields: Any) -> str | None:
        """Report that the offer of an answer was shown; nothing is sent for units outside the experiment.

        Args:
            answer: what `assign` said.
            fields: `attributes` for segments, `occurred_at`.
        """
        if answer.variant is None or not answer.in_experiment:
            return None
        who = {"visitor_id": answer.visitor_id, "customer_id": answer.customer_id}
        return self.track(
            "exposure", experiment=answer.experiment, variant=answer.variant, **{**who, **fields}
        )

    def track_order(self, order_id: str, currency: str, items_minor: int, **fields: Any) -> str | None:
        """Report an order.

        Args:
            order_id: its id; an order is one order whatever brings it.
            currency: ISO 4217.
            items_minor: goods before the discount, in minor units.
            fields: `visitor_id`, `customer_id`, `discount_minor` and `shipping_minor` (else 0) …
        """
        return self.track("order", **_order(order_id, currency, items_minor, fields))

    def track_order_updated(
        self, order_id: str, currency: str, items_minor: int, **fields: Any
    ) -> str | None:
        """Report the full new state of an order; arguments as of `track_order`."""
        return self.track("order_updated", **_order(order_id, currency, items_minor, fields))

    def track_order_cancelled(self, order_id: str, **fields: Any) -> str | None:
        """Report that an order was cancelled."""
        return self.track("order_cancelled", order_id=order_id, **fields)

    def track_refund(self, refund_id: str, order_id: str, amount_minor: int, **fields: Any) -> str | None:
        """Report money given back for an order, in minor units."""
        return self.track(
            "refund", refund_id=refund_id, order_id=order_id, amount_minor=amount_minor, **fields
        )

    def identify(self, visitor_id: str, customer_id: str) -> str | None:
        """Report that this visitor is this customer."""
        return self.track("identify", visitor_id=visitor_id, customer_id=customer_id)

    def track_custom(self, name: str, **fields: Any) -> str | None:
        """Report anything else worth counting.

        Args:
            name: what happened.
            fields: `visitor_id`, `customer_id`, `value` (whole number), `value_minor`.
        """
        return self.track("custom", name=name, **fields)

    def track_message(self, name: str, properties: dict[str, Any], **who: str | None) -> str | None:
        """Report an event in the e-commerce vocabulary (`Order Completed`, `Experiment Viewed` …).

        Args:
            name: of the event.
            properties: as the vocabulary has them; money in whole units (12.50).
            who: `anonymousId` and `userId`.
        """
        now_us = self._options.clock.now_us()
        event_id = uuid7(now_us, self._options.rng)
        known = {field: value for field, value in who.items() if value is not None}
        message = {"type": "track", "event": name, "properties": properties, **known}
        stamped = {**message, "timestamp": _moment(now_us)}
        if name != EXPOSURE:  # an exposure is known by what it says: one a unit and variant
            stamped["messageId"] = event_id
        return self._queue(MESSAGES, stamped, event_id, is_vital=name.startswith("Order "))

    def _queue(self, door: str, event: dict[str, Any], event_id: str, *, is_vital: bool) -> str | None:
        try:
            body = msgspec.json.encode(event)
        except ValueError as error:  # a lone surrogate in an id, say: the shopper must not suffer from it
            self._outbox.counts.refused += 1
            log.warning("an event cannot be written as JSON: %s", type(error).__name__)
            return None
        return event_id if self._outbox.put(Waiting(door, body), is_vital=is_vital) else None


def _order(order_id: str, currency: str, items_minor: int, fields: dict[str, Any]) -> dict[str, Any]:
    amounts = {"items_minor": items_minor, "discount_minor": 0, "shipping_minor": 0}
    return {"order_id": order_id, "currency": currency, **amounts, **fields}


def _check_money(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if name.endswith("_minor") and value is not None and type(value) is not int:
            raise ValueError(f"{name} is {value!r}; it must be a whole number of minor units")


def _moment(now_us: int) -> str:
    """RFC 3339 in UTC.

    >>> _moment(1_500_000)
    '1970-01-01T00:00:01.500000+00:00'
    """
    return (_EPOCH + timedelta(microseconds=now_us)).isoformat()
