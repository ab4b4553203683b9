"""The audit table: append-only, each row holds the hash of the one before it."""

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column
from sqlmodel import Field, SQLModel


class AuditRow(SQLModel, table=True):
    """One change.

    Attributes:
        id: 1, 2, 3 … without gaps.
        at_us: when, microseconds since 1970 UTC.
        actor: `key:<id>` of the API key, or who else did it.
        action: for example `experiment.start`.
        subject: what was changed, for example the experiment's key.
        before: what changed, as it was; None when it is new.
        after: what changed, as it is now; None when it is gone.
        previous: hash of the row before, 64 zeros for the first.
        hash: SHA-256 over all of the above, hex.
    """

    __tablename__ = "audit"
    __table_args__ = (
        CheckConstraint("id >= 1", name="audit_id_positive"),
        CheckConstraint("length(hash) = 64 AND length(previous) = 64", name="audit_hash_length"),
    )

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    actor: str
    action: str
    subject: str = Field(index=True)
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    after: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    previous: str = Field(unique=True)
    hash: str = Field(unique=True)
