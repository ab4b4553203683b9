"""What the OpenAPI document says of the webhooks."""

from typing import Any, Final

from app.access.openapi import problem_responses

_PATH: Final = {"in": "path", "required": True}
_STORED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["accepted", "duplicates", "ignored", "rejected"],
    "properties": {
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "ignored": {"type": "integer"},
        "rejected": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
    },
}

WEBHOOKS_OPENAPI: Final[dict[str, Any]] = {
    "paths": {
        "/webhooks/{kind}/{source}": {
            "post": {
                "operationId": "webhook",
                "summary": "Signed calls of a shop become ledger events",
                "description": "No key: the signature over the raw body is the proof.",
                "tags": ["events"],
                "x-key-kinds": ["none"],
                "parameters": [
                    {
                        "name": "kind",
                        **_PATH,
                        "schema": {"type": "string", "enum": ["shopify", "woocommerce", "standard"]},
                    },
                    {"name": "source", **_PATH, "schema": {"type": "string"}},
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
                "responses": {
                    "200": {
                        "description": "what became of it",
                        "content": {"application/json": {"schema": _STORED}},
                    },
                    **{
                        str(status): value
                        for status, value in problem_responses(400, 401, 404, 413, 415, 422, 503).items()
                    },
                },
            }
        }
    }
}
