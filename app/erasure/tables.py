"""What was erased: marks that cannot be turned back into ids, and for a week sealed ids for the replicas."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Integer, LargeBinary
from sqlmodel import Field, SQLModel


class ErasureRow(SQLModel, table=True):
    """One erasure; every writer and replica notices its number.

    Attributes:
        id: 1, 2, 3 … in the order of commits.
        at_us: when, microseconds since 1970 UTC.
        seq: last row of the ledger at that moment; what comes later is somebody new.
        sealed: AES-GCM ciphertext of the ids, for replicas that have yet to drop them; None after a week.
        scrubbed: whether no byte of them is left in the database file.
    """

    __tablename__ = "erasures"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    scrubbed: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))


class TombstoneRow(SQLModel, table=True):
    """That an id was erased: after a backup was put back, the same ids can be recognised.

    Attributes:
        mark: HMAC of kind and id.
        at_us: when, microseconds since 1970 UTC.
    """

    __tablename__ = "tombstones"
    __table_args__ = (CheckConstraint("length(mark) = 32", name="tombstones_hmac"),)

    mark: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
