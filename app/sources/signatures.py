"""Is a call signed with one of its source's secrets? Compared in constant time."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from app.clock import MICROSECONDS

TOLERANCE_SECONDS = 300
Headers = Callable[[str], str | None]


def is_signed(kind: str, secrets: Sequence[str], body: bytes, headers: Headers, now_us: int) -> bool:
    """Whether any of the secrets signed this body.

    Args:
        kind: shopify, woocommerce or standard.
        secrets: of the source.
        body: as it came.
        headers: the value of a header, by its lower-case name.
        now_us: a Standard Webhook is refused when it was sent over five minutes from it.
    """
    if kind == "standard":
        return any(_is_standard(secret, body, headers, now_us) for secret in secrets)
    name = "x-shopify-hmac-sha256" if kind == "shopify" else "x-wc-webhook-signature"
    given = (headers(name) or "").encode("latin-1", "replace")
    checks = [hmac.compare_digest(given, _hmac(secret, body)) for secret in secrets]
    return any(checks)


def _hmac(secret: str, body: bytes) -> bytes:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256))


def _is_standard(secret: str, body: bytes, headers: Headers, now_us: int) -> bool:
    message_id, stamp = headers("webhook-id"), headers("webhook-timestamp")
    if not message_id or not stamp or not stamp.isdecimal() or len(stamp) > len(str(now_us)):
        return False
    if abs(int(stamp) - now_us // MICROSECONDS) > TOLERANCE_SECONDS:
        return False
    try:
        moment = datetime.fromtimestamp(int(stamp), tz=UTC)
        expected = Webhook(secret).sign(message_id, moment, body.decode())
    except (ValueError, OverflowError):
        return False
    given = (headers("webhook-signature") or "").split(" ")
    checks = [hmac.compare_digest(one.encode("latin-1", "replace"), expected.encode()) for one in given]
    return any(checks)
