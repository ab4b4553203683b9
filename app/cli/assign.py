"""`offerlab assign`: which variant does an id get? Computed here, without a server."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from app.cli.keys import open_database


@click.command()
@click.argument("experiment")
@click.argument("ids", nargs=-1)
@click.option(
    "--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="One id a line."
)
@click.option("--attributes", default="{}", help="JSON object the audience is matched against.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
def assign(experiment: str, ids: tuple[str, ...], path: Path | None, attributes: str, as_json: bool) -> None:
    """Print the variant of one id, or of a file of ids, as the service would give it.

    \b
    Example:
      offerlab assign promo-code-reuse v-1
      offerlab assign promo-code-reuse --file ids.txt > variants.tsv
    """
    if not ids and path is None:
        raise click.UsageError("give an id, or --file with one id a line")
    values = _attributes(attributes)
    rules = _rules(experiment)
    write = sys.stdout.write
    for unit_id in _unit_ids(ids, path):
        write(_line(rules, unit_id, values, as_json))


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


def _unit_ids(ids: tuple[str, ...], path: Path | None) -> Iterator[str]:
    yield from ids
    if path is not None:
        with path.open(encoding="utf-8") as file:
            yield from (line.rstrip("\r\n") for line in file if line.strip())


def _line(rules: Any, unit_id: str, attributes: dict[str, Any], as_json: bool) -> str:
    from assignment.decision import Assigned, decide

    decision = decide(rules, unit_id, attributes)
    variant = decision.variant if isinstance(decision, Assigned) else None
    if as_json:
        row = {"unit_id": unit_id, "variant": variant, "reason": decision.reason, "bucket": decision.bucket}
        return json.dumps(row, ensure_ascii=False) + "\n"
    return f"{unit_id}\t{variant or '-'}\t{decision.reason}\n"
