"""Freezing an experiment in all arms at once, inside the transaction in which its budget is reached."""

import json
from typing import Any, Protocol

from app.audit.service import CHAIN_LOCK, GENESIS, sealed_row
from app.experiments.lifecycle import TRANSITIONS, timeline_entry
from app.serving.config import CHANNEL

ACTOR = "budget"
_AUDIT_COLUMNS = ("id", "at_us", "actor", "action", "subject", "before", "after", "previous", "hash")


class Statements(Protocol):
    """An open transaction that runs statements with `:name` in place of values."""

    is_postgresql: bool

    def run(self, statement: str, **values: Any) -> Any:
        """One statement; gives the driver's cursor."""
        ...


def freeze_for_budget(transaction: Statements, key: str, variant: str | None, now_us: int) -> bool:
    """Take no new units, in any arm, from this commit on; whether the experiment was running.

    In the order of every change: the experiment's row, the config version, the audit chain.

    Args:
        transaction: the one in which the budget was reached.
        key: of the experiment.
        variant: whose offer's budget it was; None: the experiment's own.
        now_us: the cut, microseconds since 1970 UTC.
    """
    lock = " FOR UPDATE" if transaction.is_postgresql else ""
    statement = f"SELECT state, timeline FROM experiments WHERE key = :key{lock}"  # noqa: S608 - a constant of ours
    found = transaction.run(statement, key=key).fetchone()
    if found is None or found[0] not in TRANSITIONS["freeze"].sources:
        return False
    timeline = json.loads(found[1]) if isinstance(found[1], str) else found[1]
    timeline = [*timeline, timeline_entry("freeze", now_us, actor=ACTOR, reason="budget", variant=variant)]
    transaction.run(
        "UPDATE experiments SET state = 'frozen', frozen_at_us = :now_us, timeline = :timeline"
        " WHERE key = :key",
        key=key,
        now_us=now_us,
        timeline=json.dumps(timeline),
    )
    _bump(transaction)
    _record(transaction, key, variant, now_us)
    return True


def _bump(transaction: Statements) -> None:
    transaction.run(
        "INSERT INTO config (id, version) VALUES (1, 1)"
        " ON CONFLICT (id) DO UPDATE SET version = config.version + 1"
    )
    if transaction.is_postgresql:
        transaction.run(f"NOTIFY {CHANNEL}")


def _record(transaction: Statements, key: str, variant: str | None, now_us: int) -> None:
    if transaction.is_postgresql:
        transaction.run("SELECT pg_advisory_xact_lock(:lock)", lock=CHAIN_LOCK)
    last = transaction.run("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone() or (0, GENESIS)
    after = {"status": "frozen", "reason": "budget", "variant": variant}
    row = sealed_row(
        (last[0], last[1]), ACTOR, "experiment.freeze", key, {"status": "running"}, after, now_us
    )
    values = {name: getattr(row, name) for name in _AUDIT_COLUMNS}
    values |= {name: json.dumps(values[name]) for name in ("before", "after")}
    names = ", ".join(f'"{name}"' for name in _AUDIT_COLUMNS)
    marks = ", ".join(f":{name}" for name in _AUDIT_COLUMNS)
    transaction.run(f"INSERT INTO audit ({names}) VALUES ({marks})", **values)  # noqa: S608 - names of ours only
