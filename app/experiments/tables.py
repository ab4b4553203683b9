"""Experiments, layers, holdouts, segments and forced units."""

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column
from sqlmodel import Field, SQLModel

STATES = ("draft", "running", "paused", "frozen", "stopped", "decided", "archived")
_STATES_SQL = ", ".join(f"'{state}'" for state in STATES)


class ExperimentRow(SQLModel, table=True):
    """One experiment.

    Attributes:
        id: surrogate key, in order of creation.
        key: its name.
        version: 1-based.
        name: for people.
        state: one of `STATES`.
        definition: the full contract JSON, defaults and seed filled in; `coverage` is the one in force.
        created_at_us: microseconds since 1970 UTC, like the following.
        started_at_us: when it was started.
        frozen_at_us: since when no new units enter.
        stopped_at_us: when it was stopped (or decided without a stop).
        archived_at_us: when it was archived.
        decision: variant, reason, hold_back_share and at_us, or None.
        timeline: every action, oldest first, each with `action` and `at_us`.
        closed_through: last shop day whose looks are written, days since 1970-01-01.
    """

    __tablename__ = "experiments"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES_SQL})", name="experiments_state"),
        CheckConstraint("version >= 1", name="experiments_version"),
    )

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    version: int
    name: str
    state: str = Field(index=True)
    definition: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    started_at_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    frozen_at_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    stopped_at_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    archived_at_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    decision: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    timeline: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    closed_through: int | None = None


class LayerRow(SQLModel, table=True):
    """A layer: experiments in it hold disjoint ranges of its hash.

    Attributes:
        key: its name.
        seed: 16 hex characters.
        created_at_us: microseconds since 1970 UTC.
    """

    __tablename__ = "layers"
    __table_args__ = (CheckConstraint("length(seed) = 16", name="layers_seed"),)

    key: str = Field(primary_key=True)
    seed: str
    created_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))


class HoldoutRow(SQLModel, table=True):
    """A share of units kept out of every experiment that starts after the holdout was made.

    Attributes:
        key: its name.
        seed: 16 hex characters.
        share: 0–1.
        created_at_us: microseconds since 1970 UTC.
    """

    __tablename__ = "holdouts"
    __table_args__ = (
        CheckConstraint("share >= 0 AND share <= 1", name="holdouts_share"),
        CheckConstraint("length(seed) = 16", name="holdouts_seed"),
    )

    key: str = Field(primary_key=True)
    seed: str
    share: float
    created_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))


class SegmentRow(SQLModel, table=True):
    """A named audience: a condition, or members; exactly one of the two.

    Attributes:
        key: its name.
        condition: GrowthBook condition over attributes, or None.
        members: values that `$inGroup` looks for, or None.
        created_at_us: microseconds since 1970 UTC.
    """

    __tablename__ = "segments"
    __table_args__ = (CheckConstraint("(condition IS NULL) <> (members IS NULL)", name="segments_one_kind"),)

    key: str = Field(primary_key=True)
    condition: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    members: list[Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    created_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))


class ForcedRow(SQLModel, table=True):
    """A unit that quality assurance pins to a variant.

    Attributes:
        experiment: key of the experiment.
        unit_id: visitor or customer, as the experiment's unit says.
        variant: key of the variant.
    """

    __tablename__ = "forced_units"

    experiment: str = Field(primary_key=True)
    unit_id: str = Field(primary_key=True)
    variant: str
