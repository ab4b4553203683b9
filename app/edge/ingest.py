"""POST /api/v1/events: key → body → items → one append → counts, answered only after the commit."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from app.access.operations import kinds_of
from app.access.service import allow, customer_signature, identity_secret
from app.codes.service import Veil
from app.edge.crawlers import is_crawler
from app.edge.http import (
    BODY_CAP_BYTES,
    Handler,
    Receive,
    Scope,
    Send,
    bearer_token,
    check_json,
    read_body,
    send_bytes,
)
from app.ledger.events import Event
from app.ledger.intake import MAX_EVENTS, Parsed, Rejected, Sender, Warned, parse, read_envelope
from app.ledger.rows import Outcome

if TYPE_CHECKING:
    from app.bootstrap import Services

OPERATION = "post_events"
PATH = "/api/v1/events"


class EventsRequest(Struct, forbid_unknown_fields=True):
    """Events in one request; each is judged by itself."""

    events: Annotated[list[Event], Meta(max_length=MAX_EVENTS)]


class EventsAnswer(Struct, omit_defaults=True):
    """What became of the events.

    Attributes:
        accepted: how many are stored now and were not before.
        duplicates: how many were stored before with the same content.
        rejected: the others, by index.
        warnings: accepted or duplicate, but without a part that could not be trusted; absent when empty.
    """

    accepted: int
    duplicates: int
    rejected: list[Rejected]
    warnings: list[Warned] = []


def events_handler(services: "Services") -> Handler:
    """The hot path of ingestion."""
    sign, veil = partial(customer_signature, identity_secret(services.settings)), Veil(services.settings)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        now_us = services.clock.now_us()
        principal = services.keys.authenticate(bearer_token(scope), now_us)
        allow(principal, OPERATION)
        check_json(scope)
        raws = read_envelope(await read_body(receive, scope))
        experiments = services.snapshots.current.experiments
        canonical = services.snapshots.follower.aliases.canonical
        is_bot = is_crawler(principal, scope)
        is_trusted = principal.kind != "pub"
        parsed = parse(raws, Sender(is_trusted, now_us, experiments, sign, veil, canonical, is_bot))
        outcomes = await services.ledger.append(parsed.items)
        await send_bytes(send, 200, msgspec.json.encode(answer(parsed, outcomes)))

    return handle


def answer(parsed: Parsed, outcomes: list[Outcome]) -> EventsAnswer:
    """Count the outcomes and name what was rejected, in the order of the request."""
    rejected = parsed.rejected + [
        Rejected(index, item.event_id, outcome.code, outcome.detail)
        for index, item, outcome in zip(parsed.indices, parsed.items, outcomes, strict=True)
        if outcome.status == "rejected"
    ]
    rejected.sort(key=lambda entry: entry.index)
    statuses = [outcome.status for outcome in outcomes]
    return EventsAnswer(statuses.count("accepted"), statuses.count("duplicate"), rejected, parsed.warnings)


_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": "string"},
    },
}
_REFUSALS = {
    "400": "Not JSON, or the body did not arrive in time",
    "401": "No key, or an unknown, expired or revoked one",
    "403": "The kind of the key may not send events",
    "413": f"The body is over {BODY_CAP_BYTES} bytes",
    "415": "The body is not application/json, or is compressed",
    "422": f"Unknown field around the events, or more than {MAX_EVENTS} of them",
    "503": "The database does not answer or the queue is full; nothing is acknowledged, send it again",
}
_COMPONENT_PREFIX = "Ingest"  # so that a model of the slow paths never takes the place of one of these
_RETRY_AFTER = {"Retry-After": {"description": "whole seconds", "schema": {"type": "integer", "minimum": 1}}}


def _openapi() -> dict[str, Any]:
    (request, response), schemas = msgspec.json.schema_components(
        [EventsRequest, EventsAnswer],
        ref_template=f"#/components/schemas/{_COMPONENT_PREFIX}{{name}}",
    )
    components = {_COMPONENT_PREFIX + name: schema for name, schema in schemas.items()}
    refusals: dict[str, Any] = {
        status: {"description": words, "content": {"application/problem+json": {"schema": _PROBLEM}}}
        for status, words in _REFUSALS.items()
    }
    refusals["503"]["headers"] = _RETRY_AFTER
    operation = {
        "operationId": OPERATION,
        "tags": ["events"],
        "summary": "Send events; acknowledged only after the commit",
        "description": "A bad event is named under `rejected` and does not touch its neighbours.",
        "x-key-kinds": kinds_of(OPERATION),
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {
            "200": {"description": "Counts", "content": {"application/json": {"schema": response}}},
            **refusals,
        },
    }
    return {"paths": {PATH: {"post": operation}}, "components": {"schemas": components}}


INGEST_OPENAPI: dict[str, Any] = _openapi()
