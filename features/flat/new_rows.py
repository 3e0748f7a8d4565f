"""Rows of a new file for an old model: read with the column plan that travels with its version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.encoding.encoding import Column, Encoding
from features.encoding.reading import as_text
from features.table_files.source import SourceTable
from features.tables.column_reading import ColumnReading
from features.tables.options import TableOptions
from features.tables.place import read_table
from features.tables.plan import TablePlan, apply_plan
from holdfast.arrays import Floats
from holdfast.errors import InputError, ModelError


@dataclass(frozen=True, kw_only=True)
class NewRows:
    """Rows of a file as a model takes them.

    Parameters
    ----------
    ids : list of n (str or None)
        By the model's id column; the row's number, from 1, where the file or the model has none.
    matrix : (n, k) float64
        NaN for missing.
    encoding : Encoding
        How the numbers read.
    unread : dict of str to int
        Cells that hold something which the column's reading does not read, by column; they count
        as missing.
    unseen : dict of str to int
        Cells of categories that the model never saw, by column; they count as missing.
    absent : tuple of str
        The model's columns that the file lacks: missing in every row.
    ignored : tuple of str
        Columns of the file that the model does not use.
    notes : tuple of str
        What was decided about the file.
    """

    ids: list[str | None]
    matrix: Floats
    encoding: Encoding
    unread: dict[str, int]
    unseen: dict[str, int]
    absent: tuple[str, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


def read_new_rows(
    where: str | Path,
    documents: Mapping[str, Any],
    model: str,
    options: TableOptions | None = None,
) -> NewRows:
    """Read a file for a model that was trained on another one.

    Parameters
    ----------
    where : str or Path
        A file, folder, pattern or database, as `features.tables.place.read_table` takes it.
    documents : mapping of str to JSON
        Those of the model version: ``encoding.json`` and ``columns.json``.
    model : str
        What errors call the version.
    options : TableOptions, optional
        Encoding and query of the file.

    Raises
    ------
    InputError
        The file cannot be read, or has none of the model's columns.
    ModelError
        The version does not say how its columns are read.
    """
    try:
        encoding = Encoding.from_json(documents["encoding.json"])
        id_column = documents["columns.json"]["id"]
        readings = [
            ColumnReading.from_json(reading)
            for reading in documents["columns.json"].get("readings", ())
        ]
    except (KeyError, TypeError) as error:
        raise ModelError(
            model, f"must hold encoding.json and columns.json as training writes them: {error!r}"
        ) from None
    source = read_table(where, options or TableOptions())
    names = source.table.column_names
    used = [column for column in encoding.columns if column.name in names]
    if not used:
        raise InputError(
            "TABLE",
            f"must have columns that {model} uses: {_some([c.name for c in encoding.columns])}",
            names,
        )
    read, unread = _read(source, [one for one in readings if one.name in {c.name for c in used}])
    matrix = np.full((source.table.num_rows, len(encoding.columns)), np.nan)
    unseen: dict[str, int] = {}
    for position, column in enumerate(encoding.columns):
        if column.name not in names:
            continue
        values = read.get(column.name, source.table[column.name])
        if column.kind == "category":
            matrix[:, position], count = _codes(column, values)
            if count:
                unseen[column.name] = count
        else:
            matrix[:, position] = column.encode(values)
    return NewRows(
        ids=_ids(source.table, id_column),
        matrix=matrix,
        encoding=encoding,
        unread=unread,
        unseen=unseen,
        absent=tuple(c.name for c in encoding.columns if c.name not in names),
        ignored=tuple(
            name for name in names if name != id_column and name not in {c.name for c in used}
        ),
        notes=source.notes,
    )


def _read(
    source: SourceTable, readings: Sequence[ColumnReading]
) -> tuple[dict[str, pa.ChunkedArray], dict[str, int]]:
    """Columns as their stored readings read them, and how many cells do not fit."""
    table, _ = apply_plan(source, TablePlan(tuple(readings)))
    read = {name: table[name] for name in table.column_names}
    counts = {
        reading.name: len(reading.unread(source.table[reading.name], read[reading.name]))
        for reading in readings
        if reading.is_feature
    }
    return read, {name: count for name, count in counts.items() if count}


def _codes(column: Column, values: pa.ChunkedArray) -> tuple[Floats, int]:
    """Codes of categories, and how many cells hold one that the model never saw."""
    text = as_text(values)
    # The file may write a category in another letter case than the model's own.
    folded: dict[str, list[str]] = {}
    for category in column.categories:
        folded.setdefault(category.casefold(), []).append(category)
    known = {category: code for code, category in enumerate(column.categories)}
    counts = pc.value_counts(text.drop_null())
    codes: dict[str, float] = {}
    unseen = 0
    for entry in counts.to_pylist():
        alike = folded.get(entry["values"].casefold(), [])
        exact = entry["values"] if entry["values"] in known else alike[0] if len(alike) == 1 else ""
        codes[entry["values"]] = known.get(exact, np.nan)
        unseen += entry["counts"] if exact not in known else 0
    listed = text.to_pylist()
    return np.array([np.nan if cell is None else codes[cell] for cell in listed]), unseen


def _ids(table: pa.Table, column: str | None) -> list[str | None]:
    if column is None or column not in table.column_names:
        return [str(number) for number in range(1, table.num_rows + 1)]
    ids: list[str | None] = as_text(table[column]).to_pylist()
    return ids


def _some(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(map(repr, names[:most])) + (", …" if len(names) > most else "")
