"""Whole mailing lists: ids in from a file or a pipe, block by block, variants out as lines or Parquet."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import click

from assignment.decision import Assigned, Experiment, decide

BLOCK = 65_536
Row = tuple[str, str | None, str]  # unit id, variant, reason


def read_blocks(path: Path | None, column: str) -> Iterator[list[str]]:
    """Ids in blocks: one a line of a text (`-` or None: standard input), or a column of a Parquet file.

    Raises:
        click.ClickException: the column is missing or holds no text, or a line is not UTF-8.
    """
    if path is not None and path.suffix == ".parquet":
        yield from _parquet_blocks(path, column)
        return
    lines = sys.stdin.buffer if path is None else path.open("rb")
    try:
        ids = (line.rstrip(b"\r\n").decode() for line in lines if line.strip())
        while block := list(islice(ids, BLOCK)):
            yield block
    except UnicodeDecodeError as error:
        raise click.ClickException(f"an id is not UTF-8: {error.reason}") from None
    finally:
        if path is not None:
            lines.close()


def _parquet_blocks(path: Path, column: str) -> Iterator[list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise click.ClickException(f"{path}: {error}") from None
    if column not in file.schema_arrow.names:
        names = ", ".join(file.schema_arrow.names)
        raise click.ClickException(f"{path} has no column {column!r}; it has {names}")
    for batch in file.iter_batches(BLOCK, columns=[column]):
        ids = batch.column(0)
        if ids.null_count or not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)):
            raise click.ClickException(f"column {column!r} must hold a text in every row")
        yield ids.to_pylist()


def count_of(path: Path | None) -> int | None:
    """How many ids there are to come, where that is known without reading them all."""
    if path is None or path.suffix != ".parquet":
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.ParquetFile(path).metadata.num_rows)
    except pa.ArrowInvalid:
        return None


def assigned(rules: Experiment, ids: Sequence[str], attributes: Mapping[str, Any]) -> list[Row]:
    """What `decide` says of each id; the split itself is computed for the whole block at once."""
    from assignment.bulk import assign_many

    places = assign_many(rules, ids, attributes).tolist()
    whole = rules.state == "running" and not rules.forced
    return [
        (unit_id, rules.variants[place], "SPLIT")
        if whole and place >= 0
        else _one(rules, unit_id, attributes)
        for unit_id, place in zip(ids, places, strict=True)
    ]


def _one(rules: Experiment, unit_id: str, attributes: Mapping[str, Any]) -> Row:
    decision = decide(rules, unit_id, attributes)
    return unit_id, decision.variant if isinstance(decision, Assigned) else None, decision.reason


def write(blocks: Iterable[list[Row]], out: Path | None) -> None:
    """Rows as tab-separated lines, comma-separated (`.csv`) or Parquet (`.parquet`)."""
    if out is not None and out.suffix == ".parquet":
        _write_parquet(blocks, out)
    elif out is not None:
        with out.open("w", encoding="utf-8", newline="") as file:
            _write_text(blocks, file, with_commas=out.suffix == ".csv")
    else:
        _write_text(blocks, sys.stdout, with_commas=False)


def _write_text(blocks: Iterable[list[Row]], file: IO[str], *, with_commas: bool) -> None:
    if with_commas:
        file.write("unit_id,variant,reason\n")
    for block in blocks:
        if not with_commas:
            file.writelines(f"{unit_id}\t{variant or '-'}\t{reason}\n" for unit_id, variant, reason in block)
            continue
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(block)
        file.write(text.getvalue())


def _write_parquet(blocks: Iterable[list[Row]], out: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("unit_id", "variant", "reason")
    schema = pa.schema([(name, pa.string()) for name in names])
    with pq.ParquetWriter(out, schema) as writer:
        for block in blocks:
            columns = zip(*block, strict=True)
            writer.write_batch(
                pa.record_batch([pa.array(list(values), pa.string()) for values in columns], schema=schema)
            )


def with_progress(blocks: Iterable[list[str]], total: int | None) -> Iterator[list[str]]:
    """The blocks, with a bar on the terminal where there is one; without a total a count."""
    if not sys.stderr.isatty():
        yield from blocks
        return
    done = 0
    with click.progressbar(length=total or 0, label="ids", file=sys.stderr) as bar:
        for block in blocks:
            yield block
            done += len(block)
            if total is None:
                bar.length = done + BLOCK
            bar.update(len(block))
