"""The answer of `offerlab plan` as a JSON object: what was asked, the size, the days, the money."""

from dataclasses import asdict
from typing import Any

from app.cli.plan_log import LogFindings, read_base_rates
from stats.designing import Design, Traffic
from stats.one_look import Baseline, BaselineKind
from stats.planning import break_even, budget_needed
from stats.sizing import Size, feasible_mde, size_of_test, size_of_units

_DEFAULT_MDE = 0.1
_MONEY = ("redemption_share", "discount_minor", "margin_minor", "orders_per_unit")


def answer(given: dict[str, Any]) -> dict[str, Any]:
    """Answer one call of the command.

    Args:
        given: the options by name; None where an option was not given.

    Raises:
        ValueError: an option is outside its range, or a needed one is missing.
        Invalid: the order log cannot be read.
    """
    log = read_base_rates(given)
    known = given | {"window_days": given["window_days"] or 0} | (log.filled if log else {})
    baseline, design = _baseline(known), _design(known)
    traffic = _traffic(known)
    mde, size = _size(known, baseline, design, traffic)
    return {
        "asked": "mde" if known["units"] is not None else "units",
        "question": "non_inferiority" if design.is_margin else "difference",
        "kind": baseline.kind,
        "control": baseline.mean,
        "sd": baseline.sd,
        "mde": mde,
        "difference": None if mde is None else mde * baseline.mean,
        "alpha_each": design.alpha_each,
        "weights": list(design.shares),
        **_units(size),
        "feasible_mde": feasible_mde(baseline, design, traffic) if traffic else None,
        "max_days": known["max_days"],
        **_money(known, baseline, size),
        "from_log": log.document if log else None,
        "warnings": _warnings(known, baseline, log),
    }


def _baseline(known: dict[str, Any]) -> Baseline:
    if known["mean"] is None:
        raise ValueError("--control is missing: give control's mean, or --orders to read it from")
    kind: BaselineKind = known["kind"] or ("share" if known["sd"] is None else "mean")
    return Baseline(known["mean"], known["sd"], kind, known["direction"])


def _design(known: dict[str, Any]) -> Design:
    return Design(
        known["alpha"],
        known["power"],
        _weights(known["weights"], known["treatments"]),
        known["spending"],
        0.0 if known["fixed"] else known["open_ended"],
        known["sides"],
        known["non_inferiority"],
    )


def _weights(text: str | None, treatments: int | None) -> tuple[float, ...]:
    if text is None:
        return (1.0,) * (1 + max(0, 1 if treatments is None else treatments))
    try:
        weights = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--weights is {text!r}; give numbers with commas, control first") from None
    if treatments not in {None, len(weights) - 1}:
        raise ValueError(f"--weights has {len(weights) - 1} treatments, --treatments says {treatments}")
    return weights


def _traffic(known: dict[str, Any]) -> Traffic | None:
    if known["units_a_day"] is None:
        return None
    if not 0 < known["eligible_share"] <= 1:
        raise ValueError(f"--eligible-share is {known['eligible_share']}; it must lie above 0 and at most 1")
    return Traffic(
        known["units_a_day"] * known["eligible_share"],
        known["window_days"],
        known["settle_days"],
        known["min_days"],
        known["max_days"],
        known["fixed"],
    )


def _size(
    known: dict[str, Any], baseline: Baseline, design: Design, traffic: Traffic | None
) -> tuple[float | None, Size]:
    looks = 1 if known["fixed"] else known["looks"]
    if known["units"] is not None:
        if known["mde"] is not None:
            raise ValueError("--units asks which effect can be found, --mde how many units: give one of them")
        return size_of_units(baseline, known["units"], design, looks=looks, traffic=traffic)
    mde = _DEFAULT_MDE if known["mde"] is None else known["mde"]
    return mde, size_of_test(baseline, mde, design, looks=looks, traffic=traffic)


def _units(size: Size) -> dict[str, Any]:
    even = len(set(size.units_by_variant)) == 1
    return {
        "units": size.units,
        "units_exact": size.units_exact,
        "units_by_variant": list(size.units_by_variant),
        "units_per_arm": size.units_by_variant[0] if even else None,
        "fixed_units_by_variant": list(size.fixed_units_by_variant),
        "fixed_units_per_arm": size.fixed_units_by_variant[0] if even else None,
        "inflation": size.inflation,
        "expected_share": size.expected_share,
        "looks": list(size.looks),
        "duration": asdict(size.duration) if size.duration else None,
    }


def _money(known: dict[str, Any], baseline: Baseline, size: Size) -> dict[str, Any]:
    """Budget and break-even; `money_needs` names what was not given, once something was."""
    money = {name: known[name] for name in _MONEY}
    if money["orders_per_unit"] is None and baseline.kind in {"share", "repeat", "count"}:
        money["orders_per_unit"] = baseline.mean
    treated = sum(size.units_by_variant[1:]) / known["eligible_share"]
    redeemed = money["redemption_share"]
    return {
        "treated_units": treated,
        "expected_redemptions": None if redeemed is None else treated * redeemed,
        "budget_minor": _budget(treated, money),
        "break_even": _break_even(treated, money),
        "money_needs": [name for name in _MONEY if money[name] is None],
    }


def _budget(treated: float, money: dict[str, Any]) -> int | None:
    if money["redemption_share"] is None or money["discount_minor"] is None:
        return None
    return budget_needed(treated, money["redemption_share"], money["discount_minor"])


def _break_even(treated: float, money: dict[str, Any]) -> dict[str, float] | None:
    if None in money.values():
        return None
    found = break_even(
        money["orders_per_unit"], money["margin_minor"], money["redemption_share"], money["discount_minor"]
    )
    return asdict(found) | {"extra_orders": found.extra_orders(treated)}


def _warnings(known: dict[str, Any], baseline: Baseline, log: LogFindings | None) -> list[str]:
    found = []
    if baseline.kind == "ratio":
        found.append("a ratio explains and never decides: the arm changes its denominator")
    gap = log.median_gap_days if log else None
    valid_days = known["valid_days"] or 0
    if gap is not None and known["window_days"] < valid_days + gap:
        found.append(
            f"the window of {known['window_days']} days is shorter than the longest code life of "
            f"{valid_days} days plus the median {gap:g} days between orders: orders that only moved will "
            "look like new ones"
        )
    return found
