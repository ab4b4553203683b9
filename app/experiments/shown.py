"""An experiment as the API shows it."""

from typing import Any

from app.clock import isoformat
from app.experiments.rules import warnings
from app.experiments.tables import ExperimentRow


def describe(row: ExperimentRow) -> dict[str, Any]:
    """An experiment as the API shows it."""
    decision = row.decision
    return {
        **row.definition,
        "name": row.name,
        "version": row.version,
        "status": row.state,
        "created_at": isoformat(row.created_at_us),
        "started_at": _when(row.started_at_us),
        "frozen_at": _when(row.frozen_at_us),
        "stopped_at": _when(row.stopped_at_us),
        "archived_at": _when(row.archived_at_us),
        "decision": None
        if decision is None
        else {**{k: v for k, v in decision.items() if k != "at_us"}, "at": isoformat(decision["at_us"])},
        "timeline": [{k: v for k, v in entry.items() if k != "at_us"} for entry in row.timeline],
        "warnings": [*warnings(row.definition), *_met_at_start(row)],
    }


def _met_at_start(row: ExperimentRow) -> list[dict[str, str]]:
    """Conflicts that were written down when the experiment started."""
    started = [entry for entry in row.timeline if entry["action"] == "start"]
    return [
        {"code": met["code"], "field": met["field"], "detail": met["detail"]}
        for entry in started
        for met in entry.get("conflicts", ())
    ]


def _when(at_us: int | None) -> str | None:
    return None if at_us is None else isoformat(at_us)
