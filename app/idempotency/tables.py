"""Answers that were given, kept as ciphertext for a day."""

from sqlalchemy import BigInteger, CheckConstraint, Column, LargeBinary
from sqlmodel import Field, SQLModel


class KeptAnswer(SQLModel, table=True):
    """One call that named an `Idempotency-Key`; whoever inserts the row carries the call out.

    Attributes:
        key_id: API key of the sender.
        name: HMAC of the `Idempotency-Key`.
        fingerprint: HMAC of method, path, query and body.
        owner: random mark of the attempt that carries it out.
        claimed_at_us: when that attempt began, microseconds since 1970 UTC.
        sealed: AES-GCM ciphertext of the answer; None while it is in progress.
    """

    __tablename__ = "kept_answers"
    __table_args__ = (
        CheckConstraint("length(name) = 32 AND length(fingerprint) = 32", name="kept_answers_hmac"),
    )

    key_id: str = Field(primary_key=True)
    name: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    owner: str
    claimed_at_us: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
