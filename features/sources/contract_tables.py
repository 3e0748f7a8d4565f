"""The contracts' tables in a place: its names, and those of its columns, matched to the contracts."""

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from features.contracts.tables import TABLES
from features.sources.content import Content
from features.sources.names import contract_names, key
from features.sources.part import NOT_MAPPED, Batch, Part, PartMapping
from features.sources.place import Place
from features.sources.watermark import Mark, Watermark
from holdfast.errors import InputError


class ContractTables:
    """The contracts' tables that a place holds under a name that resembles theirs.

    Parameters
    ----------
    place : Place
        Where they lie.
    watermark : str, optional
        Of a database: tables that have such a column, however it is spelt, are read by it.

    Raises
    ------
    InputError
        A table is there twice, two columns have one name, a part cannot be read, or no table has the
        watermark's column.
    """

    def __init__(self, place: Place, watermark: str | None = None) -> None:
        self.where, self._place = place.where, place
        relations = meant_tables(place.names())
        written = {name: place.parts(name) for name in relations}
        self._parts = {
            table: tuple(contract_part(table, part) for part in written[name])
            for name, table in relations.items()
        }
        self._unused = [name for name in place.names() if name not in relations]
        self._marks: dict[str, Mark] = {}
        self._watermarks: dict[str, tuple[str, str]] = {}
        if watermark is not None:
            for name, table in relations.items():
                (column, *_) = [*_spelt(watermark, written[name]), None]
                if column is not None:
                    self._watermarks[table] = name, column
            self._require_watermarks(watermark)

    def tables(self) -> tuple[str, ...]:
        """Contracts' tables that are there, in the contracts' order."""
        return tuple(name for name in TABLES if name in self._parts)

    def unknown(self) -> tuple[str, ...]:
        """What no contract is about."""
        unused = map(self._place.shown, self._unused)
        return tuple(sorted({*unused, *self._place.others()}))

    def parts(self, table: str) -> tuple[Part, ...]:
        """A table's parts, by name."""
        return self._parts[table]

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """Read a table, part after part; broken lines are left out."""
        for part in self.parts(table):
            for batch in part.batches():
                yield batch.rows

    def resume(self, marks: Mapping[str, Mark], overlap: timedelta) -> None:
        """Carry on from what was taken in the last time."""
        for table, (name, column) in self._watermarks.items():
            read = self._place.since(name, Watermark(column, overlap), marks.get(table))
            self._parts[table] = tuple(contract_part(table, part) for part in read.parts)
            if read.mark is not None:
                self._marks[table] = read.mark

    def marks(self) -> Mapping[str, Mark]:
        """How far tables are read that are read by a watermark."""
        return self._marks

    def _require_watermarks(self, watermark: str) -> None:
        if self._parts and not self._watermarks:
            raise InputError(
                "watermark", "must be a column of at least one of the tables", watermark
            )
        whole = [table for table in self._parts if table not in self._watermarks]
        for table in whole:
            note = f"has no column {watermark}, and is read as a whole"
            self._parts[table] = tuple(
                RenamedPart(part, {n: n for n in part.schema.names}, part.renamed, (note,))
                for part in self._parts[table]
            )


def _spelt(column: str, parts: tuple[Part, ...]) -> list[str]:
    """The columns that a name means, its very spelling first."""
    names = [name for part in parts for name in part.schema.names if key(name) == key(column)]
    return sorted(names, key=lambda name: name != column)


class RenamedPart:
    """A part some of whose columns are read, under other names.

    Parameters
    ----------
    part : Part
        The part as it is written.
    names : mapping of str to str
        Its columns to read, and what each is called from now on. These must differ.
    renamed : mapping of str to str
        Those of them to tell a person.
    notes : tuple of str
        What else to tell, after what the part says.
    """

    mapping: PartMapping = NOT_MAPPED

    def __init__(
        self,
        part: Part,
        names: Mapping[str, str],
        renamed: Mapping[str, str],
        notes: tuple[str, ...] = (),
    ) -> None:
        self._part, self._names = part, dict(names)
        self.name, self.rows = part.name, part.rows
        self.path: Path | None = part.path
        self.content: Content | None = part.content
        self.renamed: Mapping[str, str] = renamed
        self.notes: tuple[str, ...] = (*part.notes, *notes)
        self.odd_lines, self.likely_encoding = part.odd_lines, part.likely_encoding
        self.folder_columns = part.folder_columns
        in_file = [name for name in part.schema.names if name not in part.folder_columns]
        self.as_stored = part.as_stored and list(names.items()) == [(n, n) for n in in_file]
        self.schema: pa.Schema = pa.schema(
            [part.schema.field(old).with_name(new) for old, new in names.items()]
        )

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        wanted = [old for old, new in self._names.items() if columns is None or new in columns]
        is_all = len(wanted) == len(self._part.schema)
        for batch in self._part.batches(None if is_all else wanted):
            new = [self._names[old] for old in batch.rows.schema.names]
            rows = batch.rows if new == batch.rows.schema.names else batch.rows.rename_columns(new)
            yield Batch(rows, batch.numbers, batch.broken)


def contract_part(table: str, part: Part) -> Part:
    """A part with the columns that its contract knows in the contract's spelling.

    Columns that stand in the names of folders are left out where the contract knows none of them.

    Parameters
    ----------
    table : str
        The contract's table.
    part : Part
        The part as it is written.

    Raises
    ------
    InputError
        Two columns have one name.
    """
    known = TABLES[table].columns
    known_keys = set(map(key, known))
    ignored = [name for name in part.folder_columns if key(name) not in known_keys]
    written = [name for name in part.schema.names if name not in ignored]
    field = part.name if part.path is None else f"{table}, {part.name}"
    names, renamed = contract_names(field, written, known)
    notes = (
        (f"no contract knows {', '.join(ignored)} of the folders' names; ignored",)
        if ignored
        else ()
    )
    return RenamedPart(part, dict(zip(written, names, strict=True)), renamed, notes)


def meant_tables(names: Collection[str]) -> dict[str, str]:
    """The contracts' tables by the names that a place has for them; its very name goes first.

    Parameters
    ----------
    names : collection of str
        A place's relations.

    Raises
    ------
    InputError
        Two of them resemble a table alike.
    """
    by_key = {key(table): table for table in TABLES}
    meant: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (name not in TABLES, name)):
        table = by_key.get(key(name))
        if table is None:
            continue
        other = next((one for one, taken in meant.items() if taken == table), None)
        if other is None:
            meant[name] = table
        elif other != table:
            raise InputError(
                table, f"must be there once; this one and {other!r} are both taken for it", name
            )
    return meant
