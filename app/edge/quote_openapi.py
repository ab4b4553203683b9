"""What the OpenAPI document says of quotes: written from the types that are read and sent."""

from typing import Any, Final

import msgspec

from app.access.openapi import problem_responses
from app.access.operations import kinds_of
from app.edge.quote import OPERATION, PATH, QuoteRequest
from app.offers.quotes import Quote

_PREFIX: Final = "Quote"  # so that a model of the slow paths never takes the place of one of these


def _openapi() -> dict[str, Any]:
    (request, response), schemas = msgspec.json.schema_components(
        [QuoteRequest, Quote], ref_template=f"#/components/schemas/{_PREFIX}{{name}}"
    )
    problems = problem_responses(400, 401, 403, 413, 415, 422, 429, 503)
    operation = {
        "operationId": OPERATION,
        "tags": ["offers"],
        "summary": "What applies to this cart, what it takes off each line, what was blocked and why",
        "x-key-kinds": kinds_of(OPERATION),
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {
            "200": {"description": "The quote", "content": {"application/json": {"schema": response}}},
            **{str(status): value for status, value in problems.items()},
        },
    }
    components = {_PREFIX + name: schema for name, schema in schemas.items()}
    return {"paths": {PATH: {"post": operation}}, "components": {"schemas": components}}


QUOTE_OPENAPI: Final[dict[str, Any]] = _openapi()
