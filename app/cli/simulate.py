"""`offerlab simulate`: what a test would find in a shop like yours, before it starts."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.practice import OPTIONS, practice_options, run_practice

if TYPE_CHECKING:
    from collections.abc import Callable

    from stats.shoppers import Shop, Shoppers

_MOVED_BY = {  # orders that come earlier stay inside the window after an order, not inside that after a visit
    "conversion_rate": ("uplift",),
    "revenue_per_unit": ("uplift", "again_uplift", "pull_forward", "discount_share"),
    "repeat_buyers_per_unit": ("uplift", "again_uplift", "pull_forward"),
    "repeat_purchase_rate": ("again_uplift",),
}
METRICS = tuple(_MOVED_BY)
_SHOP: dict[str, tuple[type, str]] = {
    "units_a_day": (int, "Visitors a day over both arms."),
    "days": (int, "Days of entry."),
    "weekend_factor": (float, "Traffic at weekends against other days."),
    "conversion": (float, "Share of control that orders."),
    "again": (float, "Share of buyers that orders once more."),
    "again_days": (float, "Mean days until the second order."),
    "basket_minor": (int, "Median basket, minor units."),
    "basket_sigma": (float, "Sigma of the log-normal basket."),
    "whale_share": (float, "Share of units with baskets fifteen times as large."),
    "refund_share": (float, "Share of orders refunded."),
    "uplift": (float, "Planted relative rise of conversion; 0 is an A/A test."),
    "again_uplift": (float, "Planted relative rise of second orders."),
    "pull_forward": (float, "Share by which second orders come earlier; none is added."),
    "discount_share": (float, "Discount of the treatment."),
    "leakage": (float, "Share of control's buyers that uses the treatment's code."),
    "window_days": (int, "Days a unit is watched."),
    "settle_days": (int, "Days until orders are final."),
}


def _shop_options(command: Any) -> Any:
    """One option per field of the shop, with the field's default."""
    from stats.shoppers import Shop

    defaults = asdict(Shop())
    for name, (kind, said) in reversed(_SHOP.items()):
        option = f"--{name.replace('_', '-')}"
        command = click.option(option, type=kind, default=defaults[name], show_default=True, help=said)(
            command
        )
    return command


@click.command()
@click.option(
    "--metric", type=click.Choice(METRICS), default=METRICS[0], show_default=True, help="What decides."
)
@click.option("--runs", type=int, default=200, show_default=True, help="Simulated tests.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same shoppers.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Two-sided type-I error.")
@click.option(
    "--look-days", type=click.Choice(["weekly", "daily"]), default="weekly", show_default=True, help="Looks."
)
@click.option(
    "--orders",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own order log (unit_id, occurred_at, items_minor): its buyers are drawn, not made up.",
)
@click.option(
    "--from", "since", type=click.DateTime(["%Y-%m-%d"]), help="First day of --orders that counts (UTC)."
)
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day of --orders that counts, itself included."
)
@click.option(
    "--write",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write one draw as files for `offerlab analyze events` here instead.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@practice_options
@_shop_options
def simulate(  # noqa: PLR0913, PLR0917 - one argument per option
    metric: str,
    runs: int,
    seed: int,
    alpha: float,
    look_days: str,
    orders: Path | None,
    since: datetime | None,
    until: datetime | None,
    write: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Run simulated tests day by day through the looks of the service, and count what they prove.

    Without a planted effect every claim is a false alarm; with one, claims are the power. With --orders the
    baskets and waits are those of your own log, of the days --from … --until. With --against, invented
    shoppers try the offers of practice on a running service over HTTP, and what it says of each is held
    against what was planted; exit code 1 when it contradicts.

    \b
    Example:
      offerlab simulate --conversion 0.05 --uplift 0.1 --units-a-day 2000 --runs 200
      offerlab simulate --pull-forward 0.5 --metric repeat_purchase_rate --json
      offerlab simulate --orders orders.csv --from 2026-01-01 --until 2026-03-31 --uplift 0.1
      offerlab simulate --against http://127.0.0.1:8000 --key-file adm.key --offers threshold,gift
      offerlab simulate --write ./simulated && offerlab analyze events --exposures simulated/exposures.csv \
        --orders simulated/orders.csv --refunds simulated/refunds.csv --plan simulated/plan.toml
    """
    from app.errors import Refusal
    from stats.shoppers import Shop

    practice = {name: given.pop(name) for name in OPTIONS}
    if practice["against"] is not None:
        if orders or write:
            raise click.ClickException(
                "--against drives invented shoppers; --orders and --write do not go with it"
            )
        run_practice(practice, seed, as_json=as_json)
        return
    try:
        shop = Shop(**given)
        if write is not None:
            from app.simulate.files import write_files

            found: dict[str, Any] = {"written": write_files(write, shop, seed, metric)}
        else:
            drawn = _resampler(orders, since, until, shop, seed)
            found = _study(shop, metric, runs, seed, alpha, look_days, drawn)
    except (ValueError, Refusal) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in _lines(found):
        click.echo(line)


def _resampler(
    orders: Path | None, since: datetime | None, until: datetime | None, shop: "Shop", seed: int
) -> "Callable[[int], Shoppers] | None":
    from app.simulate.order_log import Period, read_log

    if orders is None:
        if since or until:
            raise ValueError("--from and --until choose days of an order log; --orders is missing")
        return None
    period = Period(since and since.date(), until and until.date())
    return read_log(orders, period).resampler(shop, seed)


def _study(  # noqa: PLR0913, PLR0917 - what a study is made of
    shop: "Shop",
    metric: str,
    runs: int,
    seed: int,
    alpha: float,
    look_days: str,
    drawn: "Callable[[int], Shoppers] | None",
) -> dict[str, Any]:
    from stats.studies import findings, plan_of_shop, runs_of

    plan = plan_of_shop(shop, metric, alpha=alpha, look_days=look_days)
    study = runs_of(shop, plan, runs, seed, drawn)
    ended = []
    with click.progressbar(length=runs, label="tests", file=sys.stderr) as bar:
        for run in study:
            ended.append(run)
            bar.update(1)
    is_aa = not _moves(shop, metric)
    return {"metric": metric, "seed": seed, "alpha": alpha, "aa": is_aa} | asdict(findings(ended, alpha))


def _moves(shop: "Shop", metric: str) -> bool:
    """Whether anything planted moves the metric in truth, so that a claim would be no false alarm."""
    return any(getattr(shop, name) for name in _MOVED_BY[metric])


def _lines(found: dict[str, Any]) -> list[str]:
    if "written" in found:
        return [f"wrote {path}" for path in found["written"]]
    claimed = found["better"] + found["worse"]
    lines = [
        f"{found['runs']} tests of {found['metric']}",
        f"proven better      {found['better']:.1%}",
        f"proven worse       {found['worse']:.1%}",
        f"Monte-Carlo error  {found['monte_carlo_error']:.1%}",
        f"mean size at end   {found['mean_stop']:.0%} of the plan",
    ]
    if found["aa"]:
        limit = found["false_positive_limit"]
        judged = "within" if claimed <= limit else "ABOVE"
        said = f"{claimed:.1%}, {judged} the limit of {limit:.1%} for alpha {found['alpha']:g}"
        lines.append(f"false alarms       {said}")
    return lines
