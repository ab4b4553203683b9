"""What the OpenAPI document says of the doors of codes."""

from typing import Any, Final

from app.access.openapi import problem_responses
from app.access.operations import kinds_of

_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 200}
_MINOR: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": 10**15}
_TIME: Final[dict[str, Any]] = {"type": ["string", "null"], "format": "date-time"}
_PERSON: Final[dict[str, Any]] = {"visitor_id": _TEXT, "customer_id": _TEXT}
_LINE: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["sku", "quantity", "price_minor"],
    "properties": {
        "sku": _TEXT,
        "quantity": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "price_minor": _MINOR,
        "discount_minor": {**_MINOR, "default": 0, "description": "what the shop itself takes off the line"},
        "pack_size": {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1},
        "cost_minor": _MINOR,
    },
}
_CART: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["currency", "lines"],
    "properties": {
        "currency": {"type": "string", "minLength": 3, "maxLength": 3},
        "lines": {"type": "array", "items": _LINE, "maxItems": 1000},
        "shipping_minor": {**_MINOR, "description": "of the delivery, before any offer; absent: unknown"},
    },
}
_HAPPENED: Final[dict[str, Any]] = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "when it happened, if told late; dates the ledger row and nothing else; default now",
}
_CLAIM: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["experiment"],
    "properties": {
        "experiment": _TEXT,
        **_PERSON,
        "attributes": {"type": "object"},
        "occurred_at": _HAPPENED,
    },
}


def _request(*required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["code", *required],
        "properties": {
            "code": {**_TEXT, "description": "as typed: case, spaces, dashes, O and 0 do not matter"},
            **_PERSON,
            "order_id": _TEXT,
            "attributes": {
                "type": "object",
                "description": "the shopper's history, for terms that need it; as in a quote",
            },
            "cart": _CART,
            "discount_minor": {
                **_MINOR,
                "description": "what the shop gives; else worked out from the cart, as a quote would",
            },
            "ttl_seconds": {"type": "integer", "minimum": 1, "maximum": 604800, "default": 900},
        },
    }


def _dated(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "properties": {**request["properties"], "occurred_at": _HAPPENED}}


_CLAIMED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["code", "experiment", "variant", "claimed_at", "valid_until", "terms"],
    "properties": {
        "code": {"type": "string"},
        "experiment": {"type": "string"},
        "variant": {"type": "string"},
        "claimed_at": {"type": "string", "format": "date-time"},
        "valid_until": _TIME,
        "terms": {"type": "object"},
    },
}
_DONE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "experiment", "variant", "discount_minor", "currency", "terms"],
    "properties": {
        "status": {"enum": ["valid", "reserved", "redeemed", "rolled_back"]},
        "experiment": {"type": "string"},
        "variant": {"type": "string", "description": "the code's, whoever uses it"},
        "discount_minor": _MINOR,
        "currency": {"type": ["string", "null"]},
        "terms": {"type": "object"},
        "order_id": {"type": "string"},
        "valid_until": _TIME,
        "reserved_until": _TIME,
        "redeemed_at": _TIME,
    },
}
_REFUSALS: Final = (400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 503)


def _operation(name: str, summary: str, body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    shown = {"description": "after the commit", "content": {"application/json": {"schema": answer}}}
    refusals = {str(status): value for status, value in problem_responses(*_REFUSALS).items()}
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "description": f"{summary}. `public_message` is the same for every refusal, to show a shopper.",
            "tags": ["codes"],
            "x-key-kinds": kinds_of(name),
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {"200": shown, **refusals},
        }
    }


CODES_OPENAPI: Final[dict[str, Any]] = {
    "paths": {
        "/api/v1/codes/claim": _operation(
            "claim_code", "The one code of a unit in an experiment, however often it asks", _CLAIM, _CLAIMED
        ),
        "/api/v1/codes/validate": _operation(
            "validate_code", "Whether a code could be used now; takes nothing", _request(), _DONE
        ),
        "/api/v1/codes/reserve": _operation(
            "reserve_code", "Keep one use of a code for an order for a while", _request("order_id"), _DONE
        ),
        "/api/v1/codes/redeem": _operation(
            "redeem_code",
            "Use a code for an order, once however often it is sent",
            _dated(_request("order_id")),
            _DONE,
        ),
        "/api/v1/codes/rollback": _operation(
            "rollback_code", "Give an order's use of a code back", _request("order_id"), _DONE
        ),
    }
}
