"""Experiment rows → the frames (`ExperimentMeta`, `ListRow`) that pages are drawn in."""

from typing import Any

from app.clock import isoformat, shop_day
from app.demo.shoppers import SIMULATED_KEYS
from app.experiments.tables import ExperimentRow
from app.strict import moment_us
from dashboards.meta import ENDED_STATUSES, ExperimentMeta, ListRow, OfferSummary, VariantMeta
from dashboards.wording import verdict_sentence
from stats.results import Result

INVENTED = "invented"  # the audience of experiments that only made-up shoppers enter
LIVE = frozenset({"running", "paused", "frozen"})
_AMOUNTS = ("amount_minor", "reward_minor", "price_minor")
_NOTES = ("product", "sku", "partner", "note", "text", "channel")


def experiment_meta(row: ExperimentRow, result: Result, now_us: int) -> ExperimentMeta:
    """The frame of an experiment's page."""
    definition = row.definition
    return ExperimentMeta(
        key=row.key,
        name=row.name,
        hypothesis=definition.get("hypothesis") or "",
        status=shown_status(row, now_us),
        variants=tuple(_variant(variant) for variant in definition["variants"]),
        notices=notices(row, result),
        started=_started(row),
        days=_days(row, now_us),
        unit=definition["unit"],
    )


def list_row(row: ExperimentRow, result: Result | None, locale: str, now_us: int) -> ListRow:
    """One line of the list; `result` is None for a draft."""
    status, unit = shown_status(row, now_us), row.definition["unit"]
    ended = status in ENDED_STATUSES
    return ListRow(
        key=row.key,
        name=row.name,
        status=status,
        days=_days(row, now_us),
        state=None if result is None else result.verdict.state,
        text="" if result is None else verdict_sentence(result, locale, ended=ended, unit=unit),
        units=0 if result is None else sum(result.trust.srm.counts.values()),
        notices=notices(row, result),
        unit=unit,
    )


def shown_status(row: ExperimentRow, now_us: int) -> str:
    """The state a reader sees: an experiment whose planned end has passed is over, whoever stops it."""
    end = _planned_end_us(row)
    return "stopped" if row.state in LIVE and end is not None and end <= now_us else str(row.state)


def notices(row: ExperimentRow, result: Result | None) -> tuple[str, ...]:
    """What a reader must know before the numbers: an A/A test, simulated shoppers, a false winner."""
    found = []
    if _is_same_offer_everywhere(row.definition):
        found.append("aa_test")
        if result is not None and _names_a_winner(result):
            found.append("false_winner_explained")
    if row.key in SIMULATED_KEYS or row.definition["audience"].get(INVENTED) == row.key:
        found.append("simulated")
    return tuple(found)


def _is_same_offer_everywhere(definition: dict[str, Any]) -> bool:
    offers = [variant.get("offer") for variant in definition["variants"]]
    return all(offer == offers[0] for offer in offers)


def _names_a_winner(result: Result) -> bool:
    primary = {metric.key for metric in result.metrics if metric.role == "primary"}
    return any(look.crossed and look.metric.partition(":")[0] in primary for look in result.looks)


def _variant(variant: dict[str, Any]) -> VariantMeta:
    return VariantMeta(
        key=variant["key"],
        name=variant["key"],
        weight=variant["weight"],
        control=bool(variant.get("control")),
        offer=_offer(variant.get("offer")),
    )


def _offer(offer: dict[str, Any] | None) -> OfferSummary | None:
    if offer is None or offer["kind"] == "none":
        return None
    code = offer.get("code") or {}
    return OfferSummary(
        kind=offer["kind"],
        percent=offer.get("percent"),
        amount_minor=_first(offer, _AMOUNTS),
        min_order_minor=_first(offer, ("min_order_minor", "spend_minor")),
        max_discount_minor=offer.get("max_discount_minor"),
        currency=offer.get("currency"),
        code_issue=code.get("issue", "none"),
        uses_per_customer=code.get("uses_per_customer"),
        valid_days=code.get("valid_days"),
        within_days=offer.get("valid_days"),
        delay_hours=offer.get("delay_hours"),
        pack_size=offer.get("min_pack_size"),
        referrer_minor=offer.get("referrer_minor"),
        invited_minor=offer.get("invited_minor"),
        most_minor=offer.get("max_reward_minor") if offer.get("growth") == "growing" else None,
        note=str(_first(offer, _NOTES) or ""),
    )


def _first(offer: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((offer[name] for name in names if offer.get(name) is not None), None)


def _start_us(row: ExperimentRow) -> int | None:
    from app.experiments.service import running_spans

    spans = running_spans(row)
    return spans[0][0] if spans else None


def _started(row: ExperimentRow) -> str | None:
    start = _start_us(row)
    return None if start is None else isoformat(start)


def _days(row: ExperimentRow, now_us: int) -> int:
    start = _start_us(row)
    if start is None:
        return 0
    zone = row.definition["timezone"]
    ends = [now_us, row.stopped_at_us, _planned_end_us(row)]
    last = shop_day(min(end for end in ends if end is not None) - 1, zone)
    if _is_imported(row, start) and row.closed_through is not None:
        last = min(last, row.closed_through)
    return max(0, last - shop_day(start, zone) + 1)


def _is_imported(row: ExperimentRow, start_us: int) -> bool:
    """Whether its days lay in the past when it was started, so that today says nothing about its length."""
    return row.started_at_us is not None and start_us < row.started_at_us


def _planned_end_us(row: ExperimentRow) -> int | None:
    end = row.definition.get("ends_at")
    return None if end is None else moment_us(end)
