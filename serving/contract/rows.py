"""Rows in a request: raw values by column name, encoded as the model's own table was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.encoding.encoding import Column, Encoding
from features.tables.column_reading import ColumnReading
from holdfast.arrays import Floats
from holdfast.errors import InputError

Row = Mapping[str, Any]


@dataclass(frozen=True)
class EncodedRows:
    """Rows as the model takes them.

    Parameters
    ----------
    matrix : (n, k) float64
        NaN for missing.
    unseen : list of n lists of str
        For each row, the columns whose category the model never saw, which count as missing.
    """

    matrix: Floats
    unseen: list[list[str]]


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
    readings : sequence of ColumnReading
        How text in a column is read; columns without one are read as they stand.
    """

    def __init__(
        self,
        encoding: Encoding,
        columns: Sequence[str],
        id_column: str | None,
        readings: Sequence[ColumnReading] = (),
    ) -> None:
        self.encoding = encoding
        by_name = {reading.name: reading for reading in readings}
        self._cells = [CellReader(column, by_name.get(column.name)) for column in encoding.columns]
        self.id_column = id_column
        self._columns = frozenset(columns)
        self._used = frozenset(column.name for column in encoding.columns)

    def encode(self, rows: Sequence[Row]) -> EncodedRows:
        """Encode rows.

        Parameters
        ----------
        rows : sequence of n mappings
            An absent, null or blank value is missing, and so is a word that means it; so is a
            category that the model never saw.

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
        unseen: list[list[str]] = [[] for _ in rows]
        columns = []
        for cells in self._cells:
            values, places = cells.encode([row.get(cells.column.name) for row in rows])
            columns.append(values)
            for place in places:
                unseen[place].append(cells.column.name)
        return EncodedRows(np.column_stack(columns), unseen)

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


class CellReader:
    """Reads the cells of one column of rows.

    Parameters
    ----------
    column : Column
        What the model makes of it.
    reading : ColumnReading or None
        How text in it is read.
    """

    def __init__(self, column: Column, reading: ColumnReading | None) -> None:
        self.column = column
        self._reading = reading
        self._marks = frozenset(reading.missing_marks if reading else ())
        folded: dict[str, list[str]] = {}
        for category in column.categories:
            folded.setdefault(category.casefold(), []).append(category)
        self._folded = {plain: names[0] for plain, names in folded.items() if len(names) == 1}

    def encode(self, values: list[Any]) -> tuple[Floats, list[int]]:
        """The n values as numbers, and the positions of categories never seen."""
        if self.column.kind == "category":
            return self._categories(values)
        return self._quantities(values), []

    def _categories(self, values: list[Any]) -> tuple[Floats, list[int]]:
        codes = np.full(len(values), np.nan)
        unseen = []
        for position, value in enumerate(values):
            text = value.strip() if isinstance(value, str) else value
            if text is None or text == "" or (isinstance(text, str) and text in self._marks):
                continue
            code = _encode_value(self.column, position, text)
            if np.isnan(code) and isinstance(text, str):
                # The table may have written it in another letter case.
                known = self._folded.get(text.casefold())
                code = code if known is None else self.column.encode_value(known)
            codes[position] = code
            if np.isnan(code):
                unseen.append(position)
        return codes, unseen

    def _quantities(self, values: list[Any]) -> Floats:
        if len(values) > 1 and all(value is None or isinstance(value, str) for value in values):
            # Text is read by the column: one at a time it costs a hundred times as much.
            try:
                return self._texts(values)
            except InputError:
                pass  # raised again below, with the row's position
        return np.array(
            [self._quantity(position, value) for position, value in enumerate(values)],
            dtype=np.float64,
        )

    def _quantity(self, position: int, value: object) -> float:
        if not isinstance(value, str):
            return _encode_value(self.column, position, value)
        try:
            return float(self._texts([value])[0])
        except InputError as error:
            raise InputError(_field(position, self.column.name), error.rule, error.value) from None

    def _texts(self, values: list[str | None]) -> Floats:
        cells = pa.chunked_array([pa.array(values, pa.string())])
        if self._reading is None:
            return self.column.encode(cells)
        read = self._reading.read(cells)
        if self._reading.kind == "date" and self._reading.order not in (None, "ymd"):
            # A system may write dates as ISO 8601, whatever the table had; no other order reads those.
            iso = replace(self._reading, order="ymd").read(cells)
            read = pc.coalesce(read, iso.cast(read.type))
        unread = self._reading.unread(cells, read)
        if unread:
            kind = self.column.kind
            raise InputError(
                self.column.name, f"must be a {kind}, as in the model's first table", unread[0]
            )
        return self.column.encode(read)


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
