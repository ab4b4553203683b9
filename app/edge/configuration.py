"""`GET /api/v1/configuration`: the complete rules, for a shop's server that decides by itself.

Every started experiment, also those that browsers may not evaluate; offers as the public sees them, so never
a code or a budget. Dates stand in it as dates: the document does not change when one of them comes.
"""

import hashlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.access.openapi import problem_responses
from app.access.operations import kinds_of
from app.edge.asking import authenticate
from app.edge.http import JSON_HEADERS, Handler, Receive, Scope, Send, header, send_bytes
from app.serving.snapshot import ServedExperiment, Snapshot
from assignment.decision import Experiment

if TYPE_CHECKING:
    from app.bootstrap import Services

PATH = "/api/v1/configuration"
OPERATION = "get_configuration"
FORMAT = 1
_NOT_SERVED = frozenset({"draft", "archived"})
_RULES = tuple(field.name for field in fields(Experiment) if field.init and field.name != "condition")
_CACHE = (b"cache-control", b"private, no-cache")  # kept, but asked about each time
_NOT_MODIFIED = 304
_encode = msgspec.json.Encoder().encode


def configuration_handler(services: "Services") -> Handler:
    """The handler of `GET /api/v1/configuration`; the document is written once per snapshot."""
    written: list[tuple[Snapshot, bytes, bytes]] = []

    def current() -> tuple[bytes, bytes]:
        snapshot = services.snapshots.current
        if not written or written[0][0] is not snapshot:
            body = document(snapshot)
            etag = b'"%b"' % hashlib.blake2b(body, digest_size=16).hexdigest().encode()
            written[:] = [(snapshot, body, etag)]
        return written[0][1:]

    async def handle(scope: Scope, _receive: Receive, send: Send) -> None:
        authenticate(services, scope, OPERATION)
        body, etag = current()
        headers = [(b"etag", etag), _CACHE]
        if _holds(header(scope, b"if-none-match") or b"", etag):
            await send_bytes(send, _NOT_MODIFIED, b"", headers)
            return
        await send_bytes(send, 200, body, [*JSON_HEADERS, *headers])

    return handle


def _holds(asked: bytes, etag: bytes) -> bool:
    return etag in {tag.strip().removeprefix(b"W/") for tag in asked.split(b",")}


def document(snapshot: Snapshot) -> bytes:
    """Everything a client needs to decide as this snapshot does."""
    served = [served for served in snapshot.experiments.values() if served.state not in _NOT_SERVED]
    written = [_experiment(each, snapshot.audiences.get(each.key)) for each in served]
    found = {"format": FORMAT, "config_version": snapshot.config_version, "experiments": written}
    return _encode(found)


def _experiment(served: ServedExperiment, audience: Any) -> dict[str, Any]:
    """The rules field by field, so that a new one reaches clients without a change here."""
    return {
        "rules": {name: msgspec.to_builtins(getattr(served.rules, name), enc_hook=dict) for name in _RULES},
        "audience": audience or None,
        "starts_at_us": served.starts_at_us if served.before is not None else None,
        "ends_at_us": served.ends_at_us if served.after is not None else None,
        "offers": {variant: msgspec.Raw(offer) for variant, offer in served.fragments.items()},
        "fallback": msgspec.Raw(served.fallback),
    }


_OBJECT: Final[dict[str, Any]] = {"type": "object", "additionalProperties": True}
_MOMENT: Final[dict[str, Any]] = {
    "type": ["integer", "null"],
    "description": "microseconds since 1970 UTC; assigned to nobody before the start and from the end on",
}
_EXPERIMENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["rules", "audience", "starts_at_us", "ends_at_us", "offers", "fallback"],
    "properties": {
        "rules": {**_OBJECT, "description": "fields of the compiled rules: key, version, seed, ranges …"},
        "audience": {"type": ["object", "null"], "description": "condition over the request's attributes"},
        "starts_at_us": _MOMENT,
        "ends_at_us": _MOMENT,
        "offers": {**_OBJECT, "description": "variant → public offer"},
        "fallback": {"type": ["object", "null"]},
    },
}
_DOCUMENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["format", "config_version", "experiments"],
    "properties": {
        "format": {"const": FORMAT},
        "config_version": {"type": "integer"},
        "experiments": {"type": "array", "items": _EXPERIMENT},
    },
}

CONFIGURATION_OPENAPI: Final[dict[str, Any]] = {
    "paths": {
        PATH: {
            "get": {
                "operationId": OPERATION,
                "summary": "The rules of all started experiments, for servers that decide by themselves",
                "tags": ["assignment"],
                "x-key-kinds": kinds_of(OPERATION),
                "parameters": [
                    {
                        "name": "If-None-Match",
                        "in": "header",
                        "required": False,
                        "schema": {"type": "string"},
                    }
                ],
                "responses": {
                    "200": {
                        "description": "the rules, with an ETag; never a code or a budget",
                        "headers": {"ETag": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": _DOCUMENT}},
                    },
                    "304": {"description": "the same as If-None-Match"},
                    **{str(status): value for status, value in problem_responses(401, 403).items()},
                },
            }
        }
    }
}
