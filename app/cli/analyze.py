"""`offerlab analyze`: the analysis on files, without a server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _output(command: Callable[..., None]) -> Callable[..., None]:
    """`--json` and `--out`, the same on every command."""
    command = click.option(
        "--out",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write the result document here (.json).",
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="Print the result document.")(command)


@click.group()
def analyze() -> None:
    """Read files of events or of units under a plan, without a server.

    The result is the service's: exported files and their plan.toml give the same numbers, digit for digit.
    Rows that cannot be used are counted and named under "unusable", never dropped silently.

    \b
    Example:
      offerlab analyze events --exposures exposures.csv --orders orders.csv --plan plan.toml --json
      offerlab analyze units units.csv --plan plan.toml
    """


@analyze.command()
@click.option("--exposures", type=FILE, required=True, multiple=True, help="CSV or Parquet; may be repeated.")
@click.option("--orders", type=FILE, required=True, multiple=True, help="CSV or Parquet; may be repeated.")
@click.option("--refunds", type=FILE, multiple=True, help="CSV or Parquet; may be repeated.")
@click.option("--plan", type=FILE, required=True, help="plan.toml")
@_output
def events(  # noqa: PLR0913, PLR0917 - one argument per option
    exposures: tuple[Path, ...],
    orders: tuple[Path, ...],
    refunds: tuple[Path, ...],
    plan: Path,
    as_json: bool,
    out: Path | None,
) -> None:
    """Read exposures, orders and refunds.

    \b
    Example:
      offerlab analyze events --exposures x.parquet --orders o.parquet --plan plan.toml --out results.json
    """
    from app.analyze.events import analyze_events

    _answer(lambda: analyze_events(exposures, orders, refunds, plan)[1], as_json, out)


@analyze.command()
@click.argument("file", type=FILE)
@click.option("--plan", type=FILE, required=True, help="plan.toml with [[metrics]]")
@_output
def units(file: Path, plan: Path, as_json: bool, out: Path | None) -> None:
    """Read a file with one row per unit: unit_id, variant and a column per metric.

    \b
    Example:
      offerlab analyze units units.parquet --plan plan.toml --json
    """
    from app.analyze.units import analyze_units

    _answer(lambda: analyze_units(file, plan)[1], as_json, out)


def _answer(read: Callable[[], bytes], as_json: bool, out: Path | None) -> None:
    from app.errors import Refusal

    if out is not None and out.suffix != ".json":
        raise click.BadParameter("write .json; other formats are not built yet", param_hint="--out")
    try:
        document = read()
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from None
    if out is not None:
        out.write_bytes(document)
    if as_json:
        click.echo(document.decode())
    elif out is None:
        for line in _summary(json.loads(document)):
            click.echo(line)


def _summary(document: dict[str, Any]) -> list[str]:
    """What stands in the document, for a reader in a hurry."""
    lines = [document["verdict"]["text"]["en"], ""]
    for metric in document["metrics"]:
        for variant in metric["variants"]:
            mean = variant["inconclusive"] if variant["mean"] is None else f"{variant['mean']:.6g}"
            lines.append(f"{metric['key']:24} {variant['variant']:20} n={variant['n']:<10} {mean}")
        for comparison in metric["comparisons"]:
            found = comparison["inconclusive"] or f"difference {comparison['difference']:.6g}"
            interval = f" in {comparison['interval']}" if comparison["interval"] else ""
            lines.append(f"{metric['key']:24} {comparison['treatment']:20} {found}{interval}")
    for code, found in document["unusable"].items():
        places = ", ".join(f"{row['file']} row {row['row']}" for row in found["first"])
        lines.append(f"not used: {found['count']} {code} ({places})")
    return lines
