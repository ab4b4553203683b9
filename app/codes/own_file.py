"""A shop's file of codes, read a piece at a time: CSV as spreadsheets write it, bad lines by name. Pure."""

import codecs
import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from app.clock import day_number, day_start_us
from app.codes.alphabet import LONGEST, read_code
from app.errors import Invalid
from app.spreadsheets import plain_cell
from app.strict import moment_us

COLUMNS: Final = ("code", "valid_until", "uses")
SHORTEST_PERSONAL: Final = 10
"""Letters and digits of a code that is good for one person: what a guesser must not find."""
SHORTEST_SHARED: Final = 4
"""Letters and digits of a code that everybody may know."""
LONGEST_LINE: Final = 10_000
MOST_USES: Final = 10**12
_DELIMITERS: Final = ",;\t"
_SILENT: Final = " -_."


class OwnCode(NamedTuple):
    """One good line.

    Attributes:
        line: its number in the file, from 1.
        text: the code as it stands there.
        valid_until_us: microseconds since 1970 UTC, or None: by the offer alone.
        uses: over all customers, or None: by the offer's policy.
    """

    line: int
    text: str
    valid_until_us: int | None
    uses: int | None


class BadLine(NamedTuple):
    """One line that is left out.

    Attributes:
        line: its number in the file, from 1.
        code: stable word for the reason.
        detail: the reason in plain words; never the code itself.
    """

    line: int
    code: str
    detail: str


class OwnFile:
    """Turns pieces of a file into lines; holds no more than the line at hand.

    Args:
        shortest: letters and digits a code must have.
        zone: IANA zone of the shop: a day as `valid_until` ends there.
        now_us: a code whose time is over by then is a bad line.
    """

    def __init__(self, shortest: int, zone: str, now_us: int) -> None:
        self._shortest = shortest
        self._zone = zone
        self._now_us = now_us
        self._decode = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8-sig")(errors="replace"), translate=True
        ).decode
        self._rest = ""
        self._line = 0
        self._delimiter = ""
        self._columns: list[str] = []

    def feed(self, piece: bytes, *, is_last: bool = False) -> Iterator[OwnCode | BadLine]:
        """What the lines say that are whole now; empty ones say nothing.

        Args:
            piece: the next bytes.
            is_last: nothing comes after them.

        Raises:
            Invalid: the first line does not name the columns, or a line is longer than `LONGEST_LINE`.
        """
        lines = (self._rest + self._decode(piece, final=is_last)).split("\n")
        self._rest = "" if is_last else lines.pop()
        if len(self._rest) > LONGEST_LINE:
            raise self._too_long(self._line + 1)
        for text in lines:
            self._line += 1
            if len(text) > LONGEST_LINE:
                raise self._too_long(self._line)
            if text.strip():
                try:
                    yield from self._read(text)
                except csv.Error:
                    yield BadLine(self._line, "not_csv", "this line cannot be read as CSV")
        if is_last and not self._columns:
            raise _no_header("the file is empty")

    def _too_long(self, line: int) -> Invalid:
        return Invalid(f"line {line} has more than {LONGEST_LINE} characters", "line_too_long", "body")

    def _read(self, text: str) -> Iterator[OwnCode | BadLine]:
        if not self._columns:
            self._begin(text)
            return
        cells = [plain_cell(cell.strip()) for cell in _cells(text, self._delimiter)]
        if not any(cells):
            return
        if len(cells) > len(self._columns) and any(cells[len(self._columns) :]):
            yield BadLine(self._line, "too_many_cells", f"more than {len(self._columns)} cells")
            return
        yield self._judged(dict(zip(self._columns, cells, strict=False)))

    def _begin(self, text: str) -> None:
        """The line that names the columns; a spreadsheet may say its delimiter in one before it."""
        if text.lower().startswith("sep=") and self._line == 1:
            self._delimiter = text[4:5] or ","
            return
        self._delimiter = self._delimiter or max(_DELIMITERS, key=text.count)
        names = [name.strip().lower() for name in _cells(text, self._delimiter)]
        while names and not names[-1]:
            names.pop()
        unknown = sorted({*names} - {*COLUMNS})
        if "code" not in names or unknown or len({*names}) < len(names):
            named = ", ".join(unknown)[:100] or "the column code is not there, or one is named twice"
            raise _no_header(named)
        self._columns = names

    def _judged(self, cells: dict[str, str]) -> OwnCode | BadLine:
        text, until, uses = (cells.get(name, "") for name in COLUMNS)
        fault = self._fault(text) or _fault_of_uses(uses)
        if fault is not None:
            return BadLine(self._line, *fault)
        try:
            until_us = self._moment(until)
        except (ValueError, OverflowError):
            detail = "valid_until must be a day (2026-12-31, 31.12.2026) or RFC 3339 with an offset"
            return BadLine(self._line, "bad_valid_until", detail)
        if until_us is not None and until_us <= self._now_us:
            return BadLine(self._line, "over_already", "its valid_until has passed")
        return OwnCode(self._line, text, until_us, int(uses) if uses else None)

    def _fault(self, text: str) -> tuple[str, str] | None:
        if not text:
            return "no_code", "there is no code in this line"
        if not all(letter.isalnum() or letter in _SILENT for letter in text):
            return "bad_characters", "letters, digits, spaces, dashes, dots and underscores only"
        plain = read_code(text)
        if plain is None or len(text) > LONGEST:
            return "too_long", f"more than {LONGEST} characters"
        if len(plain) < self._shortest:
            return "too_short", f"{len(plain)} letters and digits; at least {self._shortest} are needed"
        return None

    def _moment(self, text: str) -> int | None:
        if not text:
            return None
        if len(text) == len("31.12.2026") and text[2] == "." == text[5]:
            text = datetime.strptime(text, "%d.%m.%Y").date().isoformat()  # noqa: DTZ007 - a day has no zone yet
        if len(text) == len("2026-12-31"):
            return day_start_us(day_number(text) + 1, self._zone)
        return moment_us(text)


def _cells(text: str, delimiter: str) -> list[str]:
    return next(csv.reader([text], delimiter=delimiter))


def _fault_of_uses(text: str) -> tuple[str, str] | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_USES))
    if not text or (is_number and 1 <= int(text) <= MOST_USES):
        return None
    return "bad_uses", f"uses must be a whole number from 1 to {MOST_USES}"


def _no_header(found: str) -> Invalid:
    names = ", ".join(COLUMNS)
    detail = f"the first line must name the columns: {names}, of which code is needed; {found}"
    return Invalid(detail, "bad_header", "body")
