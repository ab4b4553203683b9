"""`offerlab boundaries`: the z to exceed at each look of a group-sequential test."""

import json
import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stats.sequential.boundaries import LookBoundary


class NumberList(click.ParamType[tuple[float, ...], str]):
    """Numbers with commas between them."""

    name = "numbers"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """The numbers, in order."""
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value[:60]!r} is not a list of numbers such as 0.25,0.5,0.75,1", param, ctx)


@click.command()
@click.option(
    "--information",
    type=NumberList(),
    required=True,
    help="Information of each look as a share of the plan, rising, e.g. 0.25,0.5,0.75,1 (above 1: past it).",
)
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Type-I error over all sides.")
@click.option(
    "--spending",
    default="kim-demets:2",
    show_default=True,
    help="kim-demets:RHO, obrien-fleming, pocock, hwang-shih-decani:GAMMA or table:T=SHARE,…,1=1.",
)
@click.option(
    "--open-ended",
    type=float,
    default=0.0,
    show_default=True,
    help="Share of alpha kept for looks past the plan, from 0 up to 1.",
)
@click.option("--sides", type=click.Choice(["1", "2"]), default="2", show_default=True, help="1 or 2.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def boundaries(  # noqa: PLR0913, PLR0917 - one argument per option
    information: tuple[float, ...], alpha: float, spending: str, open_ended: float, sides: str, as_json: bool
) -> None:
    """Print z, nominal p-value and alpha spent per look.

    The p-value is the one of the look's z read alone, over all sides.

    \b
    Example:
      offerlab boundaries --information 0.25,0.5,0.75,1 --alpha 0.05 --spending kim-demets:2 --open-ended 0.1
    """
    from stats.sequential import boundaries as computed

    try:
        looks = computed.boundaries(
            information, alpha, spending, sides=int(sides), open_ended_share=open_ended
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps({"looks": [_row(look) for look in looks]}))
        return
    click.echo(f"{'information':>12} {'z':>10} {'p-value':>12} {'alpha spent':>12}")
    for look in looks:
        click.echo(f"{look.information:12g} {look.z:10.4f} {look.pvalue:12.6f} {look.alpha_spent:12.6f}")


def _row(look: "LookBoundary") -> dict[str, float | None]:
    """A look for JSON, which has no infinity: z and p-value are null where nothing can be spent yet."""
    spends = math.isfinite(look.z)
    return {
        "information": look.information,
        "z": look.z if spends else None,
        "pvalue": look.pvalue if spends else None,
        "alpha_spent": look.alpha_spent,
    }
