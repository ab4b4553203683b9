"""What the OpenAPI document says of the GrowthBook doors."""

from typing import Any, Final

from app.access.openapi import problem_responses
from app.access.operations import kinds_of

_OBJECT: Final[dict[str, Any]] = {"type": "object", "additionalProperties": True}
_KEY: Final = {
    "name": "client_key",
    "in": "path",
    "required": True,
    "description": "a publishable key",
    "schema": {"type": "string"},
}


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): value for status, value in problem_responses(*statuses).items()}


def _operation(name: str, summary: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["growthbook"],
        "x-key-kinds": kinds_of(name),
        "responses": responses,
        **more,
    }


def _json(description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema or _OBJECT}}}


_PAYLOAD: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "features", "experiments", "dateUpdated"],
    "properties": {
        "status": {"const": 200},
        "features": _OBJECT,
        "experiments": {"type": "array", "maxItems": 0},
        "dateUpdated": {"type": "string", "description": "changes whenever the payload does"},
    },
}
_TRACKED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["ok", "accepted", "duplicates", "ignored", "rejected"],
    "properties": {
        "ok": {"const": True},
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "ignored": {
            "type": "integer",
            "description": "evaluations; and orders: only a server sends them",
        },
        "rejected": {"type": "array", "items": _OBJECT},
    },
}

GROWTHBOOK_OPENAPI: Final[dict[str, Any]] = {
    "paths": {
        "/api/features/{client_key}": {
            "get": _operation(
                "growthbook_features",
                "GrowthBook SDKs: experiments that may be evaluated locally",
                {
                    "200": _json("the features payload, with an ETag", _PAYLOAD),
                    "304": {"description": "the same as If-None-Match"},
                    **_problems(401, 403),
                },
                parameters=[_KEY],
            )
        },
        "/sub/{client_key}": {
            "get": _operation(
                "growthbook_subscribe",
                "GrowthBook SDKs: the payload, pushed after every change",
                {
                    "200": {
                        "description": "events named features",
                        "content": {"text/event-stream": {"schema": {"type": "string"}}},
                    },
                    **_problems(401, 403, 503),
                },
                parameters=[_KEY],
            )
        },
        "/api/eval/{client_key}": {
            "post": _operation(
                "growthbook_evaluate",
                "GrowthBook SDKs: every experiment, decided here",
                {"200": _json("one forced value per feature"), **_problems(400, 401, 403, 413, 415, 422)},
                parameters=[_KEY],
                requestBody={
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"type": "object", "properties": {"attributes": _OBJECT}}
                        }
                    },
                },
            )
        },
        "/track": {
            "post": _operation(
                "growthbook_track",
                "GrowthBook SDKs: exposures and custom events of the tracking plugins",
                {
                    "200": _json("what became of them", _TRACKED),
                    **_problems(400, 401, 403, 413, 415, 422, 503),
                },
                parameters=[{**_KEY, "in": "query", "required": False}],
                requestBody={
                    "required": True,
                    "content": {"text/plain": {"schema": {"type": "string", "description": "a JSON list"}}},
                },
            )
        },
    }
}
