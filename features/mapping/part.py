"""A part of a relation, read as a part of a contract's table."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.mapping.assigning import Assignment, assign
from features.mapping.mapping import RelationMapping
from features.mapping.row_filter import RowFilter
from features.mapping.rows import contract_rows
from features.sources.content import Content
from features.sources.part import Batch, Part, PartMapping


class MappedPart:
    """A part of a relation under the contract's names, with values mapped and defaults filled in.

    Parameters
    ----------
    part : Part
        The part as it is written.
    relation : RelationMapping
        What its columns mean.
    name : str
        What to call it; parts of one table differ.
    used : collection of str
        Columns of the relation that some table takes.

    Raises
    ------
    InputError
        The mapping names a column that is not there, or its condition is refused.
    """

    folder_columns: tuple[str, ...] = ()
    as_stored = False

    def __init__(
        self, part: Part, relation: RelationMapping, name: str, used: Collection[str] = ()
    ) -> None:
        self._part, self.relation = part, relation
        self.name = name
        self.path: Path | None = part.path
        self.content: Content | None = part.content
        self.rows: int | None = None if relation.where else part.rows
        self.odd_lines, self.likely_encoding = part.odd_lines, part.likely_encoding
        self.assignment: Assignment = assign(relation, part.schema.names)
        self._filter: RowFilter | None = None
        if relation.where and not relation.is_filtered:
            self._filter = RowFilter(relation.where, f"{relation.field}.where")
            self._filter.check(part.schema)
        self.renamed: Mapping[str, str] = {
            written: column
            for column, written in self.assignment.taken.items()
            if written != column and column in self.assignment.by_name
        }
        self.notes: tuple[str, ...] = (*part.notes, *_notes(relation))
        nothing = pa.RecordBatch.from_pylist([], schema=part.schema)
        self.schema: pa.Schema = self._mapped(nothing).schema
        self.mapping = PartMapping(
            digest=relation.digest,
            time_zone=relation.time_zone,
            arrival_lag_days=relation.arrival_lag_days,
            unused=(unused := tuple(name for name in self.assignment.unused if name not in used)),
            said=self._said(unused),
        )

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        wanted = {
            written
            for column, written in self.assignment.taken.items()
            if columns is None or column in columns
        }
        names = [
            name
            for name in self._part.schema.names
            if name in wanted or (self._filter is not None and self._filter.uses(name))
        ]
        # A relation's rows are counted by its columns, so one is read where none is asked for.
        names = names or self._part.schema.names[:1]
        for batch in self._part.batches(names):
            yield self._batch(batch, columns)

    def _said(self, unused: Collection[str]) -> dict[str, Any]:
        """What the mapping came to, as a JSON object."""
        relation, assigned = self.relation, self.assignment
        said = {
            "where": relation.where,
            "sql": relation.sql,
            "time_zone": relation.time_zone,
            "arrival_lag_days": relation.arrival_lag_days,
            "watermark": relation.watermark,
        }
        return {
            "table": relation.table,
            "relation": relation.relation,
            "columns": dict(assigned.taken),
            "by_name": list(assigned.by_name),
            "values": {column: dict(values) for column, values in relation.values.items()},
            "defaults": dict(relation.defaults),
            **{key: value for key, value in said.items() if value is not None},
            "unused_columns": list(unused),
        }

    def _batch(self, batch: Batch, columns: Collection[str] | None) -> Batch:
        rows, numbers, passed_over = batch.rows, batch.numbers, batch.passed_over
        if self._filter is not None:
            kept = self._filter.positions(rows)
            is_kept = np.zeros(len(rows), dtype=bool)
            is_kept[kept] = True
            passed_over = np.concatenate([passed_over, numbers[~is_kept]])
            rows, numbers = rows.take(pa.array(kept)), numbers[kept]
        mapped = self._mapped(rows)
        if columns is not None:
            mapped = mapped.select([name for name in mapped.schema.names if name in columns])
        return Batch(mapped, numbers, batch.broken, passed_over)

    def _mapped(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        return contract_rows(self.relation, self.assignment, rows)


def _notes(relation: RelationMapping) -> tuple[str, ...]:
    notes = [f"only rows where {relation.where}"] if relation.where else []
    if relation.defaults:
        constants = ", ".join(f"{name} {value!r}" for name, value in relation.defaults.items())
        notes.append(f"where there is no value: {constants}")
    return tuple(notes)
