"""The answer of `offerlab plan` in lines for people."""

from typing import Any


def lines(found: dict[str, Any]) -> list[str]:
    """The lines of one answer, as `app.cli.plan_answer.answer` gives it."""
    parts = [_log(found), _effect(found), _units(found), _days(found), _money(found)]
    return [line for part in parts for line in part] + [_line("warning", said) for said in found["warnings"]]


def _line(name: str, said: str) -> str:
    return f"{name:<18} {said}"


def _log(found: dict[str, Any]) -> list[str]:
    log = found["from_log"]
    if log is None:
        return []
    span = f"{log['from']} … {log['until']}"
    gap = log["median_gap_days"]
    taken = ", ".join(f"{name} {value:.6g}" for name, value in log["taken"].items())
    return [
        _line("order log", f"{log['orders']:,} orders of {log['customers']:,} customers, {span}"),
        _line("taken from it", f"{taken or 'nothing'} (per {log['unit']}, {log['window_days']} days)"),
        *([] if gap is None else [_line("median gap", f"{gap:g} days between orders")]),
    ]


def _effect(found: dict[str, Any]) -> list[str]:
    name = "smallest margin" if found["question"] == "non_inferiority" else "smallest effect"
    if found["mde"] is None:
        return [_line(name, "none: even the largest one cannot be found with so few units")]
    return [_line(name, f"{found['mde']:.4g} of control ({found['difference']:.6g})")]


def _units(found: dict[str, Any]) -> list[str]:
    looks = len(found["looks"])
    return [
        _line("units", f"{found['units']:,} in all, {_shared(found['units_by_variant'])}"),
        _line("of a single look", _shared(found["fixed_units_by_variant"])),
        _line("looks", f"{looks}, which cost {found['inflation']:.3f} times the units of a single one"),
        _line("mean size at stop", f"{found['expected_share']:.0%} of the plan, if the effect is real"),
    ]


def _shared(units: list[int]) -> str:
    if len(set(units)) == 1:
        return f"{units[0]:,} per variant"
    return " + ".join(f"{count:,}" for count in units) + " (control first)"


def _days(found: dict[str, Any]) -> list[str]:
    days = found["duration"]
    if days is None:
        return []
    said = [_line("days", f"{days['total_days']} in all, {days['entry_days']} of entry")]
    if days["feasible"]:
        return said
    within = f"{found['max_days']} days"
    if found["feasible_mde"] is None:
        return [*said, _line("not feasible", f"nothing can be found within {within}")]
    what = "a margin" if found["question"] == "non_inferiority" else "an effect"
    fits = f"{what} of {found['feasible_mde']:.4g} of control can be found"
    return [*said, _line("not feasible", f"within {within} {fits}")]


def _money(found: dict[str, Any]) -> list[str]:
    said = []
    if found["budget_minor"] is not None:
        redeemed = f"{found['expected_redemptions']:,.0f} redemptions"
        said.append(_line("budget", f"{found['budget_minor']:,} minor units of discounts, {redeemed}"))
    if found["break_even"] is not None:
        even = found["break_even"]
        said.append(
            _line(
                "pays for itself", f"from {even['uplift']:+.2%} orders: {even['extra_orders']:,} extra ones"
            )
        )
    elif said:
        needs = ", ".join(f"--{name.replace('_', '-')}" for name in found["money_needs"])
        said.append(_line("pays for itself", f"unknown without {needs}"))
    return said
