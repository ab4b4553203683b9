"""What is written once about an experiment's readings: its looks and its frozen caps."""

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Integer, UniqueConstraint
from sqlmodel import Field, SQLModel


class LookRow(SQLModel, table=True):
    """One closed look of one comparison (`stats.results.Look` as JSON); never updated.

    Attributes:
        id: surrogate key.
        experiment: key of the experiment.
        version: its version, 1-based.
        metric: label of the metric.
        treatment: the variant compared with control.
        number: 1-based count of this comparison's looks.
        day: shop day read, days since 1970-01-01.
        document: every field of the look.
    """

    __tablename__ = "looks"
    __table_args__ = (
        UniqueConstraint("experiment", "version", "metric", "treatment", "number", name="looks_once"),
        CheckConstraint("number >= 1", name="looks_number"),
    )

    id: int | None = Field(default=None, primary_key=True)
    experiment: str = Field(index=True)
    version: int
    metric: str
    treatment: str
    number: int
    day: int = Field(sa_column=Column(Integer, nullable=False))
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class CapRow(SQLModel, table=True):
    """A cap on money per unit, frozen before the first tested look; never updated.

    Attributes:
        id: surrogate key.
        experiment: key of the experiment.
        version: its version, 1-based.
        metric: label of the metric.
        cap_minor: largest |x| in minor units.
        day: the shop day on whose data it was frozen, days since 1970-01-01.
    """

    __tablename__ = "caps"
    __table_args__ = (
        UniqueConstraint("experiment", "version", "metric", name="caps_once"),
        CheckConstraint("cap_minor > 0", name="caps_positive"),
    )

    id: int | None = Field(default=None, primary_key=True)
    experiment: str = Field(index=True)
    version: int
    metric: str
    cap_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    day: int = Field(sa_column=Column(Integer, nullable=False))
