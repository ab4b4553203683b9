"""The one family of refusals, and the one table that turns them into RFC 9457 answers."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass
class Refusal(Exception):  # noqa: N818 - the word of the house; its children say what is wrong
    """The service says no, and why.

    Attributes:
        detail: plain words; never an echo of the whole input.
        code: stable machine-readable type, for example `unknown_experiment`.
        field: the offending field, or None.
        extra: further members of the problem document.
        retry_after_seconds: whole seconds for `Retry-After`, or None.
    """

    detail: str
    code: str = "refused"
    field: str | None = None
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)
    retry_after_seconds: int | None = None

    def __str__(self) -> str:
        """The detail, for logs and the command line."""
        return self.detail if self.field is None else f"{self.field}: {self.detail}"


class BadRequest(Refusal):
    """The request cannot be read (not JSON, broken encoding)."""


class Unauthorized(Refusal):
    """No key, or a wrong, expired or revoked one."""


class Forbidden(Refusal):
    """The key is right and its kind may not do this."""


class NotFound(Refusal):
    """There is no such thing."""


class MethodNotAllowed(Refusal):
    """There is something, but it does not take this method; `allow` in `extra` names those it takes."""


class Conflict(Refusal):
    """It contradicts what is already so (a started experiment, an impossible action)."""


class Gone(Refusal):
    """It was there, and its time is over."""


class TooLarge(Refusal):
    """The body is over the cap."""


class UnsupportedType(Refusal):
    """The body is of a type this door does not read."""


class Invalid(Refusal):
    """A field breaks its rule; `field` names it."""


class TooManyRequests(Refusal):
    """Slow down; `retry_after_seconds` says for how long."""


class Unavailable(Refusal):
    """The database is gone, locked or full; nothing was stored; try again."""


STATUS: dict[type[Refusal], tuple[int, str]] = {
    BadRequest: (400, "Bad request"),
    Unauthorized: (401, "Unauthorized"),
    Forbidden: (403, "Forbidden"),
    NotFound: (404, "Not found"),
    MethodNotAllowed: (405, "Method not allowed"),
    Conflict: (409, "Conflict"),
    Gone: (410, "Gone"),
    TooLarge: (413, "Content too large"),
    UnsupportedType: (415, "Unsupported media type"),
    Invalid: (422, "Invalid"),
    TooManyRequests: (429, "Too many requests"),
    Unavailable: (503, "Unavailable"),
}


INTERNAL = b'{"type":"urn:offerlab:problem:internal","title":"Internal error","status":500,"code":"internal"}'
"""The answer when the fault is ours: it says nothing of what went wrong, the log does."""


def status_of(refusal: Refusal) -> int:
    """HTTP status of a refusal."""
    return _family(refusal)[0]


def _family(refusal: Refusal) -> tuple[int, str]:
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def problem(refusal: Refusal) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """Status, body and headers of an RFC 9457 answer."""
    status, title = _family(refusal)
    document: dict[str, Any] = {
        "type": f"urn:offerlab:problem:{refusal.code}",
        "title": title,
        "status": status,
        "detail": refusal.detail,
        "code": refusal.code,
    }
    if refusal.field is not None:
        document["field"] = refusal.field
    document |= refusal.extra
    headers = [(b"content-type", b"application/problem+json")]
    if refusal.retry_after_seconds is not None:
        headers.append((b"retry-after", str(refusal.retry_after_seconds).encode()))
    if isinstance(refusal, MethodNotAllowed):
        headers.append((b"allow", str(refusal.extra["allow"]).encode()))
    if status == STATUS[Unauthorized][0]:
        headers.append((b"www-authenticate", b"Bearer"))
    return status, msgspec.json.encode(document), headers
