"""Whole mailing lists: ids in from a file or a pipe, block by block, variants out as lines or Parquet.

Only a few blocks are in memory at a time. Ids from Parquet stay as they lie in their column.
"""

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from assignment.blocks import PackedIds
from assignment.decision import Assigned, Experiment, decide

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Rows:
    """Answers about one block of ids.

    Attributes:
        ids: texts, or a text column of Arrow.
        variants: key or None of each.
        reasons: of each.
    """

    ids: Any
    variants: Sequence[str | None]
    reasons: Sequence[str]

    def __iter__(self) -> Iterator[tuple[str, str | None, str]]:
        """Unit id, variant and reason, one after the other."""
        ids = self.ids if isinstance(self.ids, list) else self.ids.to_pylist()
        return zip(ids, self.variants, self.reasons, strict=True)


def read_blocks(path: Path | None, column: str) -> "Iterator[list[str] | pa.Array]":
    """Ids in blocks: one a line of a text (None: standard input), or a column of a Parquet file.

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


def _parquet_blocks(path: Path, column: str) -> "Iterator[pa.Array]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, pre_buffer=False)  # with it, the whole file is read ahead
    except pa.ArrowInvalid as error:
        raise click.ClickException(f"{path}: {error}") from None
    if column not in file.schema_arrow.names:
        names = ", ".join(file.schema_arrow.names)
        raise click.ClickException(f"{path} has no column {column!r}; it has {names}")
    for batch in file.iter_batches(BLOCK, columns=[column]):
        ids = batch.column(0)
        if ids.null_count or not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)):
            raise click.ClickException(f"column {column!r} must hold a text in every row")
        yield ids


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


def assigned(rules: Experiment, ids: Any, attributes: Mapping[str, Any]) -> Rows:
    """What `decide` says of each id; the split itself is computed for the whole block at once.

    Args:
        rules: of the experiment.
        ids: texts, or a text column of Arrow.
        attributes: of all of them.
    """
    from assignment.bulk import assign_many

    packed = ids if isinstance(ids, list) else _packed(ids)
    places = assign_many(rules, packed, attributes)
    names = (*rules.variants, None)  # the last one for −1
    variants: list[str | None] = [names[place] for place in places.tolist()]
    reasons = ["SPLIT"] * len(variants)
    is_split = rules.state == "running" and not rules.forced
    for at in (places < 0).nonzero()[0].tolist() if is_split else range(len(variants)):
        decision = decide(rules, packed[at], attributes)
        variants[at] = decision.variant if isinstance(decision, Assigned) else None
        reasons[at] = decision.reason
    return Rows(ids, variants, reasons)


def _packed(ids: "pa.Array") -> PackedIds:
    """The same memory, as `assignment` takes it."""
    import numpy as np
    import pyarrow as pa

    laid = ids.cast(pa.large_string())  # its offsets have one width; the texts themselves are not copied
    _, offsets, data = laid.buffers()
    begins = np.frombuffer(offsets, np.int64)[laid.offset : laid.offset + len(laid) + 1]
    return PackedIds(np.frombuffer(data or b"", np.uint8), begins)


def write(blocks: Iterable[Rows], out: Path | None) -> None:
    """Rows as tab-separated lines, comma-separated (`.csv`) or Parquet (`.parquet`)."""
    if out is not None and out.suffix == ".parquet":
        _write_parquet(blocks, out)
    elif out is not None:
        with out.open("w", encoding="utf-8", newline="") as file:
            _write_text(blocks, file, with_commas=out.suffix == ".csv")
    else:
        _write_text(blocks, sys.stdout, with_commas=False)


def _write_text(blocks: Iterable[Rows], file: IO[str], *, with_commas: bool) -> None:
    if with_commas:
        file.write("unit_id,variant,reason\n")
    for block in blocks:
        if not with_commas:
            lines = [f"{unit_id}\t{variant or '-'}\t{reason}\n" for unit_id, variant, reason in block]
            file.write("".join(lines))
            continue
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(block)
        file.write(text.getvalue())


def _write_parquet(blocks: Iterable[Rows], out: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in ("unit_id", "variant", "reason")])
    repeated = ["variant", "reason"]  # an id occurs once: a dictionary of ids would be twice the work
    with pq.ParquetWriter(out, schema, use_dictionary=repeated) as writer:
        for block in blocks:
            ids = pa.array(block.ids, pa.string()) if isinstance(block.ids, list) else block.ids
            told = [pa.array(part, pa.string()) for part in (block.variants, block.reasons)]
            writer.write_batch(pa.record_batch([ids.cast(pa.string()), *told], schema=schema))


def with_progress(blocks: Iterable[Any], total: int | None) -> Iterator[Any]:
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
