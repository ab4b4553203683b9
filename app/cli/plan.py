"""`offerlab plan`: units, days and money of a test before it starts, or what given units can find."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

METRICS = (  # those of `stats.base_rates`, which is imported only where it is used
    "conversion_rate",
    "orders_per_unit",
    "revenue_per_unit",
    "repeat_buyers_per_unit",
    "repeat_purchase_rate",
    "orders_per_customer",
    "average_order_value",
)
_DAY = click.DateTime(["%Y-%m-%d"])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_KINDS = click.Choice(["share", "mean", "count", "repeat", "ratio"])


def _option(name: str, said: str, kind: Any = float, default: Any = None) -> Callable[..., Any]:
    return click.option(name, type=kind, default=default, show_default=default is not None, help=said)


_OPTIONS = (
    click.option("--control", "mean", type=float, help="Mean of control per unit; or from --orders."),
    _option("--sd", "Standard deviation of one unit (a count without it is Poisson's)."),
    _option("--kind", "Kind of metric; a mean with --sd, else a share, if not given.", _KINDS),
    _option("--mde", "Smallest relevant effect (or margin), a share of control.  [default: 0.1]"),
    _option("--units", "Mature units over all variants: asks for the effect they can find instead.", int),
    _option("--alpha", "Type-I error over all sides and variants.", default=0.05),
    _option("--power", "Chance to find the smallest relevant effect.", default=0.8),
    _option("--sides", "Sides of the test; the service tests two.", click.IntRange(1, 2), 2),
    _option("--direction", "What is good for the shop.", click.Choice(["increase", "decrease"]), "increase"),
    click.option(
        "--non-inferiority", is_flag=True, help="Plan a guardrail: --mde is its margin, one-sided 0.025."
    ),
    _option("--treatments", "Variants compared with control, equal weights.  [default: 1]", int),
    _option("--weights", "Weights of the variants, control first: 0.8,0.1,0.1.", str),
    click.option("--fixed", is_flag=True, help="One look when all units have matured."),
    _option("--spending", "Spending function.", str, "kim-demets:2"),
    _option("--open-ended", "Share of alpha kept for later.", default=0.1),
    _option("--looks", "Number of looks where the units a day are unknown.", int, 4),
    _option("--units-a-day", "New visitors (or buyers) a day over all variants; or from --orders."),
    _option("--eligible-share", "Share of them the metric counts.", default=1.0),
    _option("--window-days", "Days a unit is watched.  [default: 0; with --orders 30]", int),
    _option("--settle-days", "Days until orders are final.", int, 7),
    _option("--min-days", "Days of entry before roll-out is tested.", int, 14),
    _option("--max-days", "Days the whole test may take.", int, 90),
    _option("--orders", "Your own order log (unit_id, occurred_at, items_minor) for the base rates.", _FILE),
    _option("--metric", "Metric to read from --orders.", click.Choice(METRICS), METRICS[0]),
    click.option("--from", "since", type=_DAY, help="First day of --orders that counts."),
    click.option("--until", type=_DAY, help="Last day of --orders that counts, itself included."),
    _option("--timezone", "Zone in which the days of --orders are cut.", str, "UTC"),
    _option("--cap-minor", "Cap on money per unit of --orders; else as the looks freeze it.", int),
    _option("--min-order-minor", "Largest order from which an offer holds: the cap stays above.", int, 0),
    _option("--valid-days", "Days the longest-lived code is valid, for a warning.", int),
    _option("--redemption-share", "Redemptions per unit of a treatment, for the money."),
    _option("--discount-minor", "Mean discount of a redemption, minor units, for the money."),
    _option("--margin-minor", "Margin of an order before discount, for the break-even."),
    _option("--margin-share", "The same as a share of the mean order of --orders."),
    _option("--orders-per-unit", "Orders per unit of control, for the break-even; else a share or count."),
)


def _with_options(command: Any) -> Any:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@_with_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(as_json: bool, **given: Any) -> None:
    """Print how many units, days and how much money a test needs; with --units what those can find.

    With --units-a-day roll-out is tested at each whole week of entry; a test that does not fit into
    --max-days is told which effect would. For repeat purchase give --kind repeat, the share that buys again
    as --control, buyers as --units-a-day and the days of the metric as --window-days. --orders takes all
    that from your own order log; options given as well win over it.

    \b
    Example:
      offerlab plan --control 0.05 --mde 0.1 --units-a-day 3000 --window-days 30
      offerlab plan --control 95000 --sd 240000 --units 80000 --weights 0.8,0.1,0.1 --json
      offerlab plan --orders orders.csv --from 2026-01-01 --until 2026-03-31 --metric repeat_purchase_rate
    """
    from app.cli.plan_answer import answer
    from app.cli.plan_text import lines
    from app.errors import Refusal

    try:
        found = answer(given)
    except (ValueError, Refusal) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in lines(found):
        click.echo(line)
