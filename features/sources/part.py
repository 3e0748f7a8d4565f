"""A source of raw tables, and the parts that a table is read in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BATCH_ROWS = 262_144
"""Rows at a time, at most: what bounds memory."""


@dataclass(frozen=True)
class BrokenLine:
    """A line of text that is no row of its table.

    Parameters
    ----------
    number : int
        Which row it would be, from 1.
    text : str
        The line.
    value, reason : str
        How many fields it has, and should have.
    """

    number: int
    text: str
    value: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """Some rows of a part.

    Parameters
    ----------
    rows : pyarrow.RecordBatch
        Columns as they come: of any type from Parquet and databases, bytes from CSV (blank is
        null).
    numbers : (n,) int64
        Which rows of the part they are, from 1, header not counted.
    broken : tuple of BrokenLine
        Lines left out since the last batch.
    """

    rows: pa.RecordBatch
    numbers: NDArray[np.int64]
    broken: tuple[BrokenLine, ...] = ()


class Part(Protocol):
    """A piece of a table that is read in one go: a file, or a database's table.

    Attributes
    ----------
    name : str
        File name, or name of the database's table.
    path : Path or None
        The file, None for a database's table.
    schema : pyarrow.Schema
        Its columns as they come. For a database, types are not known before reading, and null here.
    rows : int or None
        How many rows it has, None where that is not known before reading.
    """

    name: str
    path: Path | None
    schema: pa.Schema
    rows: int | None

    def batches(self) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time.

        Raises
        ------
        InputError
            It cannot be read to its end.
        """
        ...


class TableSource(Protocol):
    """A place that raw tables lie in.

    Attributes
    ----------
    where : str
        The place, fit to be shown: without a password.
    """

    where: str

    def tables(self) -> tuple[str, ...]:
        """Contracts' tables that are there, in the contracts' order."""
        ...

    def unknown(self) -> tuple[str, ...]:
        """What else is there: of no use, perhaps misspelt."""
        ...

    def parts(self, table: str) -> tuple[Part, ...]:
        """A table's parts, by name."""
        ...

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """Read a table, part after part; broken lines are left out."""
        ...
