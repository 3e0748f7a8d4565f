"""Values that a mapping file gives for a contract's column, checked against the contract."""

from collections.abc import Mapping as Map
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa

from features.contracts.tables import Table
from features.mapping.mapping import Constant
from features.raw_tables.deciding import kind_of
from features.raw_tables.plan import allowed_values, flag_value
from features.sources.names import suggestions
from holdfast.errors import InputError

Given = str | bool | int | float | datetime | date
"""A value as TOML gives it."""


def fit_values(
    table: Table, column: str, values: Map[str, Given], field: str
) -> dict[str, str | None]:
    """The contract's values, as texts, for written ones.

    Parameters
    ----------
    table : Table
        The contract.
    column : str
        One of its columns.
    values : mapping of str to value
        By written value. An empty text says that the written value stands for none.
    field : str
        Where the file says it.

    Raises
    ------
    InputError
        The contract does not have such a value, or the column must not be empty.
    """
    fitted: dict[str, str | None] = {}
    for written, value in values.items():
        place = f"{field}.{written}"
        if value == "":
            if not table.schema.columns[column].nullable:
                raise InputError(
                    place, f"must not be empty: {table.name}.{column} must have a value"
                )
            fitted[written.strip()] = None
            continue
        constant = fit_default(table, column, value, None, place)
        fitted[written.strip()] = (
            str(constant).lower() if isinstance(constant, bool) else str(constant)
        )
    return fitted


def fit_default(
    table: Table, column: str, value: Given, time_zone: str | None, field: str
) -> Constant:
    """A constant of a contract's column; times as ISO 8601 texts in UTC.

    Parameters
    ----------
    table : Table
        The contract.
    column : str
        One of its columns.
    value : value
        As TOML gives it.
    time_zone : str or None
        The zone of a time without one; None refuses it.
    field : str
        Where the file says it.

    Raises
    ------
    InputError
        It is of another type than the column, or breaks one of its rules.
    """
    kind = kind_of(table, column)
    if kind == "date":
        fitted: Constant = _time(value, time_zone, field)
    elif kind == "flag":
        fitted = _flag(value, field)
    elif kind == "number":
        fitted = _number(table, column, value, field)
    else:
        fitted = _text(table, column, value, field)
    _refuse_broken_rules(table, column, fitted, field)
    return fitted


def _time(value: Given, time_zone: str | None, field: str) -> str:
    read: datetime | None = None
    if isinstance(value, datetime):
        read = value
    elif isinstance(value, date):
        read = datetime.combine(value, time())
    elif isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            read = None
    if read is None:
        raise InputError(field, "must be a time such as 2026-01-31T09:30:00Z", _shown(value))
    if read.tzinfo is None:
        if time_zone is None:
            rule = (
                "must name its zone, such as 2026-01-31T09:30:00Z, or have a time_zone in the file"
            )
            raise InputError(field, rule, _shown(value))
        read = read.replace(tzinfo=ZoneInfo(time_zone))
    return read.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _flag(value: Given, field: str) -> bool:
    word = flag_value(value) if isinstance(value, str) else None
    if isinstance(value, bool) or word is not None:
        return value if isinstance(value, bool) else word == "true"
    raise InputError(field, "must be true or false", _shown(value))


def _number(table: Table, column: str, value: Given, field: str) -> int | float:
    whole = pa.types.is_integer(table.schema.columns[column].metadata["arrow"])
    number = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            raise InputError(field, "must be a number", value) from None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InputError(field, "must be a number", _shown(value))
    if whole and number != int(number):
        raise InputError(field, "must be a whole number", _shown(value))
    return int(number) if whole else float(number)


def _text(table: Table, column: str, value: Given, field: str) -> str:
    if not isinstance(value, str):
        raise InputError(field, "must be a text", _shown(value))
    allowed = allowed_values(table, column)
    if allowed and value not in allowed:
        near = suggestions([value], allowed).get(value)
        meant = f"; is {near} meant?" if near else ""
        raise InputError(field, f"must be one of {', '.join(allowed)}{meant}", value)
    return value


def _refuse_broken_rules(table: Table, column: str, value: Constant, field: str) -> None:
    definition = table.schema.columns[column]
    kind: pa.DataType = definition.metadata["arrow"]
    array = (
        pa.array([value], pa.string()).cast(kind)
        if isinstance(value, str)
        else pa.array([value], kind)
    )
    series = pd.Series(array, dtype=pd.ArrowDtype(kind))
    for check in definition.checks:
        if not check(series).check_passed:
            raise InputError(field, str(check.error), _shown(value))


def _shown(value: Given) -> object:
    return value.isoformat() if isinstance(value, date) else value
