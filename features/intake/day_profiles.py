# ruff: noqa: S608  # names in queries come from contracts and from paths, never from rows
"""What arrived on each day, as sums: those of several days add up."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.contracts.tables import TABLES, Table
from features.contracts.vocabulary import ARRIVED, HAPPENED
from features.sql.expressions import files_sql, quoted, text_sql
from features.sql.wall import DAY_US, wall_macros
from holdfast.arrays import Floats
from holdfast.zone import day_of, days_apart, days_later

DAYS = 98
"""Days that are profiled one by one: a week, and 13 weeks to compare it with."""

LAG = "arrival lag"
"""Stands for a column: seconds from `happened_at` to `arrived_at`, and a minute."""

HOUR = "hour of happened_at"
"""Stands for a column: 0 to 23, UTC."""

PRODUCT_LINE, REGION = "product line", "region of the customer"
"""Stand for columns of tables that have none of their own: looked up by the id."""

_GROUPS = ("plan_id", "region", "time_zone", "language")
"""Ids that many rows share."""

_MOST_VALUES = 200
_HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class LogSums:
    """The natural logarithms of a column's values other than 0, without their signs.

    Parameters
    ----------
    count, sum, squares : (DAYS + 1,) float64
        How many, and the sums of them and of their squares, by day.
    """

    count: Floats
    sum: Floats
    squares: Floats


@dataclass(frozen=True, kw_only=True)
class DayProfiles:
    """A table's rows by the day they arrived, UTC.

    In every array the last day comes last, and what arrived before all these days first.

    Parameters
    ----------
    last : date
        The last day.
    known_days : int
        Days up to the last since the table's first row arrived, at most `DAYS`; of a table of
        states since the first event of all arrived, too.
    unknown_days : int
        Days at the end that the store does not reach, the last one that it knows in part included.
    rows : (DAYS + 1,) float64
        Rows. Those of event tables that arrived before all these days are not counted.
    later : int
        Rows that arrived after the last day.
    nulls, zeros : mapping of str to (DAYS + 1,) float64
        Missing values by column, and zeros by numeric column.
    values : mapping of str to mapping of str to (DAYS + 1,) float64
        Rows by value, by column: categories, flags, ids that many rows share, `HOUR`, and of other
        ids how they begin.
    segments : mapping of str to mapping of str to (DAYS + 1,) float64
        Rows by `PRODUCT_LINE` and by `REGION`.
    logs : mapping of str to LogSums
        By numeric column, and `LAG`.
    ids : mapping of str to (DAYS + 1,) float64
        How many subscriptions or customers, by column.
    """

    last: date
    known_days: int
    unknown_days: int
    rows: Floats
    later: int = 0
    nulls: Mapping[str, Floats] = field(default_factory=dict)
    zeros: Mapping[str, Floats] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    segments: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    logs: Mapping[str, LogSums] = field(default_factory=dict)
    ids: Mapping[str, Floats] = field(default_factory=dict)


class Profiler:
    """Profiles the tables of one raw store.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Gets two temporary tables.
    name : str
        Prefix of their names, different for each store.
    files : mapping of str to sequence of Path
        The store's files by table, typed by their contracts; only tables that are there.
    night : datetime
        The midnight that ends the last day, UTC.
    reached : datetime
        The last midnight, UTC, that the store's rows reach.
    now : datetime
        With a time zone: rows that claim to arrive later are counted as such.
    zone : tzinfo
        The operator's.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        files: Mapping[str, Sequence[Path]],
        night: datetime,
        reached: datetime,
        now: datetime,
        zone: tzinfo = UTC,
    ) -> None:
        self._now_us = int(now.timestamp() * 1_000_000)
        self._unknown_days = max(days_apart(reached, night, zone), 0)
        self._connection, self._files = connection, files
        for macro in wall_macros(zone):
            connection.execute(macro)
        self._last = day_of(days_later(night, -1, zone), zone)
        self._begin = days_later(night, -DAYS, zone)
        self._end = night
        self._last_day = self._last.toordinal() - date(1970, 1, 1).toordinal()
        self._lines, self._homes = f"{name}_lines", f"{name}_homes"
        self._look_up()

    def profile(self, name: str) -> DayProfiles:
        """Profile a table."""
        table, source = TABLES[name], files_sql(list(self._files[name]))
        has = set.intersection(*(set(pq.read_schema(file).names) for file in self._files[name]))
        expressions = dict(_expressions(table, has))
        segments, joins = self._segments(table)
        expressions |= {f"segment:{name}": f"histogram({sql})" for name, sql in segments.items()}
        # What has arrived long ago matters only where it still holds.
        since = (
            f"raw.{ARRIVED} >= make_timestamptz({_microseconds(self._begin)})"
            if table.kind == "event"
            else "true"
        )
        # Rows that arrived since midnight belong to a day that has not ended: they are no doubt.
        of_ended_days = (
            f"(raw.{ARRIVED} < make_timestamptz({_microseconds(self._end)})"
            f" OR raw.{ARRIVED} > make_timestamptz({self._now_us}))"
        )
        rows = self._connection.execute(
            f"""SELECT greatest(least(wall_us(raw.{ARRIVED}) // {DAY_US} - {self._last_day} + {DAYS}, {DAYS} + 1), 0) AS day,
                {", ".join(f'{sql} AS "{name}"' for name, sql in expressions.items())}
            FROM {source} AS raw {joins} WHERE {since} AND {of_ended_days} GROUP BY day"""
        ).to_arrow_table()
        first = self._first_day(name)
        if table.kind == "state" and first is not None and self._events_begin is not None:
            # What is older was loaded at once, and did not arrive night by night.
            first = max(first, self._events_begin)
        known = 0 if first is None else min(max(self._last_day - first + 1, 0), DAYS)
        return _read(rows, self._last, known, self._unknown_days)

    @cache  # noqa: B019  # lives as long as the judge of one night
    def counts(self, name: str) -> Mapping[int, int]:
        """Rows by the day they arrived, in days since 1970, of all days."""
        source = files_sql(list(self._files[name]))
        rows = self._connection.execute(
            f"SELECT wall_us({ARRIVED}) // {DAY_US}, count(*) FROM {source} GROUP BY 1"
        )
        return dict(rows.fetchall())

    def _first_day(self, name: str) -> int | None:
        """When a table's first row arrived, in days since 1970; None without rows."""
        return min(self.counts(name), default=None)

    @cached_property
    def _events_begin(self) -> int | None:
        """When the first event of all arrived: customers and contracts are older than the exports."""
        firsts = [self._first_day(name) for name in self._files if TABLES[name].kind == "event"]
        return min((first for first in firsts if first is not None), default=None)

    def _look_up(self) -> None:
        """Make tables of what is known of a subscription or customer by its id."""
        empty = "SELECT NULL::VARCHAR AS {0}, NULL::VARCHAR AS customer_id, NULL::VARCHAR AS value WHERE false"
        homes, lines = empty.format("id"), empty.format("id")
        if "customers" in self._files:
            homes = f"""SELECT customer_id AS id, NULL::VARCHAR AS customer_id,
                arg_max(region, {HAPPENED}) AS value
                FROM {files_sql(list(self._files["customers"]))} GROUP BY customer_id"""
        if "subscriptions" in self._files:
            lines = f"""SELECT subscription_id AS id, arg_max(customer_id, {HAPPENED}) AS customer_id,
                arg_max(product_line, {HAPPENED}) AS value
                FROM {files_sql(list(self._files["subscriptions"]))} GROUP BY subscription_id"""
        for name, query in ((self._homes, homes), (self._lines, lines)):
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def _segments(self, table: Table) -> tuple[dict[str, str], str]:
        has = set(table.columns)
        if table.name in ("customers", "subscriptions"):
            return {}, ""
        segments, joins, customer = {}, "", "raw.customer_id" if "customer_id" in has else ""
        if "subscription_id" in has:
            joins += f" LEFT JOIN {self._lines} AS lines ON lines.id = raw.subscription_id"
            segments[PRODUCT_LINE] = "lines.value"
            customer = customer or "lines.customer_id"
        if customer:
            joins += f" LEFT JOIN {self._homes} AS homes ON homes.id = {customer}"
            segments[REGION] = "homes.value"
        return segments, joins


