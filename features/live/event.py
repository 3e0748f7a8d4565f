"""Live events: a row of a raw table as it arrives, checked against the table's contract."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandera.pandas as pa
import pyarrow

from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from features.fields import VIEWS
from holdfast.errors import InputError

Value = str | int | float | bool | None

LIVE_TABLES: frozenset[str] = frozenset(
    {
        table
        for view in VIEWS.values()
        for feature in view.features
        if feature.live
        for table in feature.tables
    }
    | {"customers"}
)
"""Tables whose rows change live features as they arrive.

`customers` is among them for who pays, which a contact's record needs.
"""

EXCLUDING_TABLES: frozenset[str] = frozenset({"port_requests", "notices"})
"""Tables whose rows exclude a line as they arrive; no feature reads them."""

EVENT_TABLES = LIVE_TABLES | EXCLUDING_TABLES
"""Tables whose rows may arrive as events."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_INTEGER = 2**63 - 1


@dataclass(frozen=True)
class Event:
    """A row that obeys its table's contract; get it from `read_event`.

    Parameters
    ----------
    table : str
        One of `EVENT_TABLES`.
    row : mapping of str to (str, int, float, bool or None)
        Every column of the table; times as microseconds since 1970 in UTC.
    """

    table: str
    row: Mapping[str, Value]

    @property
    def arrived(self) -> int:
        """When the row arrived, in microseconds since 1970."""
        return self.row[ARRIVED]  # type: ignore[return-value]  # read_event has made sure


def read_event(table: str, row: Mapping[str, Any]) -> Event:
    """Check a row that has arrived.

    Parameters
    ----------
    table : str
        The raw table it belongs to.
    row : mapping of str to object
        Its values by column. Times are aware `datetime` objects or ISO 8601 texts with an offset. A
        column that may be null may be left out.

    Returns
    -------
    Event
        The row as the contract types it.

    Raises
    ------
    InputError
        The table takes no events, or the row breaks its contract; the field is named
        ``<table>.<column>``.
    """
    if table not in EVENT_TABLES:
        raise InputError("table", f"must be one of {', '.join(sorted(EVENT_TABLES))}", table)
    readers = _READERS[table]
    for name in row:
        if name not in readers:
            raise InputError(
                f"{table}.{name}", f"is no column of {table}; its columns are {', '.join(readers)}"
            )
    checked = {name: read(row.get(name)) for name, read in readers.items()}
    if checked[ARRIVED] < checked[HAPPENED]:  # type: ignore[operator]  # neither may be null
        raise InputError(f"{table}.{ARRIVED}", f"must not lie before {HAPPENED}", str(row[ARRIVED]))
    return Event(table, checked)


def microseconds(time: datetime) -> int:
    """A time as events and states hold it: microseconds since 1970 in UTC.

    Raises
    ------
    InputError
        The time is naive.
    """
    if time.tzinfo is None:
        raise InputError("time", "must have a time zone", time.isoformat())
    return (time - _EPOCH) // _MICROSECOND


def time_of(microseconds: int) -> datetime:
    """The time, in UTC, that `microseconds` gave."""
    return _EPOCH + microseconds * _MICROSECOND


def _reader(field: str, column: pa.Column) -> Callable[[Any], Value]:
    typed = _TYPED[column.metadata["arrow"]]
    rules = [
        (str(check.error), _RULES[str(check.name)](check.statistics)) for check in column.checks
    ]
    nullable = column.nullable
    shown = column.metadata["data_class"] == "none" and column.metadata["unit"] != "text"

    def read(value: Any) -> Value:
        if value is None:
            if nullable:
                return None
            raise InputError(field, "must not be null")
        try:
            checked = typed(field, value)
            for rule, holds in rules:
                if not holds(checked):
                    raise InputError(field, rule, value)
        except InputError as error:
            # A person's values stay out of errors and logs.
            raise error if shown else InputError(field, error.rule) from None
        return checked

    return read


def _within(
    limits: Mapping[str, Any], size: Callable[[Any], float] = float
) -> Callable[[Any], bool]:
    low = -math.inf if limits.get("min_value") is None else limits["min_value"]
    high = math.inf if limits.get("max_value") is None else limits["max_value"]
    return lambda value: low <= size(value) <= high


def _category(limits: Mapping[str, Any]) -> Callable[[Any], bool]:
    allowed = frozenset(limits["allowed_values"])
    return lambda value: value in allowed


_YEARS = (
    microseconds(datetime(1900, 1, 1, tzinfo=UTC)),
    microseconds(datetime(2262, 1, 1, tzinfo=UTC)),
)
# Pandera checks frames, a thousand times as slow for one row: the same rules once more, by the
# names of the contracts' checks.
_RULES: dict[str, Callable[[Mapping[str, Any]], Callable[[Any], bool]]] = {
    "category": _category,
    "finite": lambda _: math.isfinite,
    "length": lambda limits: _within(limits, len),
    "range": _within,
    "year": lambda _: lambda time: _YEARS[0] <= time < _YEARS[1],
}


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(field, "must be a text", value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(field, "must be valid Unicode", value) from None
    return value


def _time(field: str, value: Any) -> int:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise InputError(
                field, "must be a time as in 2026-01-31T12:00:00+01:00", value
            ) from None
    if not isinstance(value, datetime):
        raise InputError(field, "must be a time as in 2026-01-31T12:00:00+01:00", value)
    if value.utcoffset() is None:
        raise InputError(field, "must have a time zone", value.isoformat())
    return (value - _EPOCH) // _MICROSECOND


def _real(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(field, "must be a number", value)
    return float(value)


def _integer(field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MOST_INTEGER:
        raise InputError(field, "must be a whole number", value)
    return value


def _flag(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(field, "must be true or false", value)
    return value


_TYPED: dict[pyarrow.DataType, Callable[[str, Any], Value]] = {
    pyarrow.string(): _text,
    pyarrow.timestamp("us", "UTC"): _time,
    pyarrow.float64(): _real,
    pyarrow.int64(): _integer,
    pyarrow.bool_(): _flag,
}
_READERS: dict[str, dict[str, Callable[[Any], Value]]] = {
    table: {
        name: _reader(f"{table}.{name}", column)
        for name, column in TABLES[table].schema.columns.items()
    }
    for table in sorted(EVENT_TABLES)
}
