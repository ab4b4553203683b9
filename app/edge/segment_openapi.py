"""What the OpenAPI document says of the doors of Segment and RudderStack SDKs."""

from typing import Any, Final

from app.access.openapi import problem_responses
from app.access.operations import kinds_of
from app.edge.segment import BATCH, PATHS

_ANSWER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["success", "accepted", "duplicates", "ignored", "rejected"],
    "properties": {
        "success": {"const": True},
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "ignored": {"type": "integer", "description": "page views and the like"},
        "rejected": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
    },
}


def _operation(path: str) -> dict[str, Any]:
    name = path.removeprefix("/v1/")
    problems = problem_responses(400, 401, 403, 413, 415, 422, 503)
    return {
        "operationId": "segment_events" if path == BATCH else f"segment_events_{name}",
        "summary": "Segment and RudderStack SDKs: a batch"
        if path == BATCH
        else f"The same, one message: {name}",
        "tags": ["events"],
        "x-key-kinds": kinds_of("segment_events"),
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object", "additionalProperties": True}}},
        },
        "responses": {
            "200": {
                "description": "what became of the messages",
                "content": {"application/json": {"schema": _ANSWER}},
            },
            **{str(status): value for status, value in problems.items()},
        },
    }


SEGMENT_OPENAPI: Final[dict[str, Any]] = {"paths": {path: {"post": _operation(path)} for path in PATHS}}
