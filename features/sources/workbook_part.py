"""A spreadsheet, read as a whole: its sheets have a million rows at most."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.tables import TABLES
from features.sources.names import contract_names
from features.sources.part import BATCH_ROWS, Batch
from features.table_files.workbook import read_workbook
from holdfast.errors import InputError


class WorkbookPart:
    """A spreadsheet's first sheet that holds a table; cells are texts, blank is null.

    Parameters
    ----------
    table : str
        The table it belongs to.
    path : Path
        The file.
    name : str
        The part's name.

    Raises
    ------
    InputError
        It is no spreadsheet, or has no header.
    """

    odd_lines: float = 0.0
    likely_encoding: str = ""

    def __init__(self, table: str, path: Path, name: str) -> None:
        self.path: Path | None = path
        self.name, field = name, f"{table}, {name}"
        try:
            sheet, notes = read_workbook(path)
        except InputError as error:
            raise InputError(field, error.rule) from None
        names, renamed = contract_names(field, sheet.column_names, TABLES[table].columns)
        self.renamed: Mapping[str, str] = renamed
        self.notes: tuple[str, ...] = tuple(notes)
        self._sheet = sheet.rename_columns(names)
        self.rows: int | None = sheet.num_rows
        self.schema: pa.Schema = self._sheet.schema

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        sheet = self._sheet if columns is None else self._sheet.select(list(columns))
        done = 0
        for rows in sheet.to_batches(max_chunksize=BATCH_ROWS):
            filled = [
                pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)
                for cells in rows.columns
            ]
            yield Batch(
                pa.record_batch(filled, names=rows.schema.names),
                np.arange(done + 1, done + len(rows) + 1),
            )
            done += len(rows)
