"""A source of raw tables under the contracts' names."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Protocol

import pyarrow as pa

from features.sources.part import Part
from features.sources.watermark import Mark


class TableSource(Protocol):
    """A place that raw tables lie in.

    Attributes
    ----------
    where : str
        The place, fit to be shown: without a password.
    """

    where: str

    def tables(self) -> tuple[str, ...]:
        """Contracts' tables that are there, in the contracts' order."""
        ...

    def unknown(self) -> tuple[str, ...]:
        """What else is there: of no use, perhaps misspelt."""
        ...

    def parts(self, table: str) -> tuple[Part, ...]:
        """A table's parts, by name."""
        ...

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """Read a table, part after part; broken lines are left out."""
        ...

    def resume(self, marks: Mapping[str, Mark], overlap: timedelta) -> None:
        """Carry on from what was taken in the last time: before the first table is read.

        Parameters
        ----------
        marks : mapping of str to Mark
            As `marks` gave them then.
        overlap : timedelta
            How long after the time that it bears a row may become visible.

        Raises
        ------
        InputError
            A watermark goes backwards.
        """
        ...

    def marks(self) -> Mapping[str, Mark]:
        """How far tables are read that are read by a watermark: by table, or by table, a slash, and
        what else tells its relations apart.
        """
        ...
