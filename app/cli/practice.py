"""`offerlab simulate --against`: the offers of practice on invented shoppers, through a running service."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.practice.service import Finding

OPTIONS = ("against", "key", "key_file", "offers", "suffix")
_UNITS = {"share": (100.0, " pp", 2), "minor": (0.01, " ₽", 2)}


def practice_options(command: Any) -> Any:
    """The options of a run against a service."""
    for option in reversed(
        [
            click.option(
                "--against", metavar="URL", help="Drive shoppers through this running service instead."
            ),
            click.option(
                "--key",
                envvar="OFFERLAB_KEY",
                help="An adm key of the service; better from OFFERLAB_KEY or --key-file.",
            ),
            click.option(
                "--key-file",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="A file with the key.",
            ),
            click.option(
                "--offers",
                default="all",
                show_default=True,
                metavar="NAMES",
                help="Which offers to try with --against, comma-separated.",
            ),
            click.option(
                "--suffix",
                default="",
                metavar="TEXT",
                help="Added to the keys of the experiments, for another run on the same service.",
            ),
        ]
    ):
        command = option(command)
    return command


def run_practice(given: dict[str, Any], seed: int, *, as_json: bool) -> None:
    """Drive, judge and print; ends the program with 1 when a verdict contradicts what was planted.

    Raises:
        ClickException: the service is not there or refuses, or an option is wrong.
    """
    from app.practice.service import Stopped

    try:
        findings = _findings(given, seed)
    except Stopped as stopped:
        raise click.ClickException(str(stopped)) from None
    if as_json:
        shown = [asdict(finding) | {"right": finding.is_right} for finding in findings]
        click.echo(json.dumps({"seed": seed, "offers": shown}, ensure_ascii=False))
    else:
        for line in _lines(findings):
            click.echo(line)
    if not all(finding.is_right for finding in findings):
        sys.exit(1)


def _findings(given: dict[str, Any], seed: int) -> "list[Finding]":
    from app.clock import SystemClock
    from app.practice.service import Door, chosen, run_of, try_offers

    trials = chosen(given["offers"])
    with Door(given["against"], _key(given)) as door:
        run = run_of(door, seed, given["suffix"], SystemClock().now_us())
        length = sum(trial.units for trial in trials)
        with click.progressbar(length=length, label="shoppers", file=sys.stderr, show_eta=True) as bar:
            return try_offers(run, trials, bar.update)


def _key(given: dict[str, Any]) -> str:
    """The key, from the file or the environment.

    Raises:
        Stopped: there is none.
    """
    from app.practice.service import Stopped

    path: Path | None = given["key_file"]
    found = given["key"] if path is None else path.read_bytes().decode(errors="replace").strip()
    if not found or not found.isascii() or not found.isprintable():
        raise Stopped("an adm key of the service is needed: OFFERLAB_KEY or --key-file")
    return str(found)


def _lines(findings: "list[Finding]") -> list[str]:
    right = sum(finding.is_right for finding in findings)
    lines = [line for finding in findings for line in _finding_lines(finding)]
    return [*lines, f"{right} of {len(findings)} say what was planted"]


def _finding_lines(finding: "Finding") -> list[str]:
    signs = ", ".join(name if seen else f"NOT {name}" for name, seen in finding.signs.items())
    judged = "right" if finding.is_right else f"WRONG: expected {' or '.join(finding.expected)}"
    return [
        finding.experiment,
        f"  planted    {finding.planted}",
        f"  verdict    {finding.verdict}, {judged}",
        f"  estimate   {finding.metric}: {_estimate(finding)}",
        f"  seen       {signs}",
        f"  page       {finding.text['en']}",
        "",
    ]


def _estimate(finding: "Finding") -> str:
    """The difference with its interval, in the metric's own unit."""
    factor, unit, digits = _UNITS.get(finding.unit, (1.0, "", 3))
    ends = [None if end is None else end * factor for end in (finding.difference, finding.low, finding.high)]
    said = ["–" if end is None else f"{end:+.{digits}f}" for end in ends]
    return f"{said[0]}{unit} ({said[1]} … {said[2]})"
