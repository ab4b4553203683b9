"""`offerlab analyze`: the analysis on files, without a server."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stats.results import Result

LOCALES = ("en", "ru")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _output(command: Callable[..., None]) -> Callable[..., None]:
    """`--json`, `--out` and `--lang`, the same on every command."""
    command = click.option(
        "--lang",
        type=click.Choice(LOCALES),
        default="en",
        show_default=True,
        help="Language of the .html page.",
    )(command)
    command = click.option(
        "--out",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write the result document (.json) or one self-contained page (.html) here.",
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="Print the result document.")(command)


@click.group()
def analyze() -> None:
    """Read files of events, of units, of counts or of another system's readings, without a server.

    The result is the service's: exported files and their plan.toml give the same numbers, digit for digit.
    Rows that cannot be used are counted and named under "unusable", never dropped silently.

    \b
    Example:
      offerlab analyze events --exposures exposures.csv --orders orders.csv --plan plan.toml --json
      offerlab analyze units units.csv --plan plan.toml --out results.html
      offerlab analyze counts counts.csv --control single-use
      offerlab analyze snapshots readings.csv --plan plan.toml
    """


@analyze.command()
@click.option("--exposures", type=FILE, required=True, multiple=True, help="CSV or Parquet; may be repeated.")
@click.option("--orders", type=FILE, required=True, multiple=True, help="CSV or Parquet; may be repeated.")
@click.option("--refunds", type=FILE, multiple=True, help="CSV or Parquet; may be repeated.")
@click.option("--redemptions", type=FILE, multiple=True, help="Uses of codes, as exported; may be repeated.")
@click.option(
    "--events", "happened", type=FILE, multiple=True, help="Messages, points, codes issued, as exported."
)
@click.option("--suspects", type=FILE, multiple=True, help="Suspected units, as exported.")
@click.option("--plan", type=FILE, required=True, help="plan.toml")
@_output
def events(  # noqa: PLR0913, PLR0917 - one argument per option
    exposures: tuple[Path, ...],
    orders: tuple[Path, ...],
    refunds: tuple[Path, ...],
    redemptions: tuple[Path, ...],
    happened: tuple[Path, ...],
    suspects: tuple[Path, ...],
    plan: Path,
    as_json: bool,
    out: Path | None,
    lang: str,
) -> None:
    """Read exposures, orders and refunds, and what happened around the offers.

    \b
    Example:
      offerlab analyze events --exposures x.parquet --orders o.parquet --plan plan.toml --out results.json
    """
    from app.analyze.events import analyze_events

    more = {"redemptions_path": redemptions, "events_path": happened, "suspects_path": suspects}
    _answer(lambda: analyze_events(exposures, orders, refunds, plan, **more), as_json, out, lang)


@analyze.command()
@click.argument("file", type=FILE)
@click.option("--plan", type=FILE, required=True, help="plan.toml with [[metrics]]")
@_output
def units(file: Path, plan: Path, as_json: bool, out: Path | None, lang: str) -> None:
    """Read a file with one row per unit: unit_id, variant and a column per metric.

    \b
    Example:
      offerlab analyze units units.parquet --plan plan.toml --json
    """
    from app.analyze.units import analyze_units

    _answer(lambda: analyze_units(file, plan), as_json, out, lang)


@analyze.command()
@click.argument("file", type=FILE)
@click.option("--control", required=True, help="The variant the others are compared with.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Two-sided type-I error.")
@click.option("--weights", help="Planned shares, e.g. a=0.9,b=0.1; equal ones without it.")
@_output
def counts(  # noqa: PLR0913, PLR0917 - one argument per option
    file: Path,
    control: str,
    alpha: float,
    weights: str | None,
    as_json: bool,
    out: Path | None,
    lang: str,
) -> None:
    """Read one row per variant, as one look at everybody (no peeking beforehand).

    Columns: variant, n, successes; or variant, n, mean, variance (of one unit).

    \b
    Example:
      offerlab analyze counts counts.csv --control single-use --json
    """
    from app.analyze.counts import analyze_counts

    shares = None if weights is None else _weights(weights)
    _answer(lambda: analyze_counts(file, control, alpha=alpha, weights=shares), as_json, out, lang)


@analyze.command()
@click.argument("file", type=FILE)
@click.option("--plan", type=FILE, required=True, help="plan.toml; [[metrics]] is optional")
@_output
def snapshots(file: Path, plan: Path, as_json: bool, out: Path | None, lang: str) -> None:
    """Read cumulative readings of another system, each of them a look.

    Columns: time, metric (optional), and n, mean and variance with _control and with _treatment.

    \b
    Example:
      offerlab analyze snapshots readings.csv --plan plan.toml --out results.html
    """
    from app.analyze.snapshots import analyze_snapshots

    _answer(lambda: analyze_snapshots(file, plan), as_json, out, lang)


def _weights(text: str) -> dict[str, float]:
    """`a=0.9,b=0.1` as shares by variant."""
    try:
        found = {key: float(share) for key, share in (part.rsplit("=", 1) for part in text.split(","))}
    except ValueError:
        found = {}
    if not found or not all(0 < share < math.inf for share in found.values()):
        raise click.BadParameter("give shares above 0 such as a=0.9,b=0.1", param_hint="--weights")
    return found


def _answer(read: Callable[[], tuple["Result", bytes]], as_json: bool, out: Path | None, lang: str) -> None:
    from app.analyze.page import page_of
    from app.errors import Refusal

    if out is not None and out.suffix not in {".json", ".html"}:
        raise click.BadParameter("write .json or .html", param_hint="--out")
    try:
        result, document = read()
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from None
    if out is not None:
        out.write_bytes(page_of(result, lang).encode() if out.suffix == ".html" else document)
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
