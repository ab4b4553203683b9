"""`offerlab assign`: which variant does an id get? Computed here, without a server."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from app.cli.keys import open_database


@click.command()
@click.argument("arguments", nargs=-1, metavar="[EXPERIMENT] [IDS]...")
@click.option("--experiment", help="Key of the experiment, where it is not the first argument.")
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="One id a line, or Parquet. Without ids and file: standard input.",
)
@click.option("--column", default="unit_id", show_default=True, help="Column of the ids in Parquet.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A .parquet, .csv or .tsv file.")
@click.option("--attributes", default="{}", help="JSON object the audience is matched against.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
def assign(  # noqa: PLR0913, PLR0917 - the options of the command
    arguments: tuple[str, ...],
    experiment: str | None,
    path: Path | None,
    column: str,
    out: Path | None,
    attributes: str,
    as_json: bool,
) -> None:
    """Print the variant of one id, or of a whole mailing list, as the service would give it.

    \b
    Example:
      offerlab assign promo-code-reuse v-1
      offerlab assign --experiment promo-code-reuse < ids.txt > variants.tsv
      offerlab assign --experiment promo-code-reuse --file customers.parquet --out variants.parquet
    """
    if experiment is None:
        if not arguments:
            raise click.UsageError("name the experiment: offerlab assign KEY, or --experiment KEY")
        experiment, *ids = arguments
    else:
        ids = list(arguments)
    if not ids and path is None and sys.stdin.isatty():
        raise click.UsageError("give an id, --file with one id a line, or ids on standard input")
    if as_json and out is not None:
        raise click.UsageError("--json goes to standard output; --out writes .parquet, .csv or .tsv")
    values = _attributes(attributes)
    rules = _rules(experiment)
    _run(rules, ids, values, path, column, out, as_json=as_json)


def _run(  # noqa: PLR0913, PLR0917 - what the command was given
    rules: Any,
    ids: list[str],
    values: dict[str, Any],
    path: Path | None,
    column: str,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    from app.cli.mailing import assigned, count_of, read_blocks, with_progress, write

    if as_json:
        for block in [ids, *(read_blocks(path, column) if path or not ids else ())]:
            texts = block if isinstance(block, list) else block.to_pylist()
            sys.stdout.writelines(_json_line(rules, unit_id, values) for unit_id in texts)
        return
    given = [ids] if ids else []
    more = with_progress(read_blocks(path, column), count_of(path)) if path or not ids else iter(())
    write((assigned(rules, block, values) for source in (given, more) for block in source), out)


def _attributes(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--attributes") from None
    if not isinstance(value, dict):
        raise click.BadParameter("must be a JSON object", param_hint="--attributes")
    return value


def _rules(experiment: str) -> Any:
    from app.errors import Refusal
    from app.serving.service import served_experiment

    with open_database() as (_, database):
        try:
            return served_experiment(database, experiment).rules
        except Refusal as refusal:
            raise click.ClickException(str(refusal)) from None


def _json_line(rules: Any, unit_id: str, attributes: dict[str, Any]) -> str:
    from assignment.decision import Assigned, decide

    decision = decide(rules, unit_id, attributes)
    variant = decision.variant if isinstance(decision, Assigned) else None
    row = {"unit_id": unit_id, "variant": variant, "reason": decision.reason, "bucket": decision.bucket}
    return json.dumps(row, ensure_ascii=False) + "\n"
