"""The last rules on disk: written aside, then renamed, readable by their owner only."""

import logging
import os
import tempfile
from pathlib import Path

import msgspec

log = logging.getLogger("offerlab.client")


class Kept(msgspec.Struct):
    """What the file holds.

    Attributes:
        url: the service it came from; another one's rules are not used.
        etag: to ask whether it has changed.
        document: as the service wrote it.
    """

    url: str
    etag: str
    document: msgspec.Raw


def keep(path: Path, kept: Kept) -> None:
    """Replace the file at once; a full disk is logged and the old file stays."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(kept))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        log.warning("the rules cannot be kept on disk: %s", error)


def recall(path: Path, url: str) -> Kept | None:
    """What was kept of this service, or None where there is nothing usable."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("the rules on disk cannot be used: %s", error)
        return None
    return kept if kept.url == url else None
