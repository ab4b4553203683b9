"""What the OpenAPI document says of the assignments door and OFREP."""

from typing import Any, Final

from app.access.openapi import problem_responses
from app.access.operations import kinds_of

_NULLABLE_TEXT: Final[dict[str, Any]] = {"type": ["string", "null"], "maxLength": 200}
_OBJECT: Final[dict[str, Any]] = {"type": "object", "additionalProperties": True}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _operation(name: str, summary: str, body: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "tags": ["evaluate"],
            "x-key-kinds": kinds_of(name),
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(body)}}},
            "responses": responses,
            **more,
        }
    }


def _query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}


_PROBLEMS: Final = {
    str(status): value for status, value in problem_responses(400, 401, 403, 404, 413, 415, 422).items()
}
_OFREP_ERRORS: Final = {
    str(status): _json(_ref("OfrepError"), "OFREP's own error body")
    for status in (400, 401, 403, 404, 413, 415)
}
_KEY: Final = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}

EVALUATE_OPENAPI: Final[dict[str, Any]] = {
    "paths": {
        "/api/v1/assignments": _operation(
            "assign",
            "Which offer does this visitor get?",
            "AssignmentRequest",
            {"200": _json(_ref("Assignments"), "one entry per experiment"), **_PROBLEMS},
        ),
        "/ofrep/v1/evaluate/flags/{key}": _operation(
            "ofrep_evaluate_flag",
            "OpenFeature: evaluate one flag",
            "OfrepRequest",
            {"200": _json(_ref("OfrepFlag"), "the value is the offer"), **_OFREP_ERRORS},
            parameters=[_KEY],
        ),
        "/ofrep/v1/evaluate/flags": _operation(
            "ofrep_evaluate_flags",
            "OpenFeature: evaluate all flags",
            "OfrepRequest",
            {
                "200": _json(_ref("OfrepFlags"), "every experiment served, with an ETag"),
                "304": {"description": "the same as If-None-Match"},
                **_OFREP_ERRORS,
            },
        ),
        "/ofrep/v1/events": {
            "get": {
                "operationId": "ofrep_events",
                "summary": "OpenFeature: hear of changes (server-sent refetchEvaluation)",
                "tags": ["evaluate"],
                "x-key-kinds": kinds_of("ofrep_events"),
                "parameters": [_query("client_key"), _query("since")],
                "responses": {
                    "200": {
                        "description": "a message whenever what is served has changed",
                        "content": {"text/event-stream": {"schema": {"type": "string"}}},
                    },
                    **{str(status): value for status, value in problem_responses(401, 403, 503).items()},
                },
            }
        },
    },
    "components": {
        "schemas": {
            "Problem": {
                "type": "object",
                "required": ["type", "title", "status", "code"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                    "field": {"type": "string"},
                },
            },
            "AssignmentRequest": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "visitor_id": _NULLABLE_TEXT,
                    "customer_id": _NULLABLE_TEXT,
                    "customer_signature": _NULLABLE_TEXT,
                    "attributes": {"type": ["object", "null"], "additionalProperties": True},
                    "experiments": {
                        "type": ["array", "null"],
                        "items": {"type": "string"},
                        "maxItems": 1000,
                    },
                },
            },
            "Assignment": {
                "type": "object",
                "required": [
                    "experiment",
                    "version",
                    "unit_id",
                    "variant",
                    "in_experiment",
                    "reason",
                    "bucket",
                    "offer",
                ],
                "properties": {
                    "experiment": {"type": "string"},
                    "version": {"type": "integer"},
                    "unit_id": {"type": ["string", "null"]},
                    "variant": {"type": ["string", "null"]},
                    "in_experiment": {"type": "boolean"},
                    "reason": {"type": "string"},
                    "bucket": {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 1},
                    "offer": {"type": ["object", "null"], "additionalProperties": True},
                },
            },
            "Assignments": {
                "type": "object",
                "required": ["config_version", "assignments"],
                "properties": {
                    "config_version": {"type": "integer"},
                    "assignments": {"type": "array", "items": _ref("Assignment")},
                    "warnings": {"type": "array", "items": _OBJECT},
                },
            },
            "OfrepRequest": {"type": "object", "properties": {"context": _OBJECT}},
            "OfrepFlag": {
                "type": "object",
                "required": ["key", "value", "reason", "variant", "metadata"],
                "properties": {
                    "key": {"type": "string"},
                    "value": _OBJECT,
                    "reason": {"type": "string"},
                    "variant": {"type": ["string", "null"]},
                    "metadata": _OBJECT,
                },
            },
            "OfrepFlags": {
                "type": "object",
                "required": ["flags"],
                "properties": {
                    "flags": {"type": "array", "items": _ref("OfrepFlag")},
                    "metadata": _OBJECT,
                    "eventStreams": {"type": "array", "items": _OBJECT},
                },
            },
            "OfrepError": {
                "type": "object",
                "required": ["errorCode", "errorDetails"],
                "properties": {
                    "key": {"type": "string"},
                    "errorCode": {"type": "string"},
                    "errorDetails": {"type": "string"},
                },
            },
        }
    },
}
