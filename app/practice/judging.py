"""Reads the results of a trial and holds them against what was planted."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from app.practice.trials import Trial

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One trial judged.

    Attributes:
        trial: its name.
        experiment: key.
        planted: the truth.
        expected: states of which the verdict must be one.
        verdict: the state found.
        text: sentence by language, as the page says it.
        metric: label of the primary; `difference`, `low` and `high` of its last look.
        signs: what must be seen → whether it was.
    """

    trial: str
    experiment: str
    planted: str
    expected: tuple[str, ...]
    verdict: str
    text: dict[str, str]
    metric: str
    unit: str
    difference: float | None
    low: float | None
    high: float | None
    signs: dict[str, bool]

    @property
    def is_right(self) -> bool:
        """Whether verdict and signs say what was planted."""
        return self.verdict in self.expected and all(self.signs.values())


def judge(trial: Trial, document: Document, status: str) -> Finding:
    """The results of a trial against what was planted.

    Args:
        trial: the test.
        document: `GET …/results`.
        status: state of the experiment.
    """
    primary = document["metrics"][0]
    seen = {name: SIGNS[name](document, status) for name in ("trusted", *trial.signs)}
    (comparison,) = primary["comparisons"]
    low, high = comparison["interval"] or (None, None)
    return Finding(
        trial=trial.name,
        experiment=document["experiment"],
        planted=trial.planted,
        expected=tuple(sorted(trial.verdicts)),
        verdict=document["verdict"]["state"],
        text=document["verdict"]["text"],
        metric=f"{primary['key']}, {primary['window_days']} days",
        unit=primary["unit"],
        difference=comparison["difference"],
        low=low,
        high=high,
        signs=seen | {f"{trial.booked}_on_the_books": _booked(document, trial)},
    )


def _booked(document: Document, trial: Trial) -> bool:
    """Whether what the offer costs the shop stands in the profit of the arm that has it."""
    arms = {arm["variant"]: arm for arm in document["offers"]["profit"]["arms"]}
    costs = {name: arm[trial.booked] for name, arm in arms.items()}
    least = 0 if trial.messages else costs.pop(trial.control, math.inf)  # letters go to both arms
    return bool(costs) and all(cost > least for cost in costs.values())


def _comparison(document: Document, key: str) -> Document:
    found: Document = next(one for one in document["metrics"] if one["key"] == key)["comparisons"][0]
    return found


def _reasons(document: Document) -> set[str]:
    return {reason["code"] for reason in document["verdict"]["reasons"]}


def _noted(document: Document, key: str) -> bool:
    return any(check["key"] == key and check["count"] for check in document["trust"]["checks"])


def _trusted(document: Document, _status: str) -> bool:
    return bool(document["trust"]["status"] != "stop")


def _sells_more(document: Document, _status: str) -> bool:
    interval = _comparison(document, "conversion_rate")["interval"]
    return interval is not None and interval[0] is not None and interval[0] > 0


def _profit_falls(document: Document, _status: str) -> bool:
    interval = _comparison(document, "profit_per_unit")["interval"]
    is_below = interval is not None and interval[1] is not None and interval[1] < 0
    return is_below and "profit_falls" in _reasons(document)


def _pulls_forward(document: Document, _status: str) -> bool:
    rows = document["offers"]["pull_forward"]["rows"]
    return [row["diagnosis"] for row in rows] == ["pulls_forward"]


def _leakage(document: Document, _status: str) -> bool:
    return bool(document["offers"]["leakage"]["diluted"]) and _noted(document, "leakage")


def _budget_cut(document: Document, status: str) -> bool:
    return status == "frozen" and _noted(document, "budget_cut")


def _guardrail(document: Document, _status: str) -> bool:
    return "guardrail_not_passed" in _reasons(document)


SIGNS: Final[dict[str, Callable[[Document, str], bool]]] = {
    "trusted": _trusted,
    "sells_more": _sells_more,
    "profit_falls": _profit_falls,
    "pulls_forward": _pulls_forward,
    "leakage": _leakage,
    "budget_cut": _budget_cut,
    "guardrail": _guardrail,
}
