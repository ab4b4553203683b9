"""How far the test has come: information, units, days."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.meta import ExperimentMeta
from dashboards.wording.language import Words
from stats.results import Result


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress in words; `percent` (0–100) fills the bar, which shows no more than full."""

    percent: int
    information: str
    facts: tuple[tuple[str, str], ...]


def progress(result: Result, meta: ExperimentMeta, words: Words) -> Progress:
    """Progress from `result.progress` where it says so, from the primary metric otherwise.

    Known keys of `result.progress`: `fraction` (information reached over planned), `planned_units`,
    `mature_units`, `exposed_units`, `expected_days_left`, `planned_end` (ISO date), `last_look` (ISO date).
    """
    known = {**_from_primary(result), **{key: v for key, v in result.progress.items() if v is not None}}
    fraction = float(known.get("fraction", 0.0))
    return Progress(
        percent=max(0, min(100, round(fraction * 100))),
        information=words.formats.share(fraction, 0),
        facts=tuple(fact for fact in _facts(known, meta, words) if fact[1]),
    )


def _from_primary(result: Result) -> dict[str, Any]:
    primary = next((metric for metric in result.metrics if metric.role == "primary"), None)
    if primary is None:
        return {}
    mature = sum(summary.n for summary in primary.variants)
    looks = [comparison.look for comparison in primary.comparisons if comparison.look is not None]
    found: dict[str, Any] = {
        "mature_units": mature,
        "exposed_units": mature + sum(summary.immature for summary in primary.variants),
    }
    if looks:
        found |= {
            "fraction": min(look.fraction for look in looks),
            "last_look": max(look.day for look in looks),
        }
    return found


def _facts(known: Mapping[str, Any], meta: ExperimentMeta, words: Words) -> tuple[tuple[str, str], ...]:
    def count(key: str) -> str:
        return words.formats.number(known[key]) if key in known else ""

    def day(key: str) -> str:
        return words.formats.day(str(known[key])) if known.get(key) else ""

    return (
        (words.gettext("Visitors exposed"), count("exposed_units")),
        (words.gettext("With a closed window"), count("mature_units")),
        (words.gettext("Planned"), count("planned_units")),
        (words.gettext("Days so far"), words.formats.number(meta.days)),
        (words.gettext("Days left, about"), count("expected_days_left")),
        (words.gettext("Last look"), day("last_look")),
        (words.gettext("Planned end"), day("planned_end")),
    )
