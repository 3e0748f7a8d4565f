"""A source of raw tables with parts of another one beside its own."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

import pyarrow as pa

from features.contracts.tables import TABLES
from features.sources.part import Part
from features.sources.table_source import TableSource
from features.sources.watermark import Mark


class JoinedTables:
    """Two sources, read as one.

    Parameters
    ----------
    source : TableSource
        The one that is spoken of.
    beside : TableSource
        Whose parts are read after those of the first; their names must be others.
    """

    def __init__(self, source: TableSource, beside: TableSource) -> None:
        self.where = source.where
        self._source, self._beside = source, beside

    def tables(self) -> tuple[str, ...]:
        """Contracts' tables that are in either, in the contracts' order."""
        there = {*self._source.tables(), *self._beside.tables()}
        return tuple(name for name in TABLES if name in there)

    def unknown(self) -> tuple[str, ...]:
        """What else the first has."""
        return self._source.unknown()

    def parts(self, table: str) -> tuple[Part, ...]:
        """A table's parts."""
        return tuple(
            part
            for source in (self._source, self._beside)
            if table in source.tables()
            for part in source.parts(table)
        )

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """Read a table, part after part; broken lines are left out."""
        for source in (self._source, self._beside):
            if table in source.tables():
                yield from source.batches(table)

    def resume(self, marks: Mapping[str, Mark], overlap: timedelta) -> None:
        """Carry the first on from what was taken in the last time."""
        self._source.resume(marks, overlap)

    def marks(self) -> Mapping[str, Mark]:
        """How far tables of the first are read that are read by a watermark."""
        return self._source.marks()
