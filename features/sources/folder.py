"""Raw tables as files of a folder."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from features.contracts.tables import TABLES
from features.sources.names import key
from features.sources.parquet_part import ParquetPart
from features.sources.part import Part
from features.sources.text_part import TextPart
from features.sources.workbook_part import WorkbookPart
from features.table_files.paths import file_kind, file_stem
from holdfast.errors import InputError

_ENDINGS = ".parquet, .csv, .tsv or .txt (also .gz, .zst, .bz2 or .zip) or .xlsx"
_HIDDEN = (".", "_", "~")


class FolderSource:
    """A folder of tables as Parquet, delimited text or spreadsheets.

    Parameters
    ----------
    where : str
        The folder, which exists.
    encoding : str, optional
        Of text that is not UTF-8, where a person named it.

    Raises
    ------
    InputError
        A table is there twice, or the header of a file cannot be read.
    """

    def __init__(self, where: str, encoding: str | None = None) -> None:
        self.where, self._encoding = where, encoding
        self._parts: dict[str, tuple[Part, ...]] = {}
        self._unknown: list[str] = []
        self._by_key = {key(name): name for name in TABLES}
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
        if entry.name.startswith(_HIDDEN):
            return
        written = entry.name if entry.is_dir() else file_stem(entry)
        name = self._by_key.get(key(written or ""))
        if name is None:
            self._unknown.append(entry.name)
            return
        if name in self._parts:
            raise InputError(
                name, "must be there once: as one file, or as a folder of files", entry.name
            )
        files = self._files_of(entry) if entry.is_dir() else [entry]
        self._parts[name] = tuple(self._part(name, file) for file in files)

    def _part(self, table: str, file: Path) -> Part:
        kind = file_kind(file)
        if kind == "parquet":
            return ParquetPart(table, file)
        if kind == "workbook":
            return WorkbookPart(table, file)
        return TextPart(table, file, self._encoding)

    def _files_of(self, folder: Path) -> list[Path]:
        entries = [
            entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(_HIDDEN)
        ]
        files = [entry for entry in entries if entry.is_file() and file_stem(entry)]
        # Beside parts of another kind, a .txt is a note.
        parts = [file for file in files if ".txt" not in file.suffixes] or files
        self._unknown += [f"{folder.name}/{entry.name}" for entry in entries if entry not in parts]
        files = parts
        repeated = [
            stem for stem, count in Counter(file_stem(file) for file in files).items() if count > 1
        ]
        if repeated:
            raise InputError(
                folder.name,
                "every part must be there in one form only; this one is in two",
                repeated[0],
            )
        if not files:
            raise InputError(folder.name, f"must hold files that end in {_ENDINGS}")
        return files
