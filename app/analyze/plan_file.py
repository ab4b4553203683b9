"""plan.toml, the flat plan of an analyst: read, checked key by key, turned into what the analysis needs."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from app.clock import day_number
from app.engine.port import Economics
from app.errors import Invalid
from app.exports.plan_file import PLAN_KEYS
from app.results.document import as_of_us
from app.results.plans import economics_of, plan_of
from stats.plan import AnalysisPlan

ECONOMICS_KEYS = ("currency", "margin_share", "vat_share", "cost_per_exposure_minor", "rates")
OTHER_KEYS = (
    "experiment",
    "version",
    "as_of",
    "through_seq",
    "state",
    "timezone",
    "control",
    "weights",
    "looks",
    "metrics",
    "needs_delivery_cost",
    "largest_threshold_minor",
    "without_offer",
    "entry_ends_at",
    "suspected_units",
    "crowded_marks",
    "notes",
)
_NUMBERS: dict[str, tuple[float, float]] = {
    "alpha": (1e-9, 0.5),
    "power": (0.01, 0.999999),
    "mde": (1e-9, 1e6),
    "planned_units": (1, 1e12),
    "window_days": (1, 730),
    "settle_days": (0, 730),
    "min_days": (0, 10_000),
    "max_days": (1, 10_000),
    "cap_minor": (1, 1e15),
    "suspected_units": (0, 1e12),
    "crowded_marks": (0, 1e12),
}
_WHOLE = frozenset(_NUMBERS) - {"alpha", "power", "mde"}


@dataclass(frozen=True)
class PlanFile:
    """A plan.toml, understood.

    Attributes:
        entries: the file as it is.
        control: the variant the others are compared with.
        timezone: IANA zone in which shop days are cut.
        as_of_us: the moment read, or None: the end of the last day in the files.
        looks: `once`, `daily`, or the shop days to close, rising.
        experiment: its key, or None: the one the files name.
        state: state of the experiment, `running` unless said otherwise.
        entry_ends_us: no unit enters from here on, or None.
        notes: counts for the trust banner that files cannot show.
        without_offer: variants that offer nothing.
    """

    entries: Mapping[str, Any]
    control: str
    timezone: str
    as_of_us: int | None
    looks: str | tuple[int, ...]
    experiment: str | None
    state: str
    entry_ends_us: int | None
    notes: Mapping[str, int] = field(default_factory=dict)
    without_offer: frozenset[str] = frozenset()

    def weights(self, seen: Sequence[str]) -> dict[str, float]:
        """Planned shares by variant, sum 1; without `[weights]` equal shares of the variants seen."""
        found = self.entries.get("weights") or dict.fromkeys(sorted({*seen, self.control}), 1.0)
        total = sum(found.values())
        return {variant: weight / total for variant, weight in found.items()}

    def economics(self) -> Economics | None:
        """How orders become profit, or None without a currency."""
        found = economics_of(self._definition({self.control: 1.0}, "x"))
        if found is None:
            return None
        return replace(found, needs_delivery_cost=bool(self.entries.get("needs_delivery_cost", False)))

    def plan(self, seen: Sequence[str], experiment: str, units: int) -> AnalysisPlan:
        """The analysis plan.

        Without `planned_units` the units in hand are the plan, and a single look is a fixed-horizon test.

        Args:
            seen: variants in the files.
            experiment: key for the document.
            units: units in the files.

        Raises:
            Invalid: a metric is unknown or may not have its role.
        """
        try:
            made = plan_of(
                self._definition(self.weights(seen), experiment), int(self.entries.get("version", 1))
            )
        except ValueError as error:
            raise _bad("primary", str(error)) from None
        if "planned_units" not in self.entries:
            made = replace(made, planned_units=max(units, 1), open_ended_share=0.0)
        if self.looks == "once" and "look_days" not in self.entries:
            made = replace(made, look_days="daily")
        return replace(made, largest_threshold_minor=int(self.entries.get("largest_threshold_minor", 0)))

    def _definition(self, weights: Mapping[str, float], experiment: str) -> dict[str, Any]:
        entries = self.entries
        return {
            "key": experiment,
            "variants": [
                {"key": key, "weight": weight, "control": key == self.control, "offer": None}
                for key, weight in weights.items()
            ],
            "plan": {key: entries[key] for key in PLAN_KEYS if key in entries},
            "economics": {key: entries.get(key) for key in ECONOMICS_KEYS} if "currency" in entries else None,
            "timezone": self.timezone,
        }


def read_plan(path: Path, *, needed: Sequence[str] = ("control", "primary")) -> PlanFile:
    """Read a plan.toml.

    Args:
        path: the file.
        needed: keys that must be there; plans with `[[metrics]]` need no `primary`.

    Raises:
        Invalid: it is not TOML, or a key is unknown, missing or out of bounds; names the key.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"{path.name} cannot be read as TOML: {error}", "bad_plan", path.name) from None
    _check(entries, needed)
    zone = entries.get("timezone", "UTC")
    return PlanFile(
        entries=entries,
        control=entries["control"],
        timezone=zone,
        as_of_us=_moment(entries, "as_of", zone),
        looks=_looks(entries.get("looks", "once")),
        experiment=entries.get("experiment"),
        state=entries.get("state", "running"),
        entry_ends_us=_moment(entries, "entry_ends_at", zone),
        notes=entries.get("notes", {}),
        without_offer=frozenset(entries.get("without_offer", ())),
    )


