"""What was known when: the accepted raw tables, read lazily, as they stood at a cut-off or as they
look in hindsight.

A row is known at a cut-off when it had arrived by then. Of a state table the latest row holds; of
an event table a row that arrived later with the same key corrects the earlier one. Labels are told
in hindsight, from all rows up to the data's end.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from features.contracts.tables import ARRIVED, HAPPENED, TABLES, Table
from holdfast.errors import InputError

_COLUMN_TYPES = {
    "string": pl.String(),
    "double": pl.Float64(),
    "int64": pl.Int64(),
    "bool": pl.Boolean(),
}
UTC_TIME = pl.Datetime("us", "UTC")


class RawHistory:
    """The raw tables below one directory.

    Parameters
    ----------
    directory : Path
        Where they lie, as ``<table>/*.parquet``, typed as their contracts say.
    until : datetime, optional
        Look no further: rows that arrived later are not seen, not even in hindsight. Default: now,
        because a row that claims to arrive in the future is not known yet.

    Raises
    ------
    InputError
        A required table is absent, or `until` has no time zone.
    """

    def __init__(self, directory: Path, until: datetime | None = None) -> None:
        if until is not None and until.tzinfo is None:
            raise InputError("until", "must have a time zone", until.isoformat())
        self.directory = directory
        self.until = until or datetime.now(UTC)
        for table in TABLES.values():
            if table.required:
                self.require(table.name, "nothing can be said of anybody without it")

    def require(self, table: str, why: str) -> None:
        """Require that a table is there.

        Raises
        ------
        InputError
            It is absent.
        """
        if not self.has(table):
            raise InputError(
                "raw tables", f"must hold the table {table}: {why}", str(self.directory)
            )

    def has(self, table: str) -> bool:
        """Whether a table is there, though it may be empty."""
        return bool(self._files(table))

    @cached_property
    def end(self) -> datetime:
        """When the newest row of any table arrived; not after `until`.

        Raises
        ------
        InputError
            There are no rows.
        """
        newest = [
            moment
            for table in TABLES
            for path in self._files(table)
            if (moment := _newest_arrival(path))
        ]
        if not newest:
            raise InputError(
                "raw tables", "must hold rows; they are all empty", str(self.directory)
            )
        return min(max(newest), self.until)

    def rows(
        self, table: str, columns: Sequence[str], only: pl.LazyFrame | None = None
    ) -> pl.LazyFrame:
        """All rows seen, corrected ones too.

        Parameters
        ----------
        table : str
            A raw table; one that is absent has no rows.
        columns : sequence of str
            Columns wanted, beside the key and both times.
        only : LazyFrame, optional
            Ids wanted, in a column of their name; default: all.
        """
        contract = TABLES[table]
        wanted = list(dict.fromkeys([*contract.key, *columns, HAPPENED, ARRIVED]))
        files = self._files(table)
        if not files:
            return pl.LazyFrame(schema={name: _polars_type(contract, name) for name in wanted})
        seen = (pl.col(ARRIVED) <= self.until) & (pl.col(HAPPENED) <= self.until)
        parts = [pl.scan_parquet(path, glob=False).select(wanted).filter(seen) for path in files]
        if only is not None:
            # Part by part, so that no more than the rows wanted is ever held.
            parts = [
                part.join(only, on=only.collect_schema().names(), how="semi") for part in parts
            ]
        return pl.concat(parts)

    def as_known(
        self,
        table: str,
        columns: Sequence[str],
        at: datetime | None = None,
        only: pl.LazyFrame | None = None,
    ) -> pl.LazyFrame:
        """Rows that hold at a cut-off: the state of each bearer, or each event as it was last told.

        Parameters
        ----------
        table : str
            A raw table.
        columns : sequence of str
            Columns wanted, beside the key and both times.
        at : datetime, optional
            The cut-off; default: hindsight.
        only : LazyFrame, optional
            Ids wanted, in a column of their name; default: all.
        """
        contract = TABLES[table]
        rows = self.rows(table, columns, only)
        if at is not None:
            rows = rows.filter(pl.col(ARRIVED) <= at, pl.col(HAPPENED) <= at)
        order = [HAPPENED, ARRIVED] if contract.kind == "state" else [ARRIVED]
        return rows.sort(order).unique(list(contract.key), keep="last", maintain_order=True)

    def _files(self, table: str) -> list[Path]:
        return sorted((self.directory / table).glob("*.parquet"))


def utc(moment: np.datetime64) -> datetime:
    """A moment of an array as Python's own, with its zone."""
    found: datetime = moment.astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)


def _polars_type(table: Table, column: str) -> pl.DataType:
    return _COLUMN_TYPES.get(str(table.schema.columns[column].metadata["arrow"]), UTC_TIME)


def _newest_arrival(path: Path) -> datetime | None:
    metadata = pq.read_metadata(path)
    position = metadata.schema.to_arrow_schema().names.index(ARRIVED)
    newest = None
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(position).statistics
        if statistics is None or not statistics.has_min_max:
            found: datetime | None = (
                pl.scan_parquet(path, glob=False).select(pl.col(ARRIVED).max()).collect().item()
            )
            return found
        here = (
            statistics.max.replace(tzinfo=UTC)
            if statistics.max.tzinfo is None
            else statistics.max.astimezone(UTC)
        )
        newest = here if newest is None else max(newest, here)
    return newest
