"""The accepted raw tables as relations of one DuckDB connection: what feature queries read.

Raw tables lie as ``<directory>/<table>/*.parquet``, typed as their contracts say. `open_raw` gives
a connection with one view per table that features may read, and none for the others
(`port_requests`, `notices`, `churn_events` and the like): no feature query can read those. A table
that is absent is an empty view with its columns. In every view

- times are plain ``TIMESTAMP`` values in UTC;
- there is one column more, ``superseded_at``: when a later version of an event's row arrived, or a
  later state of whom a state's row is about; null while there is none.

A row counts at a cut-off `c` when ``arrived_at <= c and (superseded_at is null or superseded_at >
c)``; `features.sql.expressions.known` is that rule in SQL.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import TracebackType

import duckdb
import pyarrow

from features.contracts.tables import TABLES, Table
from features.contracts.vocabulary import ARRIVED, HAPPENED
from features.sql.corrections import corrections_of
from features.sql.expressions import WINDOW_DAYS, files_sql, quoted, text_sql
from features.sql.parts import TableFile, parts_of
from features.sql.wall import DAY_US, wall_macros
from holdfast.errors import InputError

READABLE: dict[str, Table] = {
    name: table for name, table in TABLES.items() if table.use == "features"
}
"""Tables that features may read."""

_UNBOUNDED = {"survey_answers", "care_contacts"}
"""Small event tables in which a row from before the window matters within it."""

_MARGIN_DAYS = {"interactions": 7, "usage_weeks": 2, "usage_days": 2, "network_weeks": 2}
"""How much farther back than the window some event tables are asked; tables of weeks and days another
day, for switches of the clock.
"""

_EARLIEST, _LAST = "earliest_us", "last_us"
"""Variables of a connection: the bounds of its views."""

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_LEAST_US, _GREATEST_US = (
    (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND for year in (1, 9999)
)
"""Bounds that leave all rows."""

_SQL_TYPES = {
    pyarrow.string(): "VARCHAR",
    pyarrow.float64(): "DOUBLE",
    pyarrow.int64(): "BIGINT",
    pyarrow.bool_(): "BOOLEAN",
}


@dataclass
class RawTables:
    """Raw tables behind a connection.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where each readable table is a temporary view.
    present : frozenset of str
        Readable tables that are there; the rest are empty views.
    parts : mapping of str to tuple of Part
        The files that each present table consists of.
    zone : tzinfo
        The operator's, whose days and weeks queries count in.
    held : set of str
        Tables of which rows are held.
    shown : dict of str to bool
        Views that this connection has, and whether they show held rows.
    """

    connection: duckdb.DuckDBPyConnection
    present: frozenset[str]
    parts: Mapping[str, tuple[TableFile, ...]]
    zone: tzinfo = UTC
    held: set[str] = field(default_factory=set)
    shown: dict[str, bool] = field(default_factory=dict)

    def session(self) -> "RawTables":
        """The same tables behind a connection of its own, to be bounded apart.

        Temporary tables and views of one session are not seen by another; rows held are.
        """
        return replace(self, connection=self.connection.cursor(), shown={})

    def bound(
        self,
        first: datetime | None = None,
        last: datetime | None = None,
        days: int = WINDOW_DAYS,
    ) -> None:
        """Bound the views to what cut-offs from `first` to `last` can ask for.

        Scans then skip the rest of the files.

        Event tables then begin `days` before `first`; no table shows what arrived after `last`.
        None lifts a bound.
        """
        earliest_us = _LEAST_US if first is None else _us(first) - days * DAY_US
        last_us = _GREATEST_US if last is None else _us(last)
        # Views name the bounds by variables, which DuckDB replaces before it plans a query: to make
        # thirty views anew for each snapshot took a tenth of the time of a small operator's build.
        self.connection.execute(f"SET VARIABLE {_EARLIEST} = {earliest_us}::BIGINT")
        self.connection.execute(f"SET VARIABLE {_LAST} = {last_us}::BIGINT")
        for name, table in READABLE.items():
            is_held = name in self.held
            if self.shown.get(name) != is_held:
                rows = self._selection(
                    table, f"getvariable('{_EARLIEST}')", f"getvariable('{_LAST}')"
                )
                self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rows}")
                self.shown[name] = is_held

    def hold(self, table: str, condition: str, first: datetime, last: datetime) -> None:
        """Read rows of a table once, for many snapshots from `first` to `last`.

        Parameters
        ----------
        table : str
            The table.
        condition : str
            SQL of the rows wanted; the rest are not seen until `release`.
        first, last : datetime
            Cut-offs that they are held for.
        """
        if table in self.present:
            earliest_us = _us(first) - WINDOW_DAYS * DAY_US
            rows = self._selection(READABLE[table], str(earliest_us), str(_us(last)))
            self.connection.execute(
                f"CREATE OR REPLACE TABLE held_{table} AS SELECT * FROM ({rows}) WHERE {condition}"
            )
            self.held.add(table)

    def release(self) -> None:
        """Forget the rows held: all are seen again."""
        names = sorted(self.held)
        self.held.clear()
        self.bound()
        for name in names:
            self.connection.execute(f"DROP TABLE held_{name}")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def __enter__(self) -> "RawTables":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _selection(self, table: Table, earliest_us: str, last_us: str) -> str:
        """SQL of a table's rows between bounds, SQL of microseconds since 1970."""
        if table.name not in self.present:
            columns = [_null(field) for field in table.arrow_schema]
            columns.append("NULL::TIMESTAMP AS superseded_at")
            return f"SELECT {', '.join(columns)} WHERE false"
        if table.name in self.held:
            bounds = self._bounds(table, earliest_us, last_us, "make_timestamp")
            return f"SELECT * FROM held_{table.name} WHERE {bounds}"
        has = frozenset.intersection(*(part.columns for part in self.parts[table.name]))
        columns = [
            _plain(field) if field.name in has else _null(field) for field in table.arrow_schema
        ]
        source = f"{self._files(table)} AS raw"
        bounds = self._bounds(table, earliest_us, last_us, "make_timestamptz", "raw.")
        if table.kind == "state":
            rows = f"SELECT {', '.join(columns)} FROM {source} WHERE {bounds}"
            return f"SELECT *, {_next_state(table)} AS superseded_at FROM ({rows})"
        if _has_rows(self.connection, f"corrections_{table.name}"):
            keys = " AND ".join(
                f"later.{quoted(name)} = raw.{quoted(name)}" for name in table.identity
            )
            source += f" LEFT JOIN corrections_{table.name} AS later ON {keys}"
            columns.append("later.superseded_at")
        else:
            columns.append("NULL::TIMESTAMP AS superseded_at")
        return f"SELECT {', '.join(columns)} FROM {source} WHERE {bounds}"

    @staticmethod
    def _bounds(table: Table, earliest_us: str, last_us: str, time: str, prefix: str = "") -> str:
        # What has arrived by then has happened by then; saying both lets scans skip by either column.
        conditions = [
            f"{prefix}{HAPPENED} <= {time}({last_us})",
            f"{prefix}{ARRIVED} <= {time}({last_us})",
        ]
        if table.kind == "event" and table.name not in _UNBOUNDED:
            margin_us = _MARGIN_DAYS.get(table.name, 0) * DAY_US
            conditions.append(f"{prefix}{HAPPENED} > {time}({earliest_us} - {margin_us})")
        return " AND ".join(conditions)

    def _files(self, table: Table) -> str:
        return files_sql([part.path for part in self.parts[table.name]])


