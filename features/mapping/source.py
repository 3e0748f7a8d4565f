"""Raw tables as a mapping file gives them: a source like any other."""

import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from features.contracts.tables import TABLES
from features.mapping.assigning import assign, find_name
from features.mapping.document import read_mapping
from features.mapping.mapping import Mapping, RelationMapping
from features.mapping.part import MappedPart
from features.sources.files.text_form import TextForms
from features.sources.part import Part
from features.sources.place import Place, open_place
from features.sources.watermark import Mark, Watermark
from holdfast.errors import InputError

T = TypeVar("T")

_Where = tuple[str, str | None]
"""Where a place is, and the encoding of its text files."""

_Written = tuple[RelationMapping, tuple[Part, ...]]
"""A relation, and its parts as they are written."""


class MappedTables:
    """The contracts' tables that a mapping file gives.

    Parameters
    ----------
    path : Path
        The mapping file.
    encoding : str, optional
        Of text files that are not UTF-8, where the mapping names none.
    forms : TextForms, optional
        How text files are written that have not changed. Default: none are known.

    Attributes
    ----------
    mapping : Mapping
        What the file says.

    Raises
    ------
    InputError
        The file says what cannot be, a place cannot be opened, or a relation or column that it names
        is not there. Nothing was read but names and types.
    """

    def __init__(
        self, path: Path, encoding: str | None = None, forms: TextForms | None = None
    ) -> None:
        self.mapping: Mapping = read_mapping(path)
        self.where, self._encoding, self._forms = str(path), encoding, forms
        self._places: dict[_Where, Place] = {}
        self._queries: dict[str, tuple[Place, str, str | None]] = {}
        self._marks: dict[str, Mark] = {}
        self._parts: dict[str, tuple[MappedPart, ...]] = {}
        self._relations = [self._written(relation) for relation in self.mapping.relations]
        self._assemble()

    def _assemble(self) -> None:
        written, used = self._relations, self._used_columns(self._relations)
        for table in self.mapping.tables:
            of_table = [one for one in written if one[0].table == table]
            labels = _labels([relation for relation, _ in of_table])
            self._parts[table] = tuple(
                MappedPart(part, relation, label + part.name, used[relation.field])
                for label, (relation, parts) in zip(labels, of_table, strict=True)
                for part in parts
            )

    def tables(self) -> tuple[str, ...]:
        """Contracts' tables that are mapped, in the contracts' order."""
        return tuple(name for name in TABLES if name in self._parts)

    def unknown(self) -> tuple[str, ...]:
        """Relations that nothing maps, and what else lies beside them."""
        unmapped = []
        read = {
            (self._where(part.relation), name)
            for parts in self._parts.values()
            for part in parts
            for name in self._read_by(part.relation)
        }
        for where, place in self._places.items():
            rest = [name for name in place.names() if (where, name) not in read]
            prefix = f"{place.where}: " if len(self._places) > 1 else ""
            unmapped += [f"{prefix}{one}" for one in [*map(place.shown, rest), *place.others()]]
        return tuple(sorted(set(unmapped)))

    def parts(self, table: str) -> tuple[Part, ...]:
        """A table's parts, in the order of the mapping."""
        return self._parts[table]

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """Read a table, part after part; broken lines are left out."""
        for part in self.parts(table):
            for batch in part.batches():
                yield batch.rows

    def resume(self, marks: Map[str, Mark], overlap: timedelta) -> None:
        """Carry on from what was taken in the last time."""
        for position, (relation, _) in enumerate(self._relations):
            if relation.watermark is None:
                continue
            place, name, sql = self._queries[relation.field]
            key = f"{relation.table}/{relation.field.partition(': ')[2]}"
            read = _named(
                f"{relation.field}.watermark",
                partial(
                    place.since, name, Watermark(relation.watermark, overlap), marks.get(key), sql
                ),
            )
            self._relations[position] = relation, read.parts
            if read.mark is not None:
                self._marks[key] = read.mark
        self._assemble()

    def marks(self) -> Map[str, Mark]:
        """How far relations are read that are read by a watermark."""
        return self._marks

    def files(self) -> list[tuple[str, int, str]] | None:
        """Parts with what tells whether they have changed; None where only reading them does."""
        files = []
        for table, parts in self._parts.items():
            for part in parts:
                if part.content is None:
                    return None
                state = part.content.opened
                files.append((f"{table}/{part.name}", state.size, state.mark))
        return files

    def to_json(self) -> dict[str, Any]:
        """What the mapping came to, as a JSON object."""
        relations: dict[tuple[str, str], dict[str, Any]] = {}
        for table, parts in self._parts.items():
            for part in parts:
                relations.setdefault((table, part.relation.field), dict(part.mapping.said))
        return {
            "file": str(self.mapping.path),
            "relations": list(relations.values()),
        }

    def _where(self, relation: RelationMapping) -> _Where:
        return relation.source, relation.encoding or self._encoding

    def _written(self, relation: RelationMapping) -> _Written:
        """A relation under its own name, and its parts as they are written."""
        place = self._place(relation)
        if relation.sql is not None:
            sql = relation.sql
            return relation, _named(f"{relation.field}.sql", lambda: place.query(sql, "sql"))
        field = f"{relation.field}.relation"
        name = find_name(relation.relation or "", place.names(), field, "a relation")
        relation = replace(relation, relation=name)
        quoted = place.quoted(name)
        self._queries[relation.field] = place, name, None
        if relation.where is None or quoted is None:
            return relation, place.parts(name)
        # A line of its own for the bracket, since the condition may end in a comment.
        sql = f"SELECT * FROM {quoted} WHERE (\n{relation.where}\n)"  # noqa: S608
        self._queries[relation.field] = place, name, sql
        return replace(relation, is_filtered=True), _named(
            f"{relation.field}.where", lambda: place.query(sql, name)
        )

    def _used_columns(self, written: Sequence[_Written]) -> dict[str, set[str]]:
        """Columns that something takes, by where the file says of a relation: by it, or by another
        mapping of the same relation.
        """
        used: dict[tuple[_Where, str], set[str]] = {}
        for relation, parts in written:
            names = {name for part in parts for name in part.schema.names}
            taken = {
                name
                for part in parts
                for name in assign(relation, part.schema.names).taken.values()
            }
            said = f"{relation.sql or ''} {relation.where or ''} {relation.watermark or ''}"
            taken |= {name for name in names if _mentions(said, name)}
            for name in self._read_by(relation):
                used.setdefault((self._where(relation), name), set()).update(taken)
        return {
            relation.field: set().union(
                *(used[self._where(relation), name] for name in self._read_by(relation))
            )
            for relation, _ in written
        }

    def _read_by(self, relation: RelationMapping) -> list[str]:
        """Relations that a mapping reads: its own, or those of its query."""
        if relation.sql is None:
            return [relation.relation or ""]
        names = self._places[self._where(relation)].names()
        return [*(name for name in names if _mentions(relation.sql, name)), relation.field]

    def _place(self, relation: RelationMapping) -> Place:
        where = self._where(relation)
        if where not in self._places:
            field = f"{relation.field.partition(': ')[0]}: source"
            self._places[where] = _named(field, lambda: open_place(*where, self._forms))
        return self._places[where]


def _named(field: str, action: Callable[[], T]) -> T:
    """Do something, and name the mapping file in an error about it."""
    try:
        return action()
    except InputError as error:
        raise InputError(field, error.rule, error.value) from None


def _labels(relations: Sequence[RelationMapping]) -> list[str]:
    """What stands before the names of parts, so that those of several relations differ."""
    if len(relations) == 1:
        return [""]
    names = [relation.relation or "sql" for relation in relations]
    return [
        f"{name}-{names[:place].count(name) + 1}/" if names.count(name) > 1 else f"{name}/"
        for place, name in enumerate(names)
    ]


def _mentions(queries: str, name: str) -> bool:
    """Whether queries may read a relation."""
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", queries, re.IGNORECASE))
