"""SQLite files that are read where nobody may write beside them."""

import os
import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from holdfast.errors import ModelError

_MOST_TRIES = 5

_Stamp = tuple[tuple[int, int, int] | None, ...]


def reading_address(path: Path) -> str:
    """The URI with which SQLite reads a file.

    A file in WAL mode is read with the help of files beside it, which SQLite makes. Where it may
    not, and no log is there, nobody has the file open and all of it is in the file itself.
    """
    address = f"file:{quote(str(path))}?mode=ro"
    log = _log_of(path)
    if os.access(path.parent, os.W_OK) or (log.exists() and log.stat().st_size):
        return address
    return f"{address}&immutable=1"


def writable_database(path: Path) -> Path:
    """A database for a library that writes into what it opens: the file itself, or a copy of it
    where it may not be written.

    The copy lies in the system's directory for temporary files as long as this process runs. It is
    made as of one transaction, and again when the file has changed.

    Parameters
    ----------
    path : Path
        The database.

    Raises
    ------
    ModelError
        It cannot be copied.
    """
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return path
    with _copying:
        copy = _copies.get(path)
        if copy is None:
            copy = _copies[path] = _Copy()
        for _ in range(_MOST_TRIES):
            stamp = _stamp(path)
            if stamp == copy.stamp:
                return copy.path
            try:
                _copy(path, copy.path)
            except sqlite3.Error as error:
                raise ModelError(
                    str(path), f"cannot be read where it may not be written: {error}"
                ) from None
            # Where somebody else wrote meanwhile, parts of it may be older than others.
            copy.stamp = stamp if _stamp(path) == stamp else None
    raise ModelError(str(path), "is written all the time, so that it cannot be copied")


class _Copy:
    """A copy, and what the file was like when it was made."""

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="holdfast-database-")
        self.path = Path(self.directory.name) / "copy.db"
        self.stamp: _Stamp | None = None


_copies: dict[Path, _Copy] = {}
_copying = threading.Lock()


def _copy(path: Path, target: Path) -> None:
    # The target may be open: it is replaced in one transaction of its own.
    with (
        closing(sqlite3.connect(reading_address(path), uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def _stamp(path: Path) -> _Stamp:
    return tuple(_stamp_of(file) for file in (path, _log_of(path)))


def _stamp_of(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