def open_raw(
    directory: Path,
    *,
    work: Path | None = None,
    memory_gb: float = 4.0,
    threads: int = 2,
    zone: tzinfo = UTC,
) -> RawTables:
    """Open raw tables for reading.

    Parameters
    ----------
    directory : Path
        Where the raw tables lie.
    work : Path, optional
        Directory for what does not fit in memory and for what is known of corrections from the last
        time; ``directory`` is never written to. Without it, everything is worked out anew, and
        nothing is spilled to disk.
    memory_gb : float
        Memory that DuckDB may take before it spills, GB.
    threads : int
        Threads of DuckDB.
    zone : tzinfo
        The operator's.

    Returns
    -------
    RawTables
        Not bounded; to be closed, or used as a context manager.

    Raises
    ------
    InputError
        A required table is absent, or a part lacks columns that may not be null.
    """
    parts = {name: files for name in READABLE if (files := parts_of(directory / name))}
    for name, table in READABLE.items():
        if table.required and name not in parts:
            raise InputError(
                "raw tables",
                f"must hold the table {name}: nothing can be computed without it",
                str(directory),
            )
    for name, files in parts.items():
        # A store from before a contract got further columns does not have them.
        wanted = {
            column
            for column, definition in READABLE[name].schema.columns.items()
            if not definition.nullable
        }
        for part in files:
            if missing := wanted - part.columns:
                raise InputError(
                    str(part.path),
                    f"must have the columns of {name}; missing: {', '.join(sorted(missing))}",
                )
    connection = duckdb.connect(config={"threads": threads, "memory_limit": f"{memory_gb}GB"})
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    # Feature tables are written in order of their ids; nothing else depends on the order of rows.
    connection.execute("SET GLOBAL preserve_insertion_order = false")
    with suppress(
        duckdb.InvalidInputException
    ):  # in a notebook without widgets there is none to switch off
        connection.execute("SET enable_progress_bar = false")
    if work:
        work.mkdir(parents=True, exist_ok=True)
    connection.execute(f"SET temp_directory = {text_sql(str(work / 'spill') if work else '')}")
    for macro in wall_macros(zone):
        connection.execute(macro)
    raw = RawTables(connection, frozenset(parts), parts, zone)
    for name, files in parts.items():
        if READABLE[name].kind == "event":
            corrections_of(
                connection, READABLE[name], files, None if work is None else work / "corrections"
            )
    raw.bound()
    return raw


def sql_type(type_: pyarrow.DataType) -> str:
    """SQL type of a raw column as feature queries see it."""
    return _SQL_TYPES.get(type_, "TIMESTAMP")


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _plain(field: pyarrow.Field) -> str:
    if pyarrow.types.is_timestamp(field.type):
        # A cast would ask the time zone database for each value and take thirty times as long.
        return f"make_timestamp(epoch_us(raw.{quoted(field.name)})) AS {quoted(field.name)}"
    return f"raw.{quoted(field.name)}"


def _null(field: pyarrow.Field) -> str:
    return f"NULL::{sql_type(field.type)} AS {quoted(field.name)}"


def _next_state(table: Table) -> str:
    """SQL: when the first state arrived of all that are later, whichever of them arrived first."""
    keys = ", ".join(map(quoted, table.key))
    return f"""
        min({ARRIVED}) OVER (
            PARTITION BY {keys} ORDER BY {HAPPENED}, {ARRIVED}
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        )
    """


def _has_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {relation} LIMIT 1").fetchone() is not None
