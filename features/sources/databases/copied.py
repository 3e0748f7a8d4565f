"""The rows of a PostgreSQL query through its COPY, parsed by Arrow: no value becomes an object."""

import io
from collections.abc import Generator, Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_BLOCK_BYTES = 8 << 20

_INSTANT = pa.timestamp("us", "UTC")
_NUMERIC = 1700
_TYPES = {
    16: pa.bool_(),
    **dict.fromkeys((20, 21, 23), pa.int64()),
    **dict.fromkeys((700, 701), pa.float64()),
    **dict.fromkeys((18, 19, 25, 1042, 1043, 2950, _NUMERIC), pa.string()),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: _INSTANT,
}
"""Arrow's types by the numbers that PostgreSQL has for its own."""

_FIRST_OWN = 16_384
"""From this number on types are made by users: enumerations and such, whose values are texts."""


def copied_rows(
    connection: sa.Connection, query: sa.Select[Any]
) -> Generator[pa.RecordBatch, None, None] | None:
    """The rows of a query, a bounded number of bytes at a time.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To PostgreSQL.
    query : sqlalchemy.Select
        What to read.

    Returns
    -------
    generator of pyarrow.RecordBatch or None
        None where another driver than psycopg is used, or a column has a type that has no text.
    """
    if connection.dialect.name != "postgresql" or connection.dialect.driver != "psycopg":
        return None
    cursor: Any = connection.connection.cursor()
    # Neither colons nor percent signs are marks for parameters there.
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    statement = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    cursor.execute(f"SELECT * FROM (\n{statement}\n) AS holdfast_types LIMIT 0")
    columns = cursor.description or ()
    kinds = [_TYPES.get(one.type_code, _own_type(one.type_code)) for one in columns]
    if any(kind is None for kind in kinds):
        return None
    cursor.execute(
        "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL extra_float_digits = 1"
    )
    return _parsed(cursor, statement, columns, kinds)


def _own_type(number: int) -> pa.DataType | None:
    return pa.string() if number >= _FIRST_OWN else None


def _parsed(
    cursor: Any, statement: str, columns: Any, kinds: list[pa.DataType]
) -> Generator[pa.RecordBatch, None, None]:
    names = [str(place) for place in range(len(columns))]
    copy = f"COPY (\n{statement}\n) TO STDOUT (FORMAT csv, ENCODING 'UTF8')"
    with closing(cursor), cursor.copy(copy) as blocks:
        try:
            reader = pa_csv.open_csv(
                pa.PythonFile(_Joined(iter(blocks)), mode="r"),
                read_options=pa_csv.ReadOptions(column_names=names, block_size=_BLOCK_BYTES),
                parse_options=pa_csv.ParseOptions(newlines_in_values=True),
                convert_options=pa_csv.ConvertOptions(
                    column_types=dict(zip(names, kinds, strict=True)),
                    # Nothing is null, and a quoted nothing is an empty text.
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    true_values=["t"],
                    false_values=["f"],
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            raise
        for rows in reader:
            values = [
                _numbers(column, one.scale) if one.type_code == _NUMERIC else column
                for one, column in zip(columns, rows.columns, strict=True)
            ]
            yield pa.record_batch(values, names=[one.name for one in columns])


def _numbers(texts: pa.Array, scale: int | None) -> pa.Array:
    """Decimals; as texts where they are not numbers that a decimal can hold."""
    try:
        if scale is not None and 0 <= scale <= 38:
            return texts.cast(pa.decimal128(38, scale))
        return pa.array([None if text is None else Decimal(text) for text in texts.to_pylist()])
    except (pa.ArrowException, ArithmeticError):
        return texts


class _Joined(io.RawIOBase):
    """Blocks as a stream."""

    def __init__(self, blocks: Iterator[Any]) -> None:
        self._blocks, self._ready = blocks, bytearray()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._ready) < size:
            block = next(self._blocks, None)
            if block is None:
                break
            self._ready += block
        size = len(self._ready) if size < 0 else size
        given = bytes(self._ready[:size])
        del self._ready[:size]
        return given
