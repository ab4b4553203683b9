"""GrowthBook SDKs: the features payload, pushes of it, and remote evaluation.

The key stands in the URL, so it must be publishable. The payload shows every variant to every visitor and
holds only experiments with `local_evaluation`; remote evaluation answers for one visitor and holds all.
"""

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from app.access.service import Principal, allow, identity_secret
from app.clock import isoformat
from app.edge.asking import LONGEST_ID, Asking, ask, vouched_customer
from app.edge.crawlers import is_crawler
from app.edge.http import (
    JSON_HEADERS,
    Handler,
    Receive,
    Scope,
    Send,
    bearer_token,
    check_not_encoded,
    header,
    read_body,
    send_bytes,
)
from app.edge.streams import Streams
from app.errors import BadRequest, Invalid
from app.serving.features import HASH_ATTRIBUTES
from app.serving.snapshot import ServedExperiment, Snapshot
from assignment.decision import Assigned

if TYPE_CHECKING:
    from app.bootstrap import Services

FEATURES, SUB, EVAL = "/api/features/", "/sub/", "/api/eval/"
_CACHE = (b"cache-control", b"public, max-age=30, stale-while-revalidate=3600")
_PUSHES = (b"x-sse-support", b"enabled")
_NOT_MODIFIED = 304
_EPOCH_US = 1_767_225_600_000_000  # 2026-01-01
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def principal_of(services: "Services", scope: Scope, key: str, operation: str) -> Principal:
    """Whose key stands in the URL, or in a header instead.

    Raises:
        Unauthorized: no good key.
        Forbidden: a good key that is not publishable: it must not stand in a URL.
    """
    principal = services.keys.authenticate(bearer_token(scope) or key, services.clock.now_us())
    allow(principal, operation)
    return principal


def features_handler(services: "Services") -> Handler:
    """`GET /api/features/{client_key}`: the payload, with an ETag."""

    async def handle(scope: Scope, _receive: Receive, send: Send) -> None:
        principal_of(services, scope, scope["path"][len(FEATURES) :], "growthbook_features")
        body = payload(services.snapshots.current, services.clock.now_us())
        etag = etag_of(body)
        headers = [*JSON_HEADERS, (b"etag", etag), _CACHE, _PUSHES]
        if (header(scope, b"if-none-match") or b"").strip().removeprefix(b"W/") == etag:
            await send_bytes(send, _NOT_MODIFIED, b"", headers[1:])
            return
        await send_bytes(send, 200, body, headers)

    return handle


def sub_handler(services: "Services", streams: Streams) -> Handler:
    """`GET /sub/{client_key}`: the payload as a server-sent event, at once and after every change."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        principal_of(services, scope, scope["path"][len(SUB) :], "growthbook_subscribe")
        told: list[bytes] = []

        def message() -> bytes | None:
            body = payload(services.snapshots.current, services.clock.now_us())
            if told == [etag_of(body)]:
                return None
            told[:] = [etag_of(body)]
            return b"event: features\ndata: %b\n\n" % body

        await streams.follow(receive, send, message)

    return handle


def eval_handler(services: "Services") -> Handler:
    """`POST /api/eval/{client_key}`: every experiment, decided here for one visitor."""
    secret = identity_secret(services.settings)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        principal = principal_of(services, scope, scope["path"][len(EVAL) :], "growthbook_evaluate")
        check_not_encoded(scope)
        attributes = read_attributes(await read_body(receive, scope))
        customer = vouched_customer(
            principal, attributes.get("customer_id"), attributes.get("customer_signature"), secret
        )
        is_bot = is_crawler(principal, scope)
        asking = ask(services, attributes.get("id"), customer, attributes, is_bot=is_bot)
        await send_bytes(send, 200, _evaluated(asking))

    return handle


def payload(snapshot: Snapshot, now_us: int) -> bytes:
    """The features payload at a moment: only experiments that may be evaluated locally."""
    shown = [served for served in snapshot.experiments.values() if served.features]
    features = b",".join(
        _encode(served.key) + b":" + served.features[served.rules_at(now_us).state] for served in shown
    )
    changed = isoformat(_changed_us(snapshot, now_us)).encode()
    return b'{"status":200,"features":{%b},"experiments":[],"dateUpdated":"%b"}' % (features, changed)


def _changed_us(snapshot: Snapshot, now_us: int) -> int:
    """SDKs take `dateUpdated` for a version: a second a change, a millisecond a start or end."""
    changes, dates = snapshot.changes_at(now_us)
    return _EPOCH_US + changes * 1_000_000 + dates * 1_000


def etag_of(body: bytes) -> bytes:
    """A strong ETag of these bytes."""
    return b'"%b"' % hashlib.blake2b(body, digest_size=16).hexdigest().encode()


def read_attributes(body: bytes) -> dict[str, Any]:
    """The attributes of a remote evaluation.

    Raises:
        BadRequest: not JSON.
        Invalid: attributes of another shape, or an id that is no short text.
    """
    try:
        request = _decode(body or b"{}")
    except msgspec.ValidationError:
        raise Invalid("the body must be an object", "invalid_field", "attributes") from None
    except (ValueError, RecursionError):
        raise BadRequest("the body cannot be read as JSON", "not_json") from None
    attributes = request.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise Invalid("must be an object", "invalid_field", "attributes")
    for name in ("id", "customer_id", "customer_signature"):
        value = attributes.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > LONGEST_ID or "\0" in value):
            raise Invalid(
                f"must be a text of at most {LONGEST_ID} characters", "invalid_field", f"attributes.{name}"
            )
    return attributes


def _evaluated(asking: Asking) -> bytes:
    features = b",".join(
        _encode(served.key) + b":" + _feature(asking, served) for served in asking.snapshot.listed
    )
    return b'{"features":{%b},"experiments":[]}' % features


def _feature(asking: Asking, served: ServedExperiment) -> bytes:
    unit_id = asking.unit_of(served)
    decision = asking.decide(served, unit_id)
    if not isinstance(decision, Assigned):
        return b'{"defaultValue":%b,"rules":[]}' % served.fallback
    offer = served.fragments[decision.variant]
    tracks = [_track(served, decision, unit_id or "")] if decision.in_experiment else []
    return b'{"defaultValue":%b,"rules":[{"force":%b%b}]}' % (
        served.fallback,
        offer,
        b',"tracks":%b' % _encode(tracks) if tracks else b"",
    )


def _track(served: ServedExperiment, decision: Assigned, unit_id: str) -> dict[str, Any]:
    """What the SDK hands to its tracking callback: names of the variants, never their offers."""
    variants = list(served.rules.variants)
    return {
        "experiment": {"key": served.key, "variations": variants},
        "result": {
            "featureId": served.key,
            "variationId": variants.index(decision.variant),
            "inExperiment": True,
            "value": decision.variant,
            "hashUsed": True,
            "hashAttribute": HASH_ATTRIBUTES[served.unit],
            "hashValue": unit_id,
            "key": decision.variant,
            "bucket": decision.bucket,
        },
    }
