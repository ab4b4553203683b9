"""Bodies of the key endpoints."""

from typing import Literal

from pydantic import BaseModel, Field

from app.strict import Moment, Strict, Text200


class NewKey(Strict):
    """A key to be made."""

    kind: Literal["pub", "srv", "ro", "mgr", "adm"]
    name: Text200
    expires_at: Moment | None = None


class KeyShown(BaseModel):
    """A key without its text."""

    id: str
    kind: str
    name: str
    prefix: str = Field(description="first characters of its text, to recognise it by")
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None = Field(description="exact to about a minute")


class KeyMade(KeyShown):
    """A key with its text, shown this once."""

    key: str


class KeyPage(BaseModel):
    """Keys by id."""

    items: list[KeyShown]
    next: str | None


class IdentitySecret(BaseModel):
    """What the shop's server signs customer ids with."""

    secret: str = Field(description="key of HMAC-SHA256(secret, customer id), used as text")
