"""What a snapshot is built from, read from the database or from its copy on disk."""

import logging
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlmodel import Session, SQLModel, select

from app.access.keyring import document
from app.access.tables import ApiKeyRow
from app.experiments.service import forced_rows, holdout_rows, layer_rows, list_rows, segment_rows
from app.experiments.tables import ExperimentRow, ForcedRow, HoldoutRow, LayerRow, SegmentRow
from app.serving.config import current_version
from app.sources.service import source_rows
from app.sources.tables import SourceRow

log = logging.getLogger("offerlab")
Row = TypeVar("Row", bound=SQLModel)


@dataclass(frozen=True, slots=True)
class Copy:
    """Rows of one config version.

    Attributes:
        config_version: the version they are of.
        experiments: all, oldest first.
        layers: all layers; `holdouts`, `segments` and `forced` likewise.
        keys: hashes and kinds of all API keys.
        sources: sources of webhooks, their secrets sealed.
    """

    config_version: int
    experiments: list[ExperimentRow]
    layers: list[LayerRow]
    holdouts: list[HoldoutRow]
    keys: list[dict[str, Any]]
    sources: list[SourceRow]
    segments: list[SegmentRow] = field(default_factory=list)
    forced: list[ForcedRow] = field(default_factory=list)


def read_database(session: Session) -> Copy:
    """Read everything. The version first: rows may be newer than it, and then the next poll reads again."""
    return Copy(
        config_version=current_version(session),
        experiments=list_rows(session)[::-1],
        layers=layer_rows(session),
        holdouts=holdout_rows(session),
        keys=[document(row) for row in session.exec(select(ApiKeyRow)).all()],
        sources=source_rows(session),
        segments=segment_rows(session),
        forced=forced_rows(session),
    )


def write_copy(path: Path, copy: Copy) -> None:
    """Put the copy on disk: written aside, then renamed, readable by its owner only.

    A full disk must not stop the service: the failure is logged and the old copy stays.
    """
    content = msgspec.json.encode(
        {
            "config_version": copy.config_version,
            "experiments": [row.model_dump() for row in copy.experiments],
            "layers": [row.model_dump() for row in copy.layers],
            "holdouts": [row.model_dump() for row in copy.holdouts],
            "keys": copy.keys,
            "sources": [row.model_dump() for row in copy.sources],
            "segments": [row.model_dump() for row in copy.segments],
            "forced": [row.model_dump() for row in copy.forced],
        }
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".snapshot-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        log.warning("the copy of the snapshot cannot be written: %s", error)


def read_copy(path: Path) -> Copy | None:
    """The copy on disk, or None when there is none or it cannot be read."""
    try:
        content = msgspec.json.decode(path.read_bytes())
        return Copy(
            content["config_version"],
            [_row(ExperimentRow, item) for item in content["experiments"]],
            [_row(LayerRow, item) for item in content["layers"]],
            [_row(HoldoutRow, item) for item in content["holdouts"]],
            content["keys"],
            [_row(SourceRow, item) for item in content.get("sources", [])],
            [_row(SegmentRow, item) for item in content.get("segments", [])],
            [_row(ForcedRow, item) for item in content.get("forced", [])],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("there is no usable snapshot on disk: %s", error)
        return None


def _row(table: type[Row], fields: dict[str, Any]) -> Row:
    return table(**fields)
