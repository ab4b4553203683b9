"""Sources of webhooks: their secrets are stored as ciphertext only."""

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column
from sqlmodel import Field, SQLModel

KINDS = ("shopify", "woocommerce", "standard")
_KINDS_SQL = ", ".join(f"'{kind}'" for kind in KINDS)


class SourceRow(SQLModel, table=True):
    """One source.

    Attributes:
        key: its name, the last part of its address.
        kind: shopify, woocommerce or standard.
        secrets: one or two ciphertexts (two while a secret is being changed).
        created_at_us: microseconds since 1970 UTC, as the following.
        changed_at_us: last change of its secrets.
    """

    __tablename__ = "sources"
    __table_args__ = (CheckConstraint(f"kind IN ({_KINDS_SQL})", name="sources_kind"),)

    key: str = Field(primary_key=True)
    kind: str
    secrets: list[Any] = Field(sa_column=Column(JSON(none_as_null=True), nullable=False))
    created_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