def _microseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _expressions(table: Table, has: Collection[str]) -> Iterator[tuple[str, str]]:
    """SQL of each sum, by its kind and column; a store of earlier contracts has fewer columns."""
    yield "rows", "count(*)"
    yield "value:" + HOUR, f"histogram((wall_us(raw.{HAPPENED}) // {_HOUR_US}) % 24)"
    lag = f"(epoch_us(raw.{ARRIVED}) - epoch_us(raw.{HAPPENED})) / 1e6 + 60"
    yield from _logs(LAG, lag)
    for name, column in table.schema.columns.items():
        if name not in has:
            continue
        sql, type_, unit = f"raw.{quoted(name)}", column.metadata["arrow"], column.metadata["unit"]
        if column.nullable:
            yield f"null:{name}", f"count_if({sql} IS NULL)"
        if name in (HAPPENED, ARRIVED):
            continue
        if pa.types.is_floating(type_) or pa.types.is_integer(type_):
            yield f"zero:{name}", f"count_if({sql} = 0)"
            yield from _logs(name, f"nullif(abs({sql}), 0)")
        elif unit == "category" or pa.types.is_boolean(type_):
            yield f"value:{name}", f"histogram({sql}::VARCHAR)"
        elif name in _GROUPS and name not in table.key:
            yield f"value:{name}", f"histogram({sql})"
        elif unit == "id":
            yield f"value:{name}", f"histogram({_beginning(sql)})"
        if name in ("subscription_id", "customer_id"):
            yield f"ids:{name}", f"count(DISTINCT {sql})"


