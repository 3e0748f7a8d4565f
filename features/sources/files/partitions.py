"""Columns that stand in the names of folders, as Hive and Spark write them: ``bills/dt=2026-01-01``."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePath
from urllib.parse import unquote

import pyarrow as pa

from features.sources.content import Content
from features.sources.names import key
from features.sources.part import NOT_MAPPED, Batch, Part, PartMapping
from holdfast.errors import InputError

_NULL = "__HIVE_DEFAULT_PARTITION__"


def folder_values(relation: str, name: str) -> dict[str, str | None]:
    """Columns and values that stand in the names of a part's folders.

    Parameters
    ----------
    relation : str
        What the part belongs to, for an error.
    name : str
        The part's path below the relation's folder, such as ``year=2026/month=1/part-0.parquet``.

    Returns
    -------
    dict
        Texts, without the escapes that stand for signs that no folder may have in its name; null
        for ``__HIVE_DEFAULT_PARTITION__`` and for an empty text, which Hive does not tell apart.

    Raises
    ------
    InputError
        Two folders name one column.
    """
    values: dict[str, str | None] = {}
    for folder in PurePath(name).parts[:-1]:
        column, _, text = folder.partition("=")
        column, text = unquote(column), unquote(text)
        if key(column) in map(key, values):
            raise InputError(relation, "folders must name a column once; this one repeats", column)
        values[column] = None if text in ("", _NULL) else text
    return values


class PartitionedPart:
    """A part with the columns that stand in the names of its folders.

    Parameters
    ----------
    part : Part
        The file.
    values : mapping of str to str or None
        Columns that the file has not, and their one value.
    notes : tuple of str
        What to tell beside what the part says.
    """

    mapping: PartMapping = NOT_MAPPED

    def __init__(
        self, part: Part, values: Mapping[str, str | None], notes: tuple[str, ...]
    ) -> None:
        self._part, self._values = part, dict(values)
        self.name, self.rows = part.name, part.rows
        self.path: Path | None = part.path
        self.content: Content | None = part.content
        self.renamed, self.notes = part.renamed, (*part.notes, *notes)
        self.odd_lines, self.likely_encoding = part.odd_lines, part.likely_encoding
        self.folder_columns: tuple[str, ...] = tuple(values)
        # Columns of folders are left out where nobody asks for them: the file is as it was then.
        self.as_stored = part.as_stored
        self.schema: pa.Schema = part.schema
        for column in values:
            self.schema = self.schema.append(pa.field(column, pa.string()))

    @classmethod
    def of(cls, part: Part, values: Mapping[str, str | None]) -> Part:
        """A part with those values whose columns the file has not; as it is where it has all."""
        stored = set(map(key, part.schema.names))
        added = {name: value for name, value in values.items() if key(name) not in stored}
        twice = [name for name in values if name not in added]
        notes = (
            (f"{', '.join(twice)} of the folders' names is in the file too, which is read",)
            if twice
            else ()
        )
        return cls(part, added, notes) if values else part

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        added = [name for name in self._values if columns is None or name in columns]
        wanted = None if columns is None else [name for name in columns if name not in added]
        # The file says how many rows there are, whatever is asked for.
        read = self._part.schema.names[:1] if wanted == [] else wanted
        for batch in self._part.batches(read):
            names = batch.rows.schema.names if wanted != [] else []
            values = [
                pa.repeat(pa.scalar(self._values[name], pa.string()), len(batch.numbers))
                for name in added
            ]
            stored = [batch.rows.column(name) for name in names]
            rows = pa.record_batch([*stored, *values], names=[*names, *added])
            yield Batch(rows, batch.numbers, batch.broken)