def _check(entries: Mapping[str, Any], needed: Sequence[str]) -> None:
    known = {*PLAN_KEYS, *ECONOMICS_KEYS, *OTHER_KEYS}
    for key in entries:
        if key not in known:
            raise _bad(key, f"is not a key of plan.toml; known: {', '.join(sorted(known))}")
    for key in needed:
        if key not in entries:
            raise _bad(key, "is missing")
    for key, (low, high) in _NUMBERS.items():
        if key in entries:
            _check_number(key, entries[key], low, high)
    _check_texts(entries)
    _check_weights(entries)
    _check_without_offer(entries)


def _check_number(key: str, value: Any, low: float, high: float) -> None:
    kinds = (int,) if key in _WHOLE else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        what = "a whole number" if key in _WHOLE else "a number"
        raise _bad(key, f"must be {what} from {low:g} to {high:g}, got {value!r}")


def _check_texts(entries: Mapping[str, Any]) -> None:
    from zoneinfo import available_timezones

    from stats.sequential.spending import parse_spending

    for key in ("control", "experiment", "timezone", "currency", "spending", "look_days", "state", "method"):
        if not isinstance(entries.get(key, ""), str):
            raise _bad(key, "must be text")
    if entries.get("timezone", "UTC") not in available_timezones():
        raise _bad("timezone", "is not an IANA time zone, for example Europe/Moscow")
    if entries.get("look_days", "daily") not in {"daily", "weekly"}:
        raise _bad("look_days", "must be daily or weekly")
    if entries.get("method", "group_sequential") != "group_sequential":
        raise _bad("method", "must be group_sequential")
    try:
        parse_spending(entries.get("spending", "kim-demets:2"))
    except ValueError as error:
        raise _bad("spending", str(error)) from None


def _check_without_offer(entries: Mapping[str, Any]) -> None:
    named = entries.get("without_offer", [])
    if not isinstance(named, list) or not all(isinstance(variant, str) for variant in named):
        raise _bad("without_offer", "must be a list of variants")


def _check_weights(entries: Mapping[str, Any]) -> None:
    weights = entries.get("weights")
    if weights is None:
        return
    if not isinstance(weights, dict) or len(weights) < 2:  # noqa: PLR2004 - control and at least one more
        raise _bad("weights", "must be a table of two variants or more")
    if any(isinstance(w, bool) or not isinstance(w, int | float) or w <= 0 for w in weights.values()):
        raise _bad("weights", "must all be above 0")
    if entries["control"] not in weights:
        raise _bad("control", f"{entries['control']!r} is not in [weights]")


def _moment(entries: Mapping[str, Any], key: str, zone: str) -> int | None:
    """A moment given as text, as a TOML date or as a TOML date-time."""
    value = entries.get(key)
    if value is None:
        return None
    text = value.isoformat() if isinstance(value, date | datetime) else value
    try:
        return as_of_us(text, zone) if isinstance(text, str) else _refuse(key)
    except Invalid as refusal:
        raise _bad(key, refusal.detail) from None


def _refuse(key: str) -> int:
    raise _bad(key, "must be a date or a moment")


def _looks(value: Any) -> str | tuple[int, ...]:
    """`daily`, `FROM..THROUGH`, or a list of dates."""
    try:
        if value in ("once", "daily"):
            return str(value)
        if isinstance(value, str):
            first, last = value.split("..")
            return tuple(range(day_number(first), day_number(last) + 1))
        return tuple(sorted({day_number(str(day)) for day in value}))
    except (ValueError, TypeError):
        raise _bad("looks", 'must be "daily", "2026-01-01..2026-02-28" or a list of dates') from None


def _bad(key: str, detail: str) -> Invalid:
    return Invalid(detail, "bad_plan", key)


def look_days(plan: PlanFile, first_day: int | None, closed_day: int) -> list[int]:
    """The shop days to close, rising.

    Args:
        plan: says `once`, `daily` or which.
        first_day: shop day of the first analysed exposure, or None without one.
        closed_day: last shop day that has ended at `as_of`.
    """
    if plan.looks == "once":
        return [closed_day]
    if plan.looks == "daily":
        return [] if first_day is None else list(range(first_day, closed_day + 1))
    return [day for day in plan.looks if isinstance(day, int) and day <= closed_day]
