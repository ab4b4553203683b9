"""How refusals are described in the OpenAPI document."""

from typing import Any

PROBLEM = {"$ref": "#/components/schemas/Problem"}
DESCRIPTIONS = {
    400: "The body cannot be read.",
    401: "No key, or a wrong, expired or revoked one.",
    403: "The kind of the key does not admit this.",
    404: "There is no such thing.",
    409: "It contradicts what is already so.",
    410: "Its time is over.",
    413: "The body is over the cap.",
    415: "The body is not JSON.",
    422: "A field breaks its rule; `field` names it.",
    429: "Slow down.",
    503: "The database is away; nothing was stored; try again.",
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI descriptions of refusals."""
    return {
        status: {
            "description": DESCRIPTIONS[status],
            "content": {"application/problem+json": {"schema": PROBLEM}},
        }
        for status in sorted(statuses)
    }