def _logs(name: str, sql: str) -> Iterator[tuple[str, str]]:
    yield f"log_count:{name}", f"count({sql})"
    yield f"log_sum:{name}", f"sum(ln({sql}))"
    yield f"log_squares:{name}", f"sum(ln({sql}) * ln({sql}))"


def _beginning(sql: str) -> str:
    """How an id begins; its number grows with time, so that no more of it can be compared."""
    return f"""CASE WHEN {sql} IS NULL THEN NULL
        WHEN regexp_matches({sql}, {text_sql("^[^0-9]*0")}) THEN 'number begins with a zero'
        WHEN ascii({sql}) BETWEEN 48 AND 57 THEN 'is a number' ELSE 'begins with a letter' END"""


def _read(rows: pa.Table, last: date, known_days: int, unknown_days: int) -> DayProfiles:
    days = rows["day"].to_numpy().astype(np.int64)
    sums: dict[str, dict[str, Any]] = {}
    for name in rows.column_names[1:]:
        kind, _, column = name.partition(":")
        column_sums = rows[name].to_pylist()
        read = _by_value if kind in ("value", "segment") else _by_day
        sums.setdefault(kind, {})[column] = read(days, column_sums)
    values = {
        column: by_value
        for column, by_value in sums.get("value", {}).items()
        if len(by_value) <= _MOST_VALUES
    }
    logs = {
        column: LogSums(
            sums["log_count"][column], sums["log_sum"][column], sums["log_squares"][column]
        )
        for column in sums.get("log_count", {})
    }
    counts = rows["rows"].to_pylist()
    return DayProfiles(
        last=last,
        known_days=known_days,
        unknown_days=unknown_days,
        rows=sums["rows"][""],
        later=sum(count for day, count in zip(days, counts, strict=True) if day > DAYS),
        nulls=sums.get("null", {}),
        zeros=sums.get("zero", {}),
        values=values,
        segments=sums.get("segment", {}),
        logs=logs,
        ids=sums.get("ids", {}),
    )


def _by_day(days: Any, sums: Sequence[float | None]) -> Floats:
    by_day = np.zeros(DAYS + 2)
    by_day[days] = [value or 0.0 for value in sums]
    return by_day[: DAYS + 1]


def _by_value(days: Any, histograms: Sequence[Any]) -> dict[str, Floats]:
    by_value: dict[str, Floats] = {}
    for day, histogram in zip(days, histograms, strict=True):
        for value, count in dict(histogram or {}).items():
            if value is not None and day <= DAYS:
                by_value.setdefault(str(value), np.zeros(DAYS + 1))[day] = count
    return by_value
