"""`POST /track?client_key=`: what tracking plugins of GrowthBook SDKs send, as exposures and custom events.

The plugins send `text/plain`, no event id and no time. An exposure is known by experiment, version, unit and
variant, so a page that says it twice is stored once; anything else is a custom event of this moment.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from app.clock import isoformat
from app.edge.crawlers import is_crawler
from app.edge.foreign import Stored, store
from app.edge.growthbook import principal_of
from app.edge.http import Handler, Receive, Scope, Send, check_not_encoded, read_body, send_bytes
from app.errors import BadRequest, Invalid
from app.ledger.events import MAX_ATTRIBUTES, MAX_ID_LENGTH
from app.ledger.intake import MAX_EVENTS
from app.serving.features import HASH_ATTRIBUTES
from app.serving.snapshot import ServedExperiment

if TYPE_CHECKING:
    from app.bootstrap import Services

PATH = "/track"
EXPOSURES = frozenset({"Experiment Viewed", "$$experiment_viewed"})
IGNORED = frozenset({"Feature Evaluated", "$$feature_evaluated"})  # an evaluation is no exposure
_SERVER_ONLY = re.compile(r"^(order|checkout|product|cart|coupon) ", re.IGNORECASE)
_NOT_SEGMENTS = frozenset({"id", "customer_id", "customer_signature", "url", "query", "path"})
_PLAIN = (str, int, float, bool)
_decode = msgspec.json.Decoder(list[dict[str, Any]]).decode


class TrackAnswer(Stored, kw_only=True):
    """What became of them; the plugins read only that it is 200."""

    ok: bool = True


def track_handler(services: "Services") -> Handler:
    """The handler of GrowthBook's tracking plugins."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        now_us = services.clock.now_us()
        principal = principal_of(services, scope, _client_key(scope), "growthbook_track")
        check_not_encoded(scope)
        tracked = read_tracked(await read_body(receive, scope))
        experiments = services.snapshots.current.experiments

        def translate(item: dict[str, Any]) -> list[dict[str, Any]]:
            event = as_event(item, experiments, now_us)
            return [] if event is None else [event]

        is_bot = is_crawler(principal, scope)
        stored = await store(services, tracked, translate, trusted=False, is_bot=is_bot)
        await send_bytes(send, 200, msgspec.json.encode(TrackAnswer(**msgspec.structs.asdict(stored))))

    return handle


def _client_key(scope: Scope) -> str:
    query = bytes(scope.get("query_string", b"")).decode("latin-1")
    return parse_qs(query).get("client_key", [""])[0]


def read_tracked(body: bytes) -> list[dict[str, Any]]:
    """The tracked items of a body, whatever its content type says.

    Raises:
        BadRequest: not JSON.
        Invalid: no list of objects, or more than 1,000.
    """
    try:
        found = _decode(body)
    except msgspec.ValidationError:
        raise Invalid("send a list of objects", "bad_envelope", "body") from None
    except (ValueError, RecursionError):
        raise BadRequest("the body cannot be read as JSON", "bad_json") from None
    if len(found) > MAX_EVENTS:
        raise Invalid(f"one request takes at most {MAX_EVENTS}", "too_many_events", "body")
    return found


def as_event(
    item: Mapping[str, Any], experiments: Mapping[str, ServedExperiment], now_us: int
) -> dict[str, Any] | None:
    """One tracked item as an event of the ledger; None where it says nothing that is stored.

    Args:
        item: `event_name`, `properties_json`, `device_id`, `context_json`.
        experiments: for the names of variants.
        now_us: becomes its time.
    """
    name, properties = str(item.get("event_name", "")), _object(item.get("properties_json"))
    if name in IGNORED or not name:
        return None
    if name in EXPOSURES:
        return _exposure(item, properties, experiments, now_us)
    if _SERVER_ONLY.match(name):
        return None  # money is believed from the shop's server only
    event: dict[str, Any] = {"type": "custom", "name": name, "event_id": f"gb-{_unique(item, now_us)}"}
    value = properties.get("value")
    if isinstance(value, int) and not isinstance(value, bool):
        event["value"] = value
    return {**event, "occurred_at": isoformat(now_us), "visitor_id": item.get("device_id")}


def _exposure(
    item: Mapping[str, Any],
    properties: Mapping[str, Any],
    experiments: Mapping[str, ServedExperiment],
    now_us: int,
) -> dict[str, Any]:
    key = _first(properties, "experimentId", "experiment_id")
    unit = _first(properties, "hashValue", "hash_value") or item.get("device_id")
    served = experiments.get(key) if isinstance(key, str) else None
    variant = _variant(_first(properties, "variation_key", "variationId", "variation_id"), served)
    context = _object(item.get("context_json"))
    version = served.version if served is not None else 0
    known_by = hashlib.sha256(msgspec.json.encode([key, version, unit, variant])).hexdigest()[:32]
    event = {
        "type": "exposure",
        "event_id": f"gb-{known_by}",
        "occurred_at": isoformat(now_us),
        "experiment": key,
        "variant": variant,
    }
    segments = _segments(context)
    if segments:
        event["attributes"] = segments
    if _first(properties, "hashAttribute", "hash_attribute") == HASH_ATTRIBUTES["customer"]:
        signature = context.get("customer_signature")
        return {**event, "customer_id": unit, "customer_signature": signature}
    return {**event, "visitor_id": unit}


def _variant(told: Any, served: ServedExperiment | None) -> Any:
    """The variant's key: SDKs send the key of `meta`, or the position of the variation."""
    if served is None or (isinstance(told, str) and told in served.variants):
        return told if isinstance(told, str) else str(told)
    text = str(told)
    variants = served.rules.variants
    return variants[int(text)] if text.isdecimal() and int(text) < len(variants) else text


def _segments(context: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes that may be kept with the exposure: plain values, no address of a page."""
    plain = {
        name: value
        for name, value in context.items()
        if name not in _NOT_SEGMENTS and len(name) <= MAX_ID_LENGTH and isinstance(value, _PLAIN)
    }
    return dict(list(plain.items())[:MAX_ATTRIBUTES])


def _unique(item: Mapping[str, Any], now_us: int) -> str:
    """The same item sent again in the same microsecond is the same."""
    return hashlib.sha256(msgspec.json.encode([item, now_us])).hexdigest()[:32]


def _first(properties: Mapping[str, Any], *names: str) -> Any:
    return next((properties[name] for name in names if properties.get(name) is not None), None)


def _object(value: Any) -> Mapping[str, Any]:
    """Properties as an object; some plugins send them as text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}
