"""Raw tables as files of a folder."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from features.contracts.tables import TABLES
from features.sources.names import key
from features.sources.parquet_part import ParquetPart
from features.sources.part import Part, stored_stem
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
        self._parts[name] = (
            self._parts_of(name, entry)
            if entry.is_dir()
            else (self._part(name, entry, entry.name),)
        )

    def _part(self, table: str, file: Path, name: str) -> Part:
        kind = file_kind(file)
        if kind == "parquet":
            return ParquetPart(table, file, name)
        if kind == "workbook":
            return WorkbookPart(table, file, name)
        return TextPart(table, file, name, self._encoding)

    def _parts_of(self, table: str, folder: Path) -> tuple[Part, ...]:
        entries = {path.relative_to(folder).as_posix(): path for path in _below(table, folder)}
        files = {name: path for name, path in entries.items() if path.is_file() and file_stem(path)}
        # Beside parts of another kind, a .txt is a note.
        parts = {name: path for name, path in files.items() if ".txt" not in path.suffixes} or files
        self._unknown += [f"{folder.name}/{name}" for name in entries if name not in parts]
        repeated = [
            stem
            for stem, count in Counter(stored_stem(name) for name in parts).items()
            if count > 1
        ]
        if repeated:
            raise InputError(
                folder.name,
                "every part must be there in one form only; this one is in two",
                repeated[0],
            )
        if not parts:
            raise InputError(
                folder.name,
                f"must hold files that end in {_ENDINGS}, directly or in folders such as year=2026",
            )
        return tuple(self._part(table, path, name) for name, path in parts.items())


def _below(table: str, folder: Path) -> Iterator[Path]:
    """Files and folders of a table's folder, with those in folders such as ``year=2026``, which
    Spark writes for the values of a column. Such a column is not in the files.

    Raises
    ------
    InputError
        The contract knows the column, so that its values would be lost.
    """
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(_HIDDEN):
            continue
        column, is_partition, _ = entry.name.partition("=")
        if not (entry.is_dir() and is_partition):
            yield entry
            continue
        if key(column) in map(key, TABLES[table].columns):
            raise InputError(
                f"{table}.{column}",
                "must be a column of the files, not only of the names of their folders; write the"
                " table again, partitioned by another column or by none",
                entry.name,
            )
        yield from _below(table, entry)
