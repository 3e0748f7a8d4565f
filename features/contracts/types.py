"""Raw columns, of whatever type they come in, as the types that contracts name.

A value that cannot be read is a fault of its row. A column is refused where its type rules out that
any of its values can be read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.tables import Table
from holdfast.arrays import Positions
from holdfast.errors import InputError

_WHOLE = r"^[+-]?\d{1,18}(\.0*)?$"
PLAIN_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
_DATE = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_CLOCK = r"[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
ZONED_TIME = _DATE + _CLOCK + r"(Z|[+-]([01]\d|2[0-3]):?[0-5]\d|[+-]([01]\d|2[0-3]))$"
NAIVE_TIME = _DATE + "(" + _CLOCK + ")?$"
_BEYOND_MICROSECONDS = r"(\.\d{6})\d+"
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
_LARGEST_EXACT = 2.0**53

_NOT_TIME = ("type", "must be a time such as 2026-01-31T09:30:00Z")
_NO_ZONE = (
    "naive_time",
    (
        "must name its zone, such as 2026-01-31T09:30:00Z or 2026-01-31T09:30:00+02:00;"
        " --time-zone says it for those that do not"
    ),
)
_NOT_WHOLE = ("type", "must be a whole number")
_NOT_NUMBER = ("type", "must be a number with a decimal point and no other separator")
_NOT_FLAG = ("type", "must be true or false, 1 or 0, yes or no")
_NOT_UTF8 = ("encoding", "must be UTF-8")


@dataclass(frozen=True)
class Fault:
    """A rule that some rows break.

    Parameters
    ----------
    column : str
        The column, or columns parted by a comma; empty for a whole line.
    rule : str
        The rule's code, which stays the same from version to version.
    reason : str
        The rule in words.
    at : (n,) int64
        Which rows of the batch, from 0.
    """

    column: str
    rule: str
    reason: str
    at: Positions


class _Misfits:
    """Values of one column that could not be read."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.faults: list[Fault] = []

    def add(self, kind: tuple[str, str], wrong: Any) -> None:
        """Note where a mask is true; null is not."""
        at = np.flatnonzero(pc.fill_null(wrong, False).to_numpy(zero_copy_only=False))
        if len(at):
            self.faults.append(Fault(self.column, *kind, at))


def typed(table: Table, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Fault]]:
    """Read a batch as its contract's types.

    Parameters
    ----------
    table : Table
        The contract.
    batch : pyarrow.RecordBatch
        Columns of any type; further ones are dropped, nullable ones that are absent become null.
        Text holds times with an offset or ``Z``, numbers with a decimal point, and true or false, 1
        or 0, yes or no. Dictionaries are unpacked, times become UTC and lose what is below
        microseconds, NaN is null.

    Returns
    -------
    rows : pyarrow.RecordBatch
        Typed as ``table.arrow_schema``; null where a value could not be read.
    faults : list of Fault
        Which values those are.

    Raises
    ------
    InputError
        A column that must be there is not, or is of a type that cannot be read, such as times
        without a zone.
    """
    schema = table.arrow_schema
    columns, faults = [], []
    for field in schema:
        values, misfits = _column(table, field, batch)
        columns.append(values)
        faults += misfits.faults
    return pa.record_batch(columns, schema=schema), faults


def refusals(table: Table, schema: pa.Schema) -> list[InputError]:
    """What `typed` would raise for batches of a schema, column by column."""
    nothing = pa.RecordBatch.from_pylist([], schema=schema)
    errors = []
    for field in table.arrow_schema:
        try:
            _column(table, field, nothing)
        except InputError as error:
            errors.append(error)
    return errors


class _WrongTypeError(Exception):
    """A column of a type that no value can be read from."""


def _column(table: Table, field: pa.Field, batch: pa.RecordBatch) -> tuple[pa.Array, _Misfits]:
    misfits = _Misfits(field.name)
    at = batch.schema.get_field_index(field.name)
    if at < 0:
        if not table.schema.columns[field.name].nullable:
            raise InputError(f"{table.name}.{field.name}", "the column must be there, and is not")
        return pa.nulls(len(batch), field.type), misfits
    values = _plain(batch.column(at), misfits)
    try:
        return _READERS[field.type](values, misfits), misfits
    except (pa.ArrowException, _WrongTypeError) as error:
        rule = (
            str(error)
            if isinstance(error, _WrongTypeError)
            else f"must be of a type that can be read as {field.type}"
        )
        raise InputError(f"{table.name}.{field.name}", rule, str(values.type)) from None


