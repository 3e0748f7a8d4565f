"""Raw tables as files of a folder."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from features.contracts.tables import TABLES
from features.sources.part import BATCH_ROWS, Batch, BrokenLine, Part
from features.table_files.dialect import DELIMITERS
from holdfast.errors import InputError

_ENDINGS = (".parquet", ".csv", ".csv.gz")
_BLOCK_BYTES = 16 << 20


class FolderSource:
    """A folder of Parquet and CSV files.

    Parameters
    ----------
    where : str
        The folder, which exists.

    Raises
    ------
    InputError
        A table is there twice, or the header of a file cannot be read.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self._parts: dict[str, tuple[Part, ...]] = {}
        self._unknown: list[str] = []
        for entry in sorted(Path(where).expanduser().iterdir()):
            self._sort_in(entry)

    def tables(self) -> tuple[str, ...]:
        """Contracts' tables that are there, in the contracts' order."""
        return tuple(name for name in TABLES if name in self._parts)

    def unknown(self) -> tuple[str, ...]:
        """Files and folders that are no table."""
        return tuple(self._unknown)

    def parts(self, table: str) -> tuple[Part, ...]:
        """A table's parts, by name."""
        return self._parts[table]

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """Read a table, part after part; broken lines are left out."""
        for part in self.parts(table):
            for batch in part.batches():
                yield batch.rows

    def _sort_in(self, entry: Path) -> None:
        if entry.name.startswith((".", "_")):
            return
        name = entry.name if entry.is_dir() else table_stem(entry.name)
        if name not in TABLES:
            self._unknown.append(entry.name)
            return
        if name in self._parts:
            raise InputError(
                name, "must be there once: as one file, or as a folder of files", entry.name
            )
        files = self._files_of(entry) if entry.is_dir() else [entry]
        self._parts[name] = tuple(
            ParquetPart(name, file) if file.name.endswith(".parquet") else CsvPart(name, file)
            for file in files
        )

    def _files_of(self, folder: Path) -> list[Path]:
        files = []
        for entry in sorted(folder.iterdir()):
            if entry.is_file() and table_stem(entry.name):
                files.append(entry)
            elif not entry.name.startswith((".", "_")):
                self._unknown.append(f"{folder.name}/{entry.name}")
        repeated = [
            stem
            for stem, count in Counter(table_stem(file.name) for file in files).items()
            if count > 1
        ]
        if repeated:
            raise InputError(
                folder.name,
                "every part must be there in one form only; this one is in two",
                repeated[0],
            )
        if not files:
            raise InputError(folder.name, "must hold files that end in .parquet, .csv or .csv.gz")
        return files


class ParquetPart:
    """A Parquet file.

    Parameters
    ----------
    table : str
        The table it belongs to.
    path : Path
        The file.

    Raises
    ------
    InputError
        It is no Parquet.
    """

    def __init__(self, table: str, path: Path) -> None:
        self.path: Path | None = path
        self.name, self._field = path.name, f"{table}, {path.name}"
        try:
            with pq.ParquetFile(path) as file:
                self.schema: pa.Schema = file.schema_arrow
                self.rows: int | None = file.metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self._field, "Parquet", error) from None

    def batches(self) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        done = 0
        try:
            with pq.ParquetFile(self.path) as file:
                for rows in file.iter_batches(batch_size=BATCH_ROWS):
                    yield Batch(rows, np.arange(done + 1, done + len(rows) + 1))
                    done += len(rows)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self._field, "Parquet", error) from None


class CsvPart:
    """A CSV file, in UTF-8, with a header line.

    Values stay bytes here: which of them are not UTF-8 is checked row by row, so that one bad line
    does not cost the file.

    Parameters
    ----------
    table : str
        The table it belongs to.
    path : Path
        The file; ``.gz`` is unpacked on the way.

    Raises
    ------
    InputError
        Its header line is missing or not UTF-8, or names a column twice.
    """

    rows: int | None = None

    def __init__(self, table: str, path: Path) -> None:
        self.path: Path | None = path
        self.name, self._field = path.name, f"{table}, {path.name}"
        self._names, self._delimiter = self._read_header()
        self.schema: pa.Schema = pa.schema([(name, pa.binary()) for name in self._names])

    def batches(self) -> Iterator[Batch]:
        """Read it, a bounded number of bytes at a time."""
        broken: list[BrokenLine] = []
        numbers_left_out: list[int] = []

        def leave_out(row: Any) -> str:
            # The header line is Arrow's row 1.
            rule = f"must have {row.expected_columns} fields, as the header has"
            broken.append(BrokenLine(row.number - 1, row.text, str(row.actual_columns), rule))
            numbers_left_out.append(row.number - 1)
            return "skip"

        done = 0
        try:
            for rows in self._open(leave_out):
                positions = np.arange(done, done + len(rows))
                yield Batch(
                    rows,
                    row_numbers(positions, np.array(numbers_left_out, dtype=np.int64)),
                    tuple(broken),
                )
                broken.clear()
                done += len(rows)
        except (pa.ArrowException, OSError, EOFError) as error:
            raise _unreadable(self._field, "CSV", error) from None
        if broken:
            yield Batch(
                pa.RecordBatch.from_pylist([], schema=self.schema),
                np.empty(0, dtype=np.int64),
                tuple(broken),
            )

    def _open(self, leave_out: Any) -> Any:
        return pa_csv.open_csv(
            self.path,
            # Rows are numbered only when read in one thread.
            read_options=pa_csv.ReadOptions(
                column_names=self._names,
                skip_rows_after_names=1,
                block_size=_BLOCK_BYTES,
                use_threads=False,
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=leave_out
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(self._names, pa.binary()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _read_header(self) -> tuple[list[str], str]:
        opener: Any = gzip.open if self.name.endswith(".gz") else open
        try:
            # A later line that is not UTF-8 is that line's fault.
            with opener(
                self.path, "rt", encoding="utf-8-sig", errors="replace", newline=""
            ) as stream:
                headers = {}
                for delimiter in DELIMITERS:
                    stream.seek(0)
                    headers[delimiter] = next(csv.reader(stream, delimiter=delimiter), [])
        except (OSError, EOFError, csv.Error) as error:
            raise _unreadable(self._field, "CSV", error) from None
        delimiter = max(DELIMITERS, key=lambda candidate: len(headers[candidate]))
        names = headers[delimiter]
        if not names:
            raise InputError(self._field, "must have a header line with column names")
        if any("\ufffd" in name for name in names):
            raise InputError(self._field, "must be UTF-8")
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise InputError(self._field, "column names must differ; this one repeats", repeated[0])
        return names, delimiter


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


def table_stem(name: str) -> str:
    """A file's name without the ending of a table's file; empty where it has none."""
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), "")


def _unreadable(field: str, form: str, error: BaseException) -> InputError:
    # The library's own words may quote values.
    return InputError(field, f"cannot be read as {form}; is it complete?", type(error).__name__)
