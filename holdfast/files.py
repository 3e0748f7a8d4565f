"""A run's files: written beside their places, and moved there together once everything else has
succeeded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.errors import InputError

_SUFFIX = ".new"

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What spreadsheets take for the beginning of a formula; the wide ones in Chinese and Japanese."""


def escape_formula(text: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    As OWASP advises on CSV injection, an apostrophe goes before a text that begins like one. Whoever
    reads a file takes it away again; whoever looks for an id in one looks for the id as it is written.

    >>> escape_formula("=1+1"), escape_formula("1+1")
    ("'=1+1", '1+1')
    """
    return f"'{text}" if text.startswith(_FORMULAS) else text


def write_beside(path: Path, text: str) -> None:
    """Write a text file beside its place and rename it there, so that no reader meets half a
    file.
    """
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def require_file(name: str, path: Path) -> None:
    """Refuse a path that is no file; the InputError names the argument that it was given as."""
    if not path.is_file():
        raise InputError(name, "must be an existing file", str(path))


class Outputs:
    """Files that wait beside their places."""

    def __init__(self) -> None:
        self._waiting: list[Path] = []

    def text(self, path: Path, text: str, encoding: str = "utf-8") -> None:
        """Prepare a text file."""
        self._beside(path).write_text(text, encoding=encoding, newline="")

    def table(self, path: Path, table: pa.Table) -> None:
        """Prepare a Parquet file."""
        pq.write_table(table, self._beside(path))

    def publish(self) -> None:
        """Move every file to its place."""
        while self._waiting:
            path = self._waiting.pop(0)
            path.with_name(path.name + _SUFFIX).replace(path)

    def discard(self) -> None:
        """Remove what was not published."""
        for path in self._waiting:
            path.with_name(path.name + _SUFFIX).unlink(missing_ok=True)

    def _beside(self, path: Path) -> Path:
        self._waiting.append(path)
        return path.with_name(path.name + _SUFFIX)


@contextmanager
def outputs() -> Iterator[Outputs]:
    """Prepare files; what is not published by the end is removed."""
    prepared = Outputs()
    try:
        yield prepared
    finally:
        prepared.discard()
