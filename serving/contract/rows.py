"""Rows in a request: raw values by column name, encoded as the model's own table was."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from features.encoding.encoding import Column, Encoding
from holdfast.arrays import Floats
from holdfast.errors import InputError

Row = Mapping[str, Any]


class RowReader:
    """Reads rows of the table that a model was trained on.

    Parameters
    ----------
    encoding : Encoding
        The model's feature columns.
    columns : sequence of str
        All columns of the table; those without a feature are accepted and ignored.
    id_column : str or None
        The column that holds the id.
    """

    def __init__(self, encoding: Encoding, columns: Sequence[str], id_column: str | None) -> None:
        self.encoding = encoding
        self.id_column = id_column
        self._columns = frozenset(columns)
        self._used = frozenset(column.name for column in encoding.columns)

    def encode(self, rows: Sequence[Row]) -> Floats:
        """Encode rows.

        Parameters
        ----------
        rows : sequence of n mappings
            An absent, null or blank value is missing; so is a category that the model never saw.

        Returns
        -------
        (n, k) float64
            NaN for missing.

        Raises
        ------
        InputError
            A row has a column that the table had not, or no feature column at all, or a value is
            not of its column's kind. Names it as in ``rows[0].Tenure``.
        """
        for position, row in enumerate(rows):
            unknown = next((name for name in row if name not in self._columns), None)
            if unknown is not None:
                raise InputError(
                    _field(position, unknown),
                    "is not a column of the table that the model was trained on",
                )
            if self._used.isdisjoint(row):
                raise InputError(
                    f"rows[{position}]", "must hold at least one column that the model uses"
                )
        return np.column_stack(
            [
                _encode(column, [row.get(column.name) for row in rows])
                for column in self.encoding.columns
            ]
        )

    def ids(self, rows: Sequence[Row]) -> list[str | None]:
        """The id of each row as text; None where it has none.

        Raises
        ------
        InputError
            An id is neither text nor a number.
        """
        return [
            None if self.id_column is None else _id(position, self.id_column, row)
            for position, row in enumerate(rows)
        ]


def _encode(column: Column, values: list[Any]) -> Floats:
    if (
        column.kind != "category"
        and len(values) > 1
        and all(value is None or isinstance(value, str) for value in values)
    ):
        # Text is parsed by the column: one at a time it costs a hundred times as much.
        try:
            return column.encode(pa.chunked_array([pa.array(values, pa.string())]))
        except InputError:
            pass  # raised again below, with the row's position
    return np.array(
        [_encode_value(column, position, value) for position, value in enumerate(values)],
        dtype=np.float64,
    )


def _encode_value(column: Column, position: int, value: object) -> float:
    try:
        return column.encode_value(value)
    except InputError as error:
        raise InputError(_field(position, column.name), error.rule, error.value) from None


def _id(position: int, name: str, row: Row) -> str | None:
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(_field(position, name), "must be text or a number", value)
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _field(position: int, name: str) -> str:
    return f"rows[{position}].{name[:80]}"
