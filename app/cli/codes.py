"""`offerlab codes`: import a shop's own codes, make a pool for a mailing, take a batch away."""

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from app.cli.keys import open_database
from app.clock import SystemClock
from app.database import Database
from app.errors import Refusal
from app.settings import Settings

if TYPE_CHECKING:
    from app.ledger.service import Ledger

ACTOR = "command line"
PIECE_BYTES = 65_536
UPLOAD_BITS = 62
_EXPERIMENT = click.option("--experiment", "key", required=True, help="Key of the experiment.")
_VARIANT = click.option("--variant", required=True, help="Whose terms the codes carry.")
_BATCH = click.option("--batch", required=True, help="Name of the batch.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def codes() -> None:
    """Import your own codes, make a pool for a mailing, take a batch away.

    These work on the database of the settings in force, beside a running service or without one. From another
    machine use the API: docs/codes.md.

    \b
    Example:
      offerlab codes pool --experiment promo-code-reuse --variant single-use --batch july --count 100000
    """


@codes.command("import")
@click.argument("file", type=click.File("rb"))
@_EXPERIMENT
@_VARIANT
@_BATCH
@_JSON
def import_(file: IO[bytes], key: str, variant: str, batch: str, as_json: bool) -> None:
    """Import codes from a CSV FILE (- for standard input); good lines are kept, bad ones named, exit code 1.

    \b
    Example:
      offerlab codes import codes.csv --experiment promo-code-reuse --variant single-use --batch spring
    """
    from app.codes.service import Batch, Imported, Vault, batch_terms, import_codes, note

    imported, clock = Imported(_named(batch), variant), SystemClock()

    with _opened() as (settings, database):
        terms, zone = batch_terms(database, key, variant)
        filled = Batch(batch, "shared" if terms.issue == "shared" else "own", terms)

        async def work(ledger: "Ledger") -> None:
            await import_codes(
                ledger,
                Vault(settings),
                filled,
                _pieces(file),
                zone=zone,
                now_us=clock.now_us(),
                upload=secrets.randbits(UPLOAD_BITS),
                imported=imported,
                told=lambda so_far: _progress(f"{so_far.added + so_far.unchanged:,} codes"),
            )

        try:
            _with_ledger(database, work)
        finally:
            if imported.added:
                note(database, ACTOR, "codes.import", key, imported.counts(), clock.now_us())
    _tell(imported.document(), _words_of_import, as_json=as_json)
    if imported.rejected:
        raise SystemExit(1)


@codes.command("pool")
@_EXPERIMENT
@_VARIANT
@_BATCH
@click.option("--count", type=click.IntRange(1, 1_000_000), required=True, help="How many it is to have.")
@click.option("--valid-until", help="RFC 3339 with an offset; without it, as long as the offer.")
@_JSON
def pool(  # noqa: PLR0913, PLR0917 - the options of the command
    key: str, variant: str, batch: str, count: int, valid_until: str | None, as_json: bool
) -> None:
    """Make codes until the pool has COUNT; again it makes no more, broken off it goes on.

    \b
    Example:
      offerlab codes pool --experiment promo-code-reuse --variant single-use --batch july --count 100000
    """
    from app.codes.service import Batch, Vault, batch_terms, check_pool, fill_pool, note

    until_us = None if valid_until is None else _moment(valid_until)
    with _opened() as (settings, database):
        terms, _ = batch_terms(database, key, variant)
        check_pool(terms)
        filled = Batch(_named(batch), "pool", terms, until_us)

        async def work(ledger: "Ledger") -> Any:
            return await fill_pool(
                ledger,
                Vault(settings),
                filled,
                count,
                lambda now: _progress(f"{now.codes:,} of {count:,} codes"),
            )

        made = _with_ledger(database, work)
        told = {"batch": batch, "variant": variant, "codes": made.codes, "added": made.added}
        if made.added:
            note(database, ACTOR, "codes.pool", key, told, SystemClock().now_us())
    _tell(
        told, lambda done: f"{batch}: {done['codes']:,} codes, {done['added']:,} of them new", as_json=as_json
    )


@codes.command("export")
@_EXPERIMENT
@_BATCH
@click.option("--out", type=click.Path(path_type=Path), help="File to write; standard output without it.")
def export(key: str, batch: str, out: Path | None) -> None:
    """Write the codes of a batch as CSV: code, variant, valid_until. Who took them is on record.

    \b
    Example:
      offerlab codes export --experiment promo-code-reuse --batch july --out july.csv
    """
    from app.codes.service import Vault, batch_size, batch_terms, note, written_pool

    with _opened() as (settings, database):
        size, variant = batch_size(database, key, batch)
        terms, _ = batch_terms(database, key, variant)
        told = {"batch": batch, "variant": variant, "codes": size}
        note(database, ACTOR, "codes.export", key, told, SystemClock().now_us())
        written = 0
        with click.open_file("-" if out is None else str(out), "wb") as file:
            for part in written_pool(database, Vault(settings), terms, batch):
                file.write(part)
                written += part.count(b"\n")
                _progress(f"{max(written - 1, 0):,} of {size:,} codes")
    _progress("")


@contextmanager
def _opened() -> Iterator[tuple[Settings, Database]]:
    """The database; refusals in one line."""
    with open_database() as opened:
        try:
            yield opened
        except Refusal as refusal:
            _progress("")
            raise click.ClickException(str(refusal)) from None


def _with_ledger(database: Database, work: "Callable[[Ledger], Coroutine[Any, Any, Any]]") -> Any:
    """Work with a writer of one's own; it takes turns with those of a running service."""
    from app.ledger.service import Ledger

    ledger = Ledger(database, SystemClock())
    ledger.start()
    try:
        return asyncio.run(work(ledger))
    finally:
        ledger.close()


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _named(batch: str) -> str:
    from app.strict import checked_key

    try:
        return checked_key(batch, "batch")
    except Refusal as refusal:
        raise click.BadParameter(refusal.detail, param_hint="--batch") from None


def _moment(text: str) -> int:
    from app.strict import moment_us

    try:
        return moment_us(text)
    except ValueError:
        hint = "must be RFC 3339 with an offset, for example 2026-08-01T00:00:00+03:00"
        raise click.BadParameter(hint, param_hint="--valid-until") from None


def _progress(text: str) -> None:
    """One line that is written over, where somebody looks."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def _tell(done: dict[str, Any], words: Callable[[dict[str, Any]], str], *, as_json: bool) -> None:
    _progress("")
    click.echo(json.dumps(done, ensure_ascii=False) if as_json else words(done))


def _words_of_import(done: dict[str, Any]) -> str:
    lines = [f"line {one['line']}: {one['code']} ({one['detail']})" for one in done["rejected"]]
    counts = f"{done['added']:,} added, {done['unchanged']:,} unchanged, {done['rejected_count']:,} left out"
    return "\n".join([*lines, f"{done['batch']}: {counts}"])
