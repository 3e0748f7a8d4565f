"""Values that are not taken as they are written, in rows that are accepted all the same.

- A category that is not in its column's list becomes ``other``, or null where the contract says so.
  A required category that is empty becomes ``other``.
- An id in a column that may be null, which leads to no row of the table it refers to, becomes null.

They are counted by what was written, so that nothing is decided in silence.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.tables import Table
from features.contracts.vocabulary import OTHER
from holdfast.arrays import Positions

_MOST_VALUES = 200
"""Different values counted one by one; the rest are counted together."""

Key = tuple[str, str, str | None]
"""Column, rule and value."""

Count = tuple[str, str, str | None, int]
"""The same, and rows."""


@dataclass(frozen=True)
class ReplacedValue:
    """A value that was replaced, in how many rows.

    Parameters
    ----------
    column : str
        The column.
    rule : {"category", "empty", "orphan"}
        Why: it is not in the list, is empty where a category is required, or leads nowhere.
    value : str or None
        What was written. None where it was empty, for ids, for values beyond the first 200
        different ones, and for columns whose values may describe a person.
    became : str or None
        What it is read as; None for null.
    rows : int
        How many rows have it.
    """

    column: str
    rule: str
    value: str | None
    became: str | None
    rows: int


class ReplacedValues:
    """A count of replaced values of one table.

    Parameters
    ----------
    table : Table
        The contract.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._counts: Counter[Key] = Counter()

    def add(self, counts: Iterable[Count]) -> None:
        """Count rows by column, rule and value."""
        for column, rule, value, rows in counts:
            if not rows:
                continue
            key: Key = (column, rule, value if self._may_be_shown(column) else None)
            if key not in self._counts and len(self._counts) >= _MOST_VALUES:
                key = (column, rule, None)
            self._counts[key] += rows

    def counts(self) -> list[Count]:
        """What `add` takes, most frequent first."""
        return [(*key, rows) for key, rows in self._ordered()]

    def values(self) -> tuple[ReplacedValue, ...]:
        """The values, most frequent first."""
        return tuple(
            ReplacedValue(column, rule, value, self._became(column, rule), rows)
            for (column, rule, value), rows in self._ordered()
        )

    def _ordered(self) -> list[tuple[Key, int]]:
        return sorted(
            self._counts.items(),
            key=lambda one: (-one[1], one[0][0], one[0][1], one[0][2] or ""),
        )

    def _became(self, column: str, rule: str) -> str | None:
        if rule == "orphan":
            return None
        unlisted = self.table.schema.columns[column].metadata["unlisted"]
        return None if unlisted == "null" else str(unlisted)

    def _may_be_shown(self, column: str) -> bool:
        return bool(self.table.schema.columns[column].metadata["data_class"] == "none")


@dataclass(frozen=True)
class Replaced:
    """Cells of one column that a batch's rows were accepted without.

    Parameters
    ----------
    column, rule : str
        As in `ReplacedValue`.
    at : (n,) int64
        Which rows of the batch.
    values : pyarrow.Array
        What was written there.
    """

    column: str
    rule: str
    at: Positions
    values: pa.Array

    def counts(self, left_out: Positions) -> Iterator[Count]:
        """Rows by value, without some rows."""
        kept = pa.array(~np.isin(self.at, left_out))
        seen = pc.value_counts(self.values.filter(kept))
        pairs = (seen.field(name).to_pylist() for name in ("values", "counts"))
        for value, rows in zip(*pairs, strict=True):
            yield self.column, self.rule, value, rows


def replace_unlisted(table: Table, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Replaced]]:
    """Replace categories that are not in their column's list.

    Parameters
    ----------
    table : Table
        The contract.
    rows : pyarrow.RecordBatch
        Typed as ``table.arrow_schema``.

    Returns
    -------
    rows : pyarrow.RecordBatch
        The same; every category is in its list, or null where it may be.
    replaced : list of Replaced
        What was written instead.
    """
    columns, replaced = list(rows.columns), list[Replaced]()
    for place, (name, column) in enumerate(table.schema.columns.items()):
        unlisted = column.metadata["unlisted"]
        if unlisted is None:
            continue
        values = columns[place]
        listed = pc.is_in(values, value_set=_allowed(column))
        if unlisted == OTHER and not column.nullable:
            for rule, wrong in (
                ("category", pc.and_(pc.is_valid(values), pc.invert(listed))),
                ("empty", pc.is_null(values)),
            ):
                replaced += _replaced(name, rule, wrong, values)
            columns[place] = pc.if_else(listed, values, OTHER)
        else:
            wrong = pc.and_(pc.is_valid(values), pc.invert(listed))
            replaced += _replaced(name, "category", wrong, values)
            became = pa.scalar(OTHER if unlisted == OTHER else None, pa.string())
            columns[place] = pc.if_else(wrong, became, values)
    return pa.record_batch(columns, schema=rows.schema), replaced


def _replaced(column: str, rule: str, wrong: Any, values: pa.Array) -> Iterator[Replaced]:
    at = np.flatnonzero(wrong.to_numpy(zero_copy_only=False))
    if len(at):
        yield Replaced(column, rule, at, values.take(pa.array(at)))


def without_values(rows: pa.RecordBatch, columns: Mapping[str, Positions]) -> pa.RecordBatch:
    """Rows with null in some columns at some places."""
    for name, places in columns.items():
        at = rows.schema.get_field_index(name)
        kept = np.ones(len(rows), dtype=bool)
        kept[places] = False
        values = pc.if_else(pa.array(kept), rows.column(at), pa.scalar(None, rows.column(at).type))
        rows = rows.set_column(at, rows.schema.field(at), values)
    return rows


def _allowed(column: Any) -> pa.Array:
    (values,) = (
        check.statistics["allowed_values"] for check in column.checks if check.name == "category"
    )
    return pa.array(values, pa.string())
