"""`offerlab plan`: units, days and money of a test before it starts."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stats.sizing import Baseline, Design, Size, Traffic


@click.command()
@click.option(
    "--control", "mean", type=float, required=True, help="Mean of control: a share, or with --sd a mean."
)
@click.option("--sd", type=float, help="Standard deviation of one unit; without it --control is a share.")
@click.option(
    "--mde", type=float, default=0.1, show_default=True, help="Smallest relevant rise, a share of control."
)
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Two-sided type-I error.")
@click.option(
    "--power", type=float, default=0.8, show_default=True, help="Chance to find the smallest relevant rise."
)
@click.option("--treatments", type=int, default=1, show_default=True, help="Variants compared with control.")
@click.option("--spending", default="kim-demets:2", show_default=True, help="Spending function.")
@click.option(
    "--open-ended", type=float, default=0.1, show_default=True, help="Share of alpha kept for later."
)
@click.option(
    "--looks", type=int, default=4, show_default=True, help="Number of looks without --units-a-day."
)
@click.option("--units-a-day", type=float, help="New visitors (or buyers) a day over all variants.")
@click.option(
    "--eligible-share", type=float, default=1.0, show_default=True, help="Share of them the metric counts."
)
@click.option("--window-days", type=int, default=0, show_default=True, help="Days a unit is watched.")
@click.option("--settle-days", type=int, default=7, show_default=True, help="Days until orders are final.")
@click.option(
    "--min-days", type=int, default=14, show_default=True, help="Days of entry before roll-out is tested."
)
@click.option("--max-days", type=int, default=90, show_default=True, help="Days the whole test may take.")
@click.option("--redemption-share", type=float, help="Redemptions per unit of a treatment, for the money.")
@click.option(
    "--discount-minor", type=float, help="Mean discount of a redemption, minor units, for the money."
)
@click.option("--margin-minor", type=float, help="Margin of an order before discount, for the break-even.")
@click.option(
    "--orders-per-unit", type=float, help="Orders per unit of control, for the break-even; else --control."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(as_json: bool, **given: Any) -> None:
    """Print how many units, days and how much money a test needs.

    With --units-a-day roll-out is tested at each whole week of entry; a test that does not fit into
    --max-days is told which rise would. For repeat purchase give the share that buys again as --control,
    buyers as --units-a-day and the days of the metric as --window-days.

    \b
    Example:
      offerlab plan --control 0.05 --mde 0.1 --units-a-day 3000 --window-days 30
      offerlab plan --control 95000 --sd 240000 --mde 0.05 --units-a-day 3000 --json
    """
    try:
        found = _document(given)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in _lines(found, given):
        click.echo(line)


def _document(given: dict[str, Any]) -> dict[str, Any]:
    from stats.sizing import Baseline, Design, feasible_mde, size_of_test

    baseline = Baseline(given["mean"], given["sd"])
    design = Design(
        given["alpha"], given["power"], given["treatments"], given["spending"], given["open_ended"]
    )
    traffic = _traffic(given)
    size = size_of_test(baseline, given["mde"], design, looks=given["looks"], traffic=traffic)
    feasible = feasible_mde(baseline, design, traffic) if traffic else None
    return _size(given["mde"], baseline, design, size) | {
        "feasible_mde": feasible,
        "budget_minor": _budget(given, size),
        "break_even": _break_even(given, baseline),
    }


def _traffic(given: dict[str, Any]) -> "Traffic | None":
    from stats.sizing import Traffic

    if given["units_a_day"] is None:
        return None
    if not 0 < given["eligible_share"] <= 1:
        raise ValueError(f"--eligible-share is {given['eligible_share']}; it must lie above 0 and at most 1")
    return Traffic(
        given["units_a_day"] * given["eligible_share"],
        given["window_days"],
        given["settle_days"],
        given["min_days"],
        given["max_days"],
    )


def _size(mde: float, baseline: "Baseline", design: "Design", size: "Size") -> dict[str, Any]:
    return {
        "mde": mde,
        "difference": mde * baseline.mean,
        "alpha_each": design.alpha_each,
        "units": size.units,
        "units_per_arm": size.units_per_arm,
        "fixed_units_per_arm": size.fixed_units_per_arm,
        "inflation": size.inflation,
        "expected_share": size.expected_share,
        "looks": list(size.looks),
        "duration": asdict(size.duration) if size.duration else None,
    }


def _budget(given: dict[str, Any], size: "Size") -> int | None:
    from stats.planning import budget_needed

    if given["redemption_share"] is None or given["discount_minor"] is None:
        return None
    treated = size.units_per_arm * given["treatments"] / given["eligible_share"]
    return budget_needed(treated, given["redemption_share"], given["discount_minor"])


def _break_even(given: dict[str, Any], baseline: "Baseline") -> dict[str, float] | None:
    from stats.planning import break_even

    money = (given["margin_minor"], given["redemption_share"], given["discount_minor"])
    orders = given["orders_per_unit"] or (None if baseline.sd is not None else baseline.mean)
    if orders is None or None in money:
        return None
    return asdict(break_even(orders, *money))


def _lines(found: dict[str, Any], given: dict[str, Any]) -> list[str]:
    looks = len(found["looks"])
    lines = [
        f"smallest rise      {found['mde']:.4g} of control ({found['difference']:.6g})",
        f"units              {found['units']:,} in all, {found['units_per_arm']:,} per variant",
        f"of a single look   {found['fixed_units_per_arm']:,} per variant",
        f"looks              {looks}, which cost {found['inflation']:.3f} times the units of a single one",
        f"mean size at stop  {found['expected_share']:.0%} of the plan, if the rise is real",
    ]
    if found["duration"] is not None:
        lines += _days(found, given)
    if found["budget_minor"] is not None:
        lines.append(f"budget             {found['budget_minor']:,} minor units of discounts")
    if found["break_even"] is not None:
        lines.append(f"pays for itself    from {found['break_even']['uplift']:+.2%} orders")
    return lines


def _days(found: dict[str, Any], given: dict[str, Any]) -> list[str]:
    days = found["duration"]
    lines = [f"days               {days['total_days']} in all, {days['entry_days']} of entry"]
    if days["feasible"]:
        return lines
    feasible = found["feasible_mde"]
    within = f"{given['max_days']} days"
    if feasible is None:
        return [*lines, f"not feasible       no rise can be found within {within}"]
    return [*lines, f"not feasible       within {within} a rise of {feasible:.4g} of control can be found"]
