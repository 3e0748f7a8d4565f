"""Relations as files of a folder."""

from collections import Counter
from pathlib import PurePath

from features.sources.files.parquet_part import ParquetPart
from features.sources.files.partitions import PartitionedPart, folder_values
from features.sources.files.stored_file import HIDDEN, FileTree, StoredFile
from features.sources.files.text_form import TextForms
from features.sources.files.text_part import TextPart
from features.sources.files.workbook_part import WorkbookPart
from features.sources.part import Part, stored_stem
from features.sources.watermark import Increment, Mark, Watermark
from features.table_files.paths import file_kind, file_stem
from holdfast.errors import InputError

_ENDINGS = ".parquet, .csv, .tsv or .txt (also .gz, .zst, .bz2 or .zip) or .xlsx"


class FolderPlace:
    """A folder of relations as Parquet, delimited text or spreadsheets.

    Parameters
    ----------
    tree : FileTree
        The folder.
    encoding : str, optional
        Of text that is not UTF-8, where a person named it.
    forms : TextForms, optional
        How its text files are written that have not changed. Default: none are known.
    """

    def __init__(
        self, tree: FileTree, encoding: str | None = None, forms: TextForms | None = None
    ) -> None:
        self.where, self._tree, self._encoding = tree.where, tree, encoding
        self._forms = forms or TextForms()
        self._entries: dict[str, list[tuple[str, bool]]] = {}
        self._others: list[str] = []
        self._opened: dict[str, tuple[Part, ...]] = {}
        for name, is_folder in tree.entries():
            if name.startswith(HIDDEN):
                continue
            stem = name if is_folder else file_stem(PurePath(name))
            if stem:
                self._entries.setdefault(stem, []).append((name, is_folder))
            else:
                self._others.append(name)

    def names(self) -> tuple[str, ...]:
        """Files and folders, without the endings of tables."""
        return tuple(self._entries)

    def others(self) -> tuple[str, ...]:
        """Files and folders that hold no table, or no part of one that was read."""
        return tuple(self._others)

    def shown(self, name: str) -> str:
        """A relation as its file or folder is called."""
        return self._entries[name][0][0]

    def parts(self, name: str) -> tuple[Part, ...]:
        """A relation's parts, by name."""
        if name not in self._opened:
            self._opened[name] = self._parts_of(name)
        return self._opened[name]

    def quoted(self, name: str) -> str | None:
        """None: files are read to answer a query."""
        return None

    def query(self, sql: str, name: str) -> tuple[Part, ...]:
        """The rows of a query of DuckDB's SQL, in which relations are tables of their names."""
        from features.sources.files.file_query import FileQueryPart

        return (FileQueryPart(name, sql, self.names(), self.parts),)

    def since(
        self, name: str, watermark: Watermark, before: Mark | None, sql: str | None = None
    ) -> Increment:
        """Refused: files that have not changed are not read again anyway."""
        raise InputError(
            "watermark", "must come with a database; unchanged files are not read again", self.where
        )

    def _parts_of(self, name: str) -> tuple[Part, ...]:
        if name not in self._entries:
            raise InputError(name, "must be a file or folder", self.where)
        (entry, is_folder), *more = self._entries[name]
        if more:
            raise InputError(
                name, "must be there once: as one file, or as a folder of files", more[0][0]
            )
        if is_folder:
            return self._parts_in(entry)
        return (self._part(name, self._tree.file(entry), entry),)

    def _part(self, relation: str, file: StoredFile, name: str) -> Part:
        kind = file_kind(PurePath(file.name))
        if kind == "parquet":
            return ParquetPart(relation, file, name)
        if kind == "workbook":
            return WorkbookPart(relation, file, name)
        return TextPart(relation, file, name, self._encoding, self._forms)

    def _parts_in(self, folder: str) -> tuple[Part, ...]:
        tables, notes = self._sorted(folder)
        # Beside parts of another kind, a .txt is a note.
        parts = {
            name: file for name, file in tables.items() if ".txt" not in PurePath(name).suffixes
        } or tables
        left_out = [*notes, *(name for name in tables if name not in parts)]
        self._others += [f"{folder}/{name}" for name in sorted(left_out)]
        repeated = [
            stem
            for stem, count in Counter(stored_stem(name) for name in parts).items()
            if count > 1
        ]
        if repeated:
            raise InputError(
                folder,
                "every part must be there in one form only; this one is in two",
                repeated[0],
            )
        if not parts:
            raise InputError(
                folder,
                f"must hold files that end in {_ENDINGS}, directly or in folders such as year=2026",
            )
        return tuple(
            PartitionedPart.of(self._part(folder, file, name), folder_values(folder, name))
            for name, file in parts.items()
        )

    def _sorted(self, folder: str) -> tuple[dict[str, StoredFile], list[str]]:
        """Files below a folder that hold a table, and what else is there.

        Only folders such as ``year=2026``, which Spark writes for the values of a column, are looked
        into.
        """
        tables: dict[str, StoredFile] = {}
        notes: dict[str, None] = {}
        for name, file in self._tree.below(folder):
            *folders, last = PurePath(name).parts
            if any(one.startswith(HIDDEN) for one in (*folders, last)):
                continue
            depth = next((k for k, one in enumerate(folders) if "=" not in one), None)
            if depth is not None:
                notes["/".join(folders[: depth + 1])] = None
            elif file_stem(PurePath(last)):
                tables[name] = file
            else:
                notes[name] = None
        return tables, list(notes)
