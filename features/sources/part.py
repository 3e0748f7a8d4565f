"""A source of raw tables, and the parts that a table is read in."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.sources.content import Content
from features.table_files.paths import file_stem
from holdfast.errors import InputError

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
    passed_over : (m,) int64
        Which rows of the part, since the last batch, the condition of a mapping leaves out.
    """

    rows: pa.RecordBatch
    numbers: NDArray[np.int64]
    broken: tuple[BrokenLine, ...] = ()
    passed_over: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True, kw_only=True)
class PartMapping:
    """What a mapping file says of a part.

    Parameters
    ----------
    digest : str
        Changes when its rows would mean something else; empty where no file says anything.
    time_zone : str or None
        The zone that times without one are in; None where it is not said.
    arrival_lag_days : float or None
        Days after which a row counts as arrived where nothing says when; None where it is not said.
    unused : tuple of str
        Written columns that nothing takes.
    said : mapping of str to JSON
        What the file says of its relation, to be kept with the rows.
    """

    digest: str = ""
    time_zone: str | None = None
    arrival_lag_days: float | None = None
    unused: tuple[str, ...] = ()
    said: Mapping[str, Any] = field(default_factory=dict)


NOT_MAPPED = PartMapping()
"""Of a part that no mapping file is about."""


class Part(Protocol):
    """A piece of a table that is read in one go: a file, or a database's table.

    Attributes
    ----------
    name : str
        File name, or name of the database's table. A file in a folder such as ``year=2026`` has
        its path below the table's folder.
    path : Path or None
        The file, None for a database's table.
    schema : pyarrow.Schema
        Its columns as they come. For a database, types are not known before reading, and null here.
    rows : int or None
        How many rows it has, None where that is not known before reading.
    renamed : mapping of str to str
        Columns whose written name was taken as another, which the schema has.
    notes : tuple of str
        What was decided about the file, for a person.
    odd_lines : float
        Share of its lines that are not in its encoding.
    likely_encoding : str
        An encoding that those lines may be in; empty without any.
    content : Content or None
        What tells whether it has changed since it was read; None where only reading it does.
    as_stored : bool
        Whether it is a Parquet file of this machine whose columns come as the file has them, names
        and types.
    folder_columns : tuple of str
        Columns that stand in the names of its folders, such as ``year=2026``, and not in the file:
        texts, the same in every row.
    mapping : PartMapping
        What a mapping file says of it.
    """

    name: str
    path: Path | None
    schema: pa.Schema
    rows: int | None
    renamed: Mapping[str, str]
    notes: tuple[str, ...]
    odd_lines: float
    likely_encoding: str
    content: Content | None
    as_stored: bool
    folder_columns: tuple[str, ...]
    mapping: PartMapping

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time.

        Parameters
        ----------
        columns : collection of str, optional
            Those to read, in any order. Default: all.

        Raises
        ------
        InputError
            It cannot be read to its end.
        """
        ...


def row_numbers(positions: Any, left_out: Any) -> Any:
    """Row numbers, from 1, of positions, from 0, among the rows that were not left out.

    Parameters
    ----------
    positions : (n,) int64
        Positions.
    left_out : (m,) int64
        Row numbers left out, ascending.
    """
    before = np.searchsorted(left_out - np.arange(len(left_out)), positions + 1, side="right")
    return positions + 1 + before


def stored_stem(name: str) -> str:
    """The name, without an ending, of the raw store's file for a part."""
    flat = name.replace("/", "__")
    return file_stem(Path(flat)) or flat


def unreadable(field: str, form: str, error: BaseException) -> InputError:
    """The error for a file that a library cannot read."""
    # The library's own words may quote values.
    return InputError(field, f"cannot be read as {form}; is it complete?", type(error).__name__)


CHANGED = "changed after it was read, and was read again"


def notes_of(parts: Sequence[Part], changed: Collection[str] = ()) -> tuple[str, ...]:
    """What was decided about files; once where it is the same for all.

    Parameters
    ----------
    parts : sequence of Part
        A table's.
    changed : collection of str
        Names of those that are not as they were when they were read the last time.
    """
    notes: dict[str, list[str]] = {}
    for part in parts:
        odd = (
            [f"{part.odd_lines:.2%} of its lines are not UTF-8, likely {part.likely_encoding}"]
            if part.odd_lines
            else []
        )
        again = [CHANGED] if part.name in changed else []
        for note in (*part.notes, *odd, *again):
            notes.setdefault(note, []).append(part.name)
    return tuple(
        f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {note}"
        for note, names in notes.items()
    )


def refuse_changing(table: str, part: Part) -> None:
    """Refuse a part that is not what it was when it was opened.

    Raises
    ------
    InputError
        Its content has changed, or it is gone.
    """
    if part.content is None:
        return
    try:
        is_same = part.content.state().mark == part.content.opened.mark
    except OSError:
        is_same = False
    if not is_same:
        raise InputError(
            f"{table}, {part.name}",
            "must not change while it is read, and it did; nothing was taken in: run again when it is"
            " complete",
        )
