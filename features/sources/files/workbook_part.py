"""A spreadsheet, read as a whole: its sheets have a million rows at most."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.sources.content import Content
from features.sources.files.stored_file import StoredFile
from features.sources.names import refuse_repeats
from features.sources.part import BATCH_ROWS, NOT_MAPPED, Batch, PartMapping
from features.table_files.workbook import read_workbook
from holdfast.errors import InputError


class WorkbookPart:
    """A spreadsheet's first sheet that holds a table; cells are texts, blank is null.

    Parameters
    ----------
    relation : str
        What it belongs to.
    file : StoredFile
        The file.
    name : str
        The part's name.

    Raises
    ------
    InputError
        It is no spreadsheet, or has no header.
    """

    mapping: PartMapping = NOT_MAPPED
    odd_lines: float = 0.0
    likely_encoding: str = ""

    as_stored: bool = False
    folder_columns: tuple[str, ...] = ()

    def __init__(self, relation: str, file: StoredFile, name: str) -> None:
        self.path: Path | None = file.path
        self.content: Content | None = file.content
        self.renamed: Mapping[str, str] = {}
        self.name, field = name, f"{relation}, {name}"
        try:
            self._sheet, notes = (
                read_workbook(file.path)
                if file.path is not None
                else read_workbook(PurePath(file.name), file.opened().readall())
            )
        except InputError as error:
            raise InputError(field, error.rule) from None
        refuse_repeats(field, self._sheet.column_names)
        self.notes: tuple[str, ...] = tuple(notes)
        self.rows: int | None = self._sheet.num_rows
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
