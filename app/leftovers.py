"""Whether deleted texts are left in the bytes of a SQLite file: looked for in a process of its own.

SQLite's locks belong to a process and an open file of it: whoever opens and closes a database file beside
SQLite in the same process gives all of them up, and the next process that closes the database takes the log
away from under those who write it. So the file is only ever opened by a child, which runs this very file and
needs nothing but the standard library.
"""

import json
import mmap
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

FOUND: Final = 10
NOTHING: Final = 11


def are_left(path: Path, texts: Iterable[str]) -> bool:
    """Whether one of the texts stands in the file; also when that cannot be found out.

    Args:
        path: of the file.
        texts: looked for as UTF-8.
    """
    told = json.dumps(list(texts)).encode()
    command = [sys.executable, "-I", __file__, str(path)]
    try:
        done = subprocess.run(command, input=told, capture_output=True, check=False)  # noqa: S603 - our own file
    except OSError:
        return True
    return done.returncode != NOTHING


def holds(path: Path, texts: Sequence[str]) -> bool:
    """The same, looked for in this process, which must have no connection to the file."""
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content:
        return any(content.find(one.encode("utf-8", "surrogatepass")) >= 0 for one in texts)


if __name__ == "__main__":
    sys.exit(FOUND if holds(Path(sys.argv[1]), json.load(sys.stdin)) else NOTHING)
