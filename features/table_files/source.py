"""A table as its file holds it, before anything is decided about a column."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.encoding.reading import as_text
from features.table_files.arrow_types import plain_column
from features.table_files.header import usable_names
from features.table_files.paths import table_kind, table_parts
from features.table_files.text_file import is_total, read_text_file
from features.table_files.workbook import read_workbook
from holdfast.errors import InputError

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


@dataclass(frozen=True)
class SourceTable:
    """A table as written.

    Parameters
    ----------
    table : pyarrow.Table
        Text columns as they stand, others in a plain type.
    notes : tuple of str
        What was decided about the file, for a person.
    sha256 : str
        Digest of its files, or of its rows where it has none.
    name : str
        What to call it: the name of its file or database.
    """

    table: pa.Table
    notes: tuple[str, ...]
    sha256: str
    name: str


def read_source(path: Path, encoding: str | None = None) -> SourceTable:
    """Read a table from a file, a folder or pattern of parts.

    Parameters
    ----------
    path : Path
        Delimited text, a spreadsheet or Parquet, by its ending.
    encoding : str, optional
        Encoding of text that is not UTF-8, where a person named it.

    Raises
    ------
    InputError
        It is missing, empty or unreadable. Names file, line and what mends it.
    """
    parts = table_parts(path)
    kind = table_kind(parts[0])
    read = {"parquet": _read_parquet, "workbook": read_workbook}
    tables, notes = [], []
    for part in parts:
        table, part_notes = read_text_file(part, encoding) if kind == "text" else read[kind](part)
        tables.append(table)
        notes += [note for note in part_notes if note not in notes]
    table = _joined(tables, parts)
    table = pa.table({name: plain_column(table[name]) for name in table.column_names})
    if kind != "parquet":
        table, more = _without_empty_rows(table)
        notes += more
        table, more = _without_headers(table)
        notes += more
        table, more = _without_extras(table)
        notes += more
    if len(parts) > 1:
        notes.append(f"{len(parts)} parts are one table")
    return SourceTable(table, tuple(notes), _digest(parts), path.name)


def _joined(tables: Sequence[pa.Table], parts: Sequence[Path]) -> pa.Table:
    first = tables[0].column_names
    for table, part in zip(tables, parts, strict=True):
        if table.column_names != first:
            different = sorted(set(table.column_names) ^ set(first)) or table.column_names
            raise InputError(
                "TABLE", f"all parts must have the same columns; {part.name} differs", different[:5]
            )
    if len(tables) == 1:
        return tables[0]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise InputError(
            "TABLE", f"all parts must have the same types: {error}", parts[0].name
        ) from None


def _read_parquet(path: Path) -> tuple[pa.Table, list[str]]:
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError("TABLE", f"cannot be read as Parquet: {first}", path.name) from None
    # Where pandas keeps an index that is more than row numbers; it names rows, not customers'
    # features.
    kept = [k for k, name in enumerate(table.column_names) if not _PANDAS_INDEX.fullmatch(name)]
    table = table.select(kept)
    names, notes = usable_names(table.column_names)
    return table.rename_columns(names), notes


def _without_empty_rows(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """Leave out rows at the end that hold nothing, or sum up the others."""
    end, notes = table.num_rows, []
    while end and table.num_rows - end < 1000:
        row = [as_text(table[name].slice(end - 1, 1))[0].as_py() for name in table.column_names]
        if any(cell is not None for cell in row):
            if row[0] is not None and is_total(row[0]):
                notes.append(f"the row {row[0]!r} at the end is left out")
                end -= 1
                continue
            break
        end -= 1
    empty = table.num_rows - end - len(notes)
    if empty:
        notes.append(f"{empty} rows at the end hold nothing and are left out")
    return table.slice(0, end), notes


def _without_headers(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """Leave out rows that repeat the header, as in files that were put together."""
    if len(table.column_names) < 2:
        return table, []
    first, *others = table.column_names
    places = _equal_to(table[first], first)
    for name in others:  # which hardly any row is left of
        if not len(places):
            return table, []
        places = places.take(_equal_to(table[name].take(places), name))
    if not len(places):
        return table, []
    kept = np.delete(np.arange(table.num_rows), places.to_numpy())
    count = len(places)
    note = f"rows that repeat the header are left out: {count}"
    return table.take(pa.array(kept)), [note]


def _equal_to(column: pa.ChunkedArray, text: str) -> pa.Array:
    """Positions of the cells that are a text."""
    # Not pc.equal: for that Arrow makes a scalar, and imports pandas, before a wrong option of the
    # command is told.
    return pc.indices_nonzero(pc.match_substring_regex(as_text(column), rf"\A{re.escape(text)}\z"))


def _without_extras(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """Leave out a column without a name that holds nothing, or only numbers its rows."""
    notes = []
    for place, name in enumerate(table.column_names):
        if not name.startswith("Unnamed: ") or len(table.column_names) == 1:
            continue
        text = as_text(table[name])
        if text.null_count == len(text):
            notes.append(f"column {name!r} holds nothing and is left out")
        elif place == 0 and _counts_rows(text):
            notes.append(f"column {name!r} numbers the rows and is left out")
        else:
            continue
        table = table.drop_columns([name])
    return table, notes


def _counts_rows(text: pa.ChunkedArray) -> bool:
    if text.null_count or not pc.all(pc.match_substring_regex(text, r"^\d{1,15}$")).as_py():
        return False
    numbers = text.cast(pa.int64()).to_numpy()
    return bool(np.all(np.diff(numbers) == 1) and numbers[0] in (0, 1))


def _digest(parts: Sequence[Path]) -> str:
    if len(parts) == 1:
        with parts[0].open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    whole = hashlib.sha256()
    for part in parts:
        with part.open("rb") as stream:
            whole.update(hashlib.file_digest(stream, "sha256").digest())
    return whole.hexdigest()