def _plain(values: pa.Array, misfits: _Misfits) -> pa.Array:
    """Values without packing: no dictionary, one type of text, and that in UTF-8."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_large_binary(values.type) or pa.types.is_fixed_size_binary(values.type):
        values = values.cast(pa.binary())
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    if pa.types.is_string(values.type) or pa.types.is_binary(values.type):
        try:
            text = values.cast(pa.string())
            text.validate(full=True)  # Parquet's texts have not been looked at
        except pa.ArrowInvalid:
            wrong = pa.array(
                [
                    value is not None and not _is_utf8(value)
                    for value in values.cast(pa.binary()).to_pylist()
                ]
            )
            misfits.add(_NOT_UTF8, wrong)
            text = pc.if_else(wrong, pa.scalar(None, pa.binary()), values.cast(pa.binary())).cast(
                pa.string()
            )
        values = text
    return values


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(values: pa.Array, misfits: _Misfits) -> pa.Array:
    if pa.types.is_floating(values.type):
        # Where pandas meets a null among whole numbers, it makes them 12.0.
        values = _whole(values, misfits)
    return values.cast(pa.string())


def _whole(values: pa.Array, misfits: _Misfits) -> pa.Array:
    type_ = values.type
    if pa.types.is_null(type_):
        return pa.nulls(len(values), pa.int64())
    if pa.types.is_string(type_):
        text = pc.utf8_trim_whitespace(values)
        fits = pc.match_substring_regex(text, _WHOLE)
        misfits.add(_NOT_WHOLE, pc.invert(fits))
        digits = pc.replace_substring_regex(_only(text, fits), r"(^\+|\..*$)", "")
        return digits.cast(pa.int64())
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        numbers = _without_nan(values.cast(pa.float64(), safe=False))
        fits = pc.and_(
            pc.equal(pc.trunc(numbers), numbers), pc.less_equal(pc.abs(numbers), _LARGEST_EXACT)
        )
        misfits.add(_NOT_WHOLE, pc.invert(fits))
        return _only(numbers, fits).cast(pa.int64())
    if pa.types.is_uint64(type_):
        fits = pc.less_equal(values, pa.scalar(2**63 - 1, pa.uint64()))
        misfits.add(_NOT_WHOLE, pc.invert(fits))
        return _only(values, fits).cast(pa.int64())
    if pa.types.is_integer(type_):
        return values.cast(pa.int64())
    raise _WrongTypeError("must be whole numbers")


def _number(values: pa.Array, misfits: _Misfits) -> pa.Array:
    type_ = values.type
    if pa.types.is_string(type_):
        text = pc.utf8_trim_whitespace(values)
        fits = pc.match_substring_regex(text, PLAIN_NUMBER)
        misfits.add(_NOT_NUMBER, pc.invert(fits))
        return pc.utf8_ltrim(_only(text, fits), "+").cast(pa.float64())
    if (
        pa.types.is_null(type_)
        or pa.types.is_integer(type_)
        or pa.types.is_decimal(type_)
        or pa.types.is_floating(type_)
    ):
        # By way of text, since Arrow's own way from decimals is a last bit off now and then.
        values = values.cast(pa.string()) if pa.types.is_decimal(type_) else values
        return _without_nan(values.cast(pa.float64(), safe=False))
    raise _WrongTypeError("must be numbers")


def _flag(values: pa.Array, misfits: _Misfits) -> pa.Array:
    type_ = values.type
    if pa.types.is_boolean(type_) or pa.types.is_null(type_):
        return values.cast(pa.bool_())
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        values = _whole(values, misfits).cast(pa.string())
    if not pa.types.is_string(values.type):
        raise _WrongTypeError("must be true or false, 1 or 0")
    text = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    yes = pc.is_in(text, value_set=pa.array(_YES))
    known = pc.or_(yes, pc.is_in(text, value_set=pa.array(_NO)))
    misfits.add(_NOT_FLAG, pc.and_(pc.invert(known), text.is_valid()))
    return _only(yes, known)


def _time(values: pa.Array, misfits: _Misfits) -> pa.Array:
    type_ = values.type
    if pa.types.is_null(type_):
        return values.cast(_UTC)
    if pa.types.is_timestamp(type_) and type_.tz is not None:
        return values.cast(_UTC, safe=False)
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        raise _WrongTypeError(
            "times must name their zone: store timestamps with time zone"
            " (Arrow's timestamp[us, tz=UTC], SQL's timestamptz), or say the zone with --time-zone"
        )
    if not pa.types.is_string(type_):
        raise _WrongTypeError(
            "must be timestamps with a time zone, or such texts as 2026-01-31T09:30:00Z"
        )
    text = pc.utf8_trim_whitespace(values)
    fits = pc.match_substring_regex(text, ZONED_TIME)
    if not pc.all(fits).as_py():
        naive = pc.match_substring_regex(text, NAIVE_TIME)
        misfits.add(_NO_ZONE, naive)
        misfits.add(_NOT_TIME, pc.invert(pc.or_(fits, naive)))
    text = pc.replace_substring_regex(_only(text, fits), _BEYOND_MICROSECONDS, r"\1")
    try:
        return text.cast(_UTC)
    except pa.ArrowInvalid:
        times = [_calendar_time(value) for value in text.to_pylist()]
        read = pa.array(times, _UTC)
        misfits.add(_NOT_TIME, pc.and_(text.is_valid(), read.is_null()))
        return read


def read_times(values: pa.Array) -> pa.Array:
    """Times of a column of a type that `typed` reads as times; null where a value cannot be read."""
    misfits = _Misfits("")
    return _time(_plain(values, misfits), misfits)


def _calendar_time(text: str | None) -> datetime | None:
    """A time, None for one that the calendar does not have."""
    try:
        return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _only(values: Any, wanted: Any) -> Any:
    return pc.if_else(wanted, values, pa.scalar(None, values.type))


def _without_nan(numbers: Any) -> Any:
    nan = pc.is_nan(numbers)
    return (
        pc.if_else(nan, pa.scalar(None, pa.float64()), numbers) if pc.any(nan).as_py() else numbers
    )


_UTC = pa.timestamp("us", "UTC")
_READERS: dict[pa.DataType, Callable[[pa.Array, _Misfits], pa.Array]] = {
    pa.string(): _text,
    pa.int64(): _whole,
    pa.float64(): _number,
    pa.bool_(): _flag,
    _UTC: _time,
}
