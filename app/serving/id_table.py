"""Customer → canonical visitor as a memory-mapped file: one look-up is a hash and a few reads of memory.

The file is derived from `app.serving.links` and never the only place of anything. It is shared by all
workers of one data folder: one writes, under the lock of `links`, and all see it at once. Layout:

    header    magic, slots, used slots, end of the heap, ledger `seq`, boot of the machine
    slots     (key, place) of 8 + 8 bytes; open addressing, the first free slot ends a search
    heap      NUL, id of a visitor in UTF-8, NUL; one after another

A place is `offset << 16 | length`, 0 for a customer without a visitor. Each is stored in one piece, the text
before its place before its key, so a reader meanwhile finds the old answer or the new one.
"""

import hashlib
import mmap
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

MAGIC: Final = int.from_bytes(b"offerid1", "little")
HEADER_BYTES: Final = 64
FEWEST_SLOTS: Final = 1024
FULLEST_SHARE: Final = 0.6
LEAST_HEAP_BYTES: Final = 64 * 1024
_SLOT_BYTES: Final = 16
_MAGIC, _SLOTS, _USED, _HEAP_END, _SEQ, _BOOT = range(6)  # words of the header
_UNFINISHED: Final = 2**64 - 1


def key_of(text: str) -> int:
    """63 bits that stand for an id; two of ten million ids meet with a chance of 5 in a million.

    >>> key_of("anna") == key_of("anna") != key_of("boris")
    True
    """
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 1 or 1


def _boot() -> int:
    """Which start of the machine this is: memory that was mapped before it may have been lost."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        text = secrets.token_hex(16)  # not known here: files of other processes are built anew
    return key_of(text)


BOOT: Final = _boot()


class TableFull(Exception):  # noqa: N818 - not an error: the table is built anew, larger
    """No room for another customer or another id."""


class IdTable:
    """One mapped file. Reading never waits; only the holder of the lock of `links` may write.

    Args:
        path: of an existing file, see `create`.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is not such a file.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR)
        try:
            self.inode = os.fstat(descriptor).st_ino
            self._bytes = mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
        if len(self._bytes) < HEADER_BYTES or len(self._bytes) % 8:
            raise ValueError(f"{path.name} is cut off")
        self._words = memoryview(self._bytes).cast("Q")
        slots = self._words[_SLOTS]
        self._mask = slots - 1
        self._first = HEADER_BYTES // 8
        is_ours = self._words[_MAGIC] == MAGIC and slots & self._mask == 0
        if not is_ours or HEADER_BYTES + slots * _SLOT_BYTES > len(self._bytes):
            raise ValueError(f"{path.name} is not a table of ids")

    def __len__(self) -> int:
        """Customers it knows, those without a visitor too."""
        return self._words[_USED]

    @property
    def size_bytes(self) -> int:
        """Length of the file."""
        return len(self._bytes)

    def stands_at(self, seq: int) -> bool:
        """Whether it was completely written, since the machine started, from links up to a `seq`."""
        return self._words[_SEQ] == seq and self._words[_BOOT] == BOOT

    def find(self, customer_id: str) -> str | None:
        """The canonical visitor of a customer, or None."""
        data = customer_id.encode("utf-8", "surrogatepass")  # `key_of`, written out: this is the hot path
        key = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 1 or 1
        words, mask, first = self._words, self._mask, self._first
        slot = key & mask
        while (found := words[first + 2 * slot]) != key:
            if not found:
                return None
            slot = (slot + 1) & mask
        place = words[first + 2 * slot + 1]
        if not place:
            return None
        start = place >> 16
        text = self._bytes[start : start + (place & 0xFFFF)]
        return text.decode("utf-8", "surrogatepass") if text[0] else None

    def write(self, changes: Iterable[tuple[int, str | None]], seq: int) -> None:
        """Set canonical visitors (None: there is none any more), then the `seq` they are of.

        Raises:
            TableFull: it must be built anew; until then it counts as unfinished.
        """
        words = self._words
        words[_SEQ] = _UNFINISHED
        for key, visitor_id in changes:
            self._set(key, visitor_id)
        words[_BOOT] = BOOT
        words[_SEQ] = seq

    def wipe(self, visitor_ids: Iterable[str]) -> None:
        """Overwrite ids wherever they stand, as canonical ones of before too."""
        for visitor_id in visitor_ids:
            text = b"\0" + visitor_id.encode("utf-8", "surrogatepass") + b"\0"
            start = self._heap_start
            while (start := self._bytes.find(text, start)) >= 0:
                self._bytes[start : start + len(text)] = bytes(len(text))
        self._bytes.flush()

    @property
    def _heap_start(self) -> int:
        return HEADER_BYTES + (self._mask + 1) * _SLOT_BYTES

    def _set(self, key: int, visitor_id: str | None) -> None:
        words, at = self._words, self._slot(key)
        if words[at] != key:
            if visitor_id is None:
                return
            if words[_USED] + 1 > FULLEST_SHARE * (self._mask + 1):
                raise TableFull
            words[_USED] += 1
        words[at + 1] = 0 if visitor_id is None else self._stored(visitor_id)
        words[at] = key

    def _slot(self, key: int) -> int:
        """Index of the word that holds a key, or of the free one where it belongs."""
        words, mask = self._words, self._mask
        slot = key & mask
        while words[self._first + 2 * slot] not in {0, key}:
            slot = (slot + 1) & mask
        return self._first + 2 * slot

    def _stored(self, visitor_id: str) -> int:
        text = visitor_id.encode("utf-8", "surrogatepass")
        start = self._words[_HEAP_END]
        end = start + len(text) + 2
        if end > len(self._bytes):
            raise TableFull
        self._bytes[start:end] = b"\0" + text + b"\0"
        self._words[_HEAP_END] = end
        return (start + 1) << 16 | len(text)


def create(path: Path, customers: int, id_bytes: int, content: Iterable[tuple[int, str]], seq: int) -> None:
    """Write a table aside and put it in place at once, with room for as much again.

    Args:
        path: where; readers of a file that is there keep it until they look again.
        customers: how many `content` holds.
        id_bytes: the bytes of all its ids.
        content: key of a customer and id of its visitor.
        seq: of the ledger, up to which links are in it.

    Raises:
        OSError: no space; nothing has changed.
    """
    slots = FEWEST_SLOTS
    while slots * FULLEST_SHARE < 1.5 * customers:
        slots *= 2
    heap = max(LEAST_HEAP_BYTES, 2 * (id_bytes + 2 * customers))
    aside = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        _reserve(aside, HEADER_BYTES + slots * _SLOT_BYTES + (heap + 7) // 8 * 8, slots)
        IdTable(aside).write(content, seq)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _reserve(path: Path, size: int, slots: int) -> None:
    """A file of zeros whose space is really there: a mapped page without space would end the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
        header = [0] * (HEADER_BYTES // 8)
        header[_MAGIC], header[_SLOTS] = MAGIC, slots
        header[_HEAP_END], header[_SEQ] = HEADER_BYTES + slots * _SLOT_BYTES, _UNFINISHED
        os.pwrite(descriptor, b"".join(word.to_bytes(8, "little") for word in header), 0)
    finally:
        os.close(descriptor)
