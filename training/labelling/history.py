# ruff: noqa: S608  # names in queries come from contracts and from paths
"""Raw tables as they stood at a cut-off, or as they stand at the data's end.

A row counts at a cut-off when it had arrived by then. In a state table the latest row holds; in an
event table, a row that arrived later with the same key corrects the earlier one. Labels use all
rows up to the data's end.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq

from features.contracts.tables import ARRIVED, HAPPENED, TABLES, Table
from features.sql.expressions import text_sql
from holdfast.arrays import Times
from holdfast.errors import InputError
from holdfast.zone import offsets

_COLUMN_TYPES = {
    "string": pl.String(),
    "double": pl.Float64(),
    "int64": pl.Int64(),
    "bool": pl.Boolean(),
}
UTC_TIME = pl.Datetime("us", "UTC")
_MEMORY = "2GB"


class RawHistory:
    """The accepted raw tables below one directory, read lazily.

    Parameters
    ----------
    directory : Path
        Holds ``<table>/*.parquet``, with the types of their contracts.
    until : datetime
        Rows that arrived later are left out everywhere. Usually the time now, because a row that
        claims to arrive in the future has not arrived yet.

    Raises
    ------
    InputError
        A required table is absent, or `until` has no time zone.
    """

    def __init__(self, directory: Path, until: datetime) -> None:
        if until.tzinfo is None:
            raise InputError("until", "must have a time zone", until.isoformat())
        self.directory = directory
        self.until = until
        for table in TABLES.values():
            if table.required:
                self.require(table.name, "no label can be made without it")

    def require(self, table: str, why: str) -> None:
        """Raise an error unless a table exists.

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
        """Whether a table exists; it may be empty."""
        return bool(self._files(table))

    @cached_property
    def end(self) -> datetime:
        """Time at which the newest row of any table arrived; not after `until`.

        Raises
        ------
        InputError
            There are no rows.
        """
        newest = [
            arrival
            for table in TABLES
            for path in self._files(table)
            if (arrival := _newest_arrival(path))
        ]
        if not newest:
            raise InputError(
                "raw tables", "must hold rows; they are all empty", str(self.directory)
            )
        return min(max(newest), self.until)

    def rows(
        self, table: str, columns: Sequence[str], among: pl.Series | None = None
    ) -> pl.LazyFrame:
        """All rows up to `until`, corrected ones too.

        Parameters
        ----------
        table : str
            A raw table; one that is absent has no rows.
        columns : sequence of str
            Columns to read, beside the key and both times.
        among : Series of str, optional
            Named as a column of the key: rows with other values there are left out, before anything
            is sorted. Default: all.
        """
        contract = TABLES[table]
        wanted = list(dict.fromkeys([*contract.key, *columns, HAPPENED, ARRIVED]))
        files = self._files(table)
        if not files:
            return pl.LazyFrame(schema={name: _polars_type(contract, name) for name in wanted})
        early = (pl.col(ARRIVED) <= self.until) & (pl.col(HAPPENED) <= self.until)
        parts = [_scanned(path, contract, wanted).filter(early) for path in files]
        rows = pl.concat(parts)
        if among is None:
            return rows
        return rows.join(among.unique().to_frame().lazy(), on=among.name, how="semi")

    def as_known(
        self,
        table: str,
        columns: Sequence[str],
        at: datetime | None = None,
        among: pl.Series | None = None,
    ) -> pl.LazyFrame:
        """Rows as known at a cut-off: the latest state per key, or each event as last corrected.

        Parameters
        ----------
        table : str
            A raw table.
        columns : sequence of str
            Columns to read, beside the key and both times.
        at : datetime, optional
            The cut-off; default: the data's end.
        among : Series of str, optional
            As for `rows`.
        """
        contract = TABLES[table]
        rows = self.rows(table, columns, among)
        if at is not None:
            rows = rows.filter(pl.col(ARRIVED) <= at, pl.col(HAPPENED) <= at)
        order = [HAPPENED, ARRIVED] if contract.kind == "state" else [ARRIVED]
        return rows.sort(order).unique(list(contract.key), keep="last", maintain_order=True)

    def rows_sql(self, table: str) -> str:
        """SQL of what `rows` gives of a table that is there, for `database`: all its columns, and
        ``file_index`` and ``file_row_number``, which tell in what order the rows lie.
        """
        until = f"TIMESTAMPTZ '{self.until.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
        files = ", ".join(text_sql(escape(str(path))) for path in self._files(table))
        return f"""
            SELECT *, file_index FROM read_parquet([{files}], file_row_number = true)
            WHERE {ARRIVED} <= {until} AND {HAPPENED} <= {until}
        """

    @staticmethod
    @contextmanager
    def database() -> Iterator[duckdb.DuckDBPyConnection]:
        """A database in bounded memory, for questions about tables that do not fit in it."""
        with (
            TemporaryDirectory(prefix="holdfast-") as spill,
            duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": spill}) as database,
        ):
            database.execute("SET TimeZone = 'UTC'")
            yield database

    def _files(self, table: str) -> list[Path]:
        return sorted((self.directory / table).glob("*.parquet"))


def utc(time: np.datetime64) -> datetime:
    """Convert a UTC time of an array to a datetime with its time zone.

    >>> utc(np.datetime64("2026-01-05"))
    datetime.datetime(2026, 1, 5, 0, 0, tzinfo=datetime.timezone.utc)
    """
    naive: datetime = time.astype("datetime64[us]").item()
    return naive.replace(tzinfo=UTC)


def _scanned(path: Path, contract: Table, columns: Sequence[str]) -> pl.LazyFrame:
    """Columns of a file; those of later contracts than the file are null."""
    has = pq.read_schema(path).names
    absent = [
        pl.lit(None, _polars_type(contract, name)).alias(name)
        for name in columns
        if name not in has
    ]
    return pl.scan_parquet(path, glob=False).with_columns(absent).select(columns)


def wall_times(times: Times, zone: tzinfo) -> Times:
    """What the clock on the wall shows at times, on which whole days and weeks lie apart.

    Parameters
    ----------
    times : (n,) datetime64[us]
        UTC.
    zone : tzinfo
        The operator's.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> wall_times(np.array(["2026-03-29T22:00"], "datetime64[us]"), ZoneInfo("Europe/Berlin"))
    array(['2026-03-30T00:00:00.000000'], dtype='datetime64[us]')
    """
    since, offset = zip(*offsets(zone), strict=True)
    switches = np.array([at.replace(tzinfo=None) for at in since], dtype="datetime64[us]")
    place = np.maximum(np.searchsorted(switches, times, side="right") - 1, 0)
    shown: Times = times + np.array(offset, dtype="timedelta64[us]")[place]
    return shown


def _polars_type(table: Table, column: str) -> pl.DataType:
    return _COLUMN_TYPES.get(str(table.schema.columns[column].metadata["arrow"]), UTC_TIME)


def _newest_arrival(path: Path) -> datetime | None:
    metadata = pq.read_metadata(path)
    position = metadata.schema.to_arrow_schema().names.index(ARRIVED)
    newest = None
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(position).statistics
        if statistics is None or not statistics.has_min_max:
            read: datetime | None = (
                pl.scan_parquet(path, glob=False).select(pl.col(ARRIVED).max()).collect().item()
            )
            return read
        latest = (
            statistics.max.replace(tzinfo=UTC)
            if statistics.max.tzinfo is None
            else statistics.max.astimezone(UTC)
        )
        newest = latest if newest is None else max(newest, latest)
    return newest
