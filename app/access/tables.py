"""API keys: only their hash and a prefix to recognise them by."""

from sqlalchemy import BigInteger, CheckConstraint, Column
from sqlmodel import Field, SQLModel


class ApiKeyRow(SQLModel, table=True):
    """One key.

    Attributes:
        id: public name of the key.
        kind: pub, srv, ro, mgr or adm.
        name: who uses it.
        prefix: first characters of its text.
        sha256: hex SHA-256 of its text.
        created_us: microseconds since 1970 UTC, like the following.
        expires_us: from when on it is refused, or None.
        revoked_us: since when it is refused, or None.
        last_used_us: last use, exact to about a minute, or None.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("kind IN ('pub', 'srv', 'ro', 'mgr', 'adm')", name="api_keys_kind"),
        CheckConstraint("length(sha256) = 64", name="api_keys_sha256"),
    )

    id: str = Field(primary_key=True)
    kind: str
    name: str
    prefix: str
    sha256: str = Field(unique=True)
    created_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    revoked_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    last_used_us: int | None = Field(default=None, sa_column=Column(BigInteger))
