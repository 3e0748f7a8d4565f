"""The plan of a raw table: which of its columns are written unlike the contract says, and how.

Applying it rewrites cells in the contract's own form, and leaves those that do not fit as they are:
the check finds them and says why. Columns that a plan does not name are read as they stand.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.tables import ARRIVED, HAPPENED, Table
from features.contracts.types import NAIVE_TIME, ZONED_TIME, read_times
from features.flat.classes import NO_WORDS, YES_WORDS
from features.formats.date_format import parse_dates
from features.raw_tables.evidence import written_text
from features.sources import Part
from features.sources.names import key
from features.sources.part import NOT_MAPPED
from features.tables.column_reading import ColumnReading

_HAS_CLOCK = r"\d:\d\d|^\d{8}t?\d{4,6}z?$|\d[ap]\.?m"
_HAS_ZONE = r"(?i)(z|utc|gmt|[+-]\d\d:?\d\d)$"
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class RawTablePlan:
    """How a raw table is read.

    Parameters
    ----------
    table : Table
        The contract.
    columns : tuple of ColumnReading
        Columns whose cells are not, or not all, in the contract's form.
    time_zone : str or None
        The zone that times without one are in.
    arrival_lag_days : float or None
        Days after which a row counts as arrived; None where the table says when they did.
    """

    table: Table
    columns: tuple[ColumnReading, ...] = ()
    time_zone: str | None = None
    arrival_lag_days: float | None = None

    @cached_property
    def digest(self) -> str:
        """Changes when rows would be read differently; empty where they are read as they stand."""
        said = [column.stored() for column in self.columns]
        if not said and self.time_zone is None and self.arrival_lag_days is None:
            return ""
        document = json.dumps([said, self.time_zone, self.arrival_lag_days], sort_keys=True)
        return hashlib.sha256(document.encode()).hexdigest()

    def for_part(self, part: Part) -> "RawTablePlan":
        """The plan of one part: what a mapping file says of it goes before what was said of all."""
        if part.mapping == NOT_MAPPED:
            return self
        said = part.mapping
        lag = self.arrival_lag_days if said.arrival_lag_days is None else said.arrival_lag_days
        return replace(
            self,
            time_zone=said.time_zone or self.time_zone,
            arrival_lag_days=None if ARRIVED in part.schema.names else lag,
        )

    def written(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Rows as they come, with the arrival that the table does not have as null."""
        if self.arrival_lag_days is None or ARRIVED in rows.schema.names:
            return rows
        return rows.append_column(ARRIVED, pa.nulls(len(rows), pa.timestamp("us", "UTC")))

    def canonical(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Rows in the contract's form; cells that do not fit stay as they are.

        Parameters
        ----------
        rows : pyarrow.RecordBatch
            As `written` gives them.
        """
        if not self.digest:
            return rows
        arrays = {name: rows.column(k) for k, name in enumerate(rows.schema.names)}
        for reading in self.columns:
            if reading.name in arrays:
                arrays[reading.name] = self._read(reading, arrays[reading.name])
        for name, values in arrays.items():
            if self.time_zone and name in self._times and _is_naive(values.type):
                arrays[name] = self._zoned(name, values)
        if self.arrival_lag_days is not None and HAPPENED in arrays:
            lag = pa.scalar(timedelta(days=self.arrival_lag_days), pa.duration("us"))
            arrays[ARRIVED] = pc.add(read_times(arrays[HAPPENED]), lag)
        return pa.record_batch(list(arrays.values()), names=list(arrays))

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "columns": [{**column.stored(), "why": column.why} for column in self.columns],
            "time_zone": self.time_zone,
            "arrival_lag_days": self.arrival_lag_days,
        }

    @cached_property
    def _times(self) -> frozenset[str]:
        return frozenset(
            name
            for name, column in self.table.schema.columns.items()
            if pa.types.is_timestamp(column.metadata["arrow"])
        )

    def _read(self, reading: ColumnReading, values: pa.Array) -> pa.Array:
        if not _can_be_read(reading, values.type):
            return values
        text = written_text(values)
        different = pc.unique(text.drop_null())
        marks = pc.is_in(different, value_set=reading.marks_in(different))
        rewrite: Callable[[ColumnReading, pa.Array], pa.Array] = {
            "number": self._numbers,
            "date": self._dates,
            "flag": _flags,
            "category": self._categories,
        }.get(reading.kind, lambda _, texts: texts)
        read = pc.if_else(marks, pa.scalar(None, pa.string()), rewrite(reading, different))
        return read.take(pc.index_in(text, value_set=different))

    def _numbers(self, reading: ColumnReading, texts: pa.Array) -> pa.Array:
        if not len(texts):
            return texts
        numbers = reading.number.parse(texts)
        metadata = self.table.schema.columns[reading.name].metadata
        if reading.number.unit == "%" and metadata["unit"] in SHARE_UNITS:
            percent = np.array(pc.ends_with(texts, "%"))
            numbers = np.where(percent, numbers / 100, numbers)
        read = np.isfinite(numbers)
        written = [
            repr(int(number)) if number == int(number) and abs(number) < 2**53 else repr(number)
            for number in numbers[read].tolist()
        ]
        plain = np.full(len(texts), None, dtype=object)
        plain[read] = written
        return pc.coalesce(pa.array(plain, pa.string()), texts)

    def _dates(self, reading: ColumnReading, texts: pa.Array) -> pa.Array:
        if not len(texts):
            return texts
        iso = pc.or_(
            pc.match_substring_regex(texts, ZONED_TIME), pc.match_substring_regex(texts, NAIVE_TIME)
        )
        times = pa.array(parse_dates(texts, reading.order or "ymd").times, pa.timestamp("us"))
        zoned = pc.match_substring_regex(texts, _HAS_ZONE)
        clock = pc.match_substring_regex(pc.utf8_lower(texts), _HAS_CLOCK)
        if reading.order == "excel":
            clock = pc.match_substring(texts, ".")
        with_clock = pc.strftime(times, "%Y-%m-%dT%H:%M:%S")
        written = pc.if_else(clock, with_clock, pc.strftime(times, "%Y-%m-%d"))
        written = pc.if_else(
            pc.and_(zoned, clock), pc.binary_join_element_wise(written, "Z", ""), written
        )
        texts = pc.if_else(iso, texts, pc.coalesce(written, texts))
        return self._in_zone(reading.name, texts) if self.time_zone else texts

    def _in_zone(self, name: str, texts: pa.Array) -> pa.Array:
        naive = pc.match_substring_regex(texts, NAIVE_TIME)
        none = pa.scalar(None, pa.string())
        days = pc.equal(pc.utf8_length(texts), len("2026-01-31"))
        # Null where the calendar does not have one: the check says which.
        days_and_times = parse_dates(pc.if_else(naive, texts, none), "ymd").times
        times = pa.array(days_and_times, pa.timestamp("us"))
        if name == ARRIVED:
            times = pc.if_else(days, pc.add(times, pa.scalar(_DAY, pa.duration("us"))), times)
        zoned = self._localized(times)
        written = pc.binary_join_element_wise(
            pc.strftime(zoned.cast(pa.timestamp("us", "UTC")), "%Y-%m-%dT%H:%M:%S"), "Z", ""
        )
        return pc.coalesce(written, texts)

    def _zoned(self, name: str, values: pa.Array) -> pa.Array:
        times = values.cast(pa.timestamp("us"), safe=False)
        if name == ARRIVED and pa.types.is_date(values.type):
            times = pc.add(times, pa.scalar(_DAY, pa.duration("us")))
        return self._localized(times).cast(pa.timestamp("us", "UTC"))

    def _localized(self, times: pa.Array) -> pa.Array:
        return pc.assume_timezone(times, self.time_zone, ambiguous="latest", nonexistent="latest")

    def _categories(self, reading: ColumnReading, texts: pa.Array) -> pa.Array:
        allowed = allowed_values(self.table, reading.name)
        by_key = {key(value): value for value in allowed}
        return pa.array(
            [
                text if text in allowed else by_key.get(key(text), text)
                for text in texts.to_pylist()
            ],
            pa.string(),
        )


SHARE_UNITS = frozenset({"share", "probability"})
"""Units of numbers from 0 to 1, in which ``5 %`` is 0.05."""


def allowed_values(table: Table, name: str) -> tuple[str, ...]:
    """The values of a category column; empty for another one."""
    for check in table.schema.columns[name].checks:
        if check.name == "category":
            return tuple(check.statistics["allowed_values"])
    return ()


def flag_value(text: str) -> str | None:
    """``true`` or ``false`` for a word that means it, else None."""
    plain = text.casefold().removesuffix(".0").removesuffix(".")
    if plain in YES_WORDS:
        return "true"
    return "false" if plain in NO_WORDS else None


def _flags(_: ColumnReading, texts: pa.Array) -> pa.Array:
    return pa.array([flag_value(text) or text for text in texts.to_pylist()], pa.string())


def _can_be_read(reading: ColumnReading, kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    written = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    written = written or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return bool(written or (reading.kind == "date" and pa.types.is_integer(kind)))


def _is_naive(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None))
