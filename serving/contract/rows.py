"""Rows in a request: readable values by column name, encoded as the model's own table was."""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.encoding.encoding import Column, Encoding
from features.encoding.ranges import Range
from features.fields import YES_OR_NO
from features.tables.column_reading import ColumnReading
from holdfast.arrays import Floats
from holdfast.errors import InputError

Row = Mapping[str, Any]

_MOST_SHOWN = 60
_UNSEEN = "was not seen in training"
_MOST_COMPARED = 1_000
"""Of more names than these, the nearest one is not looked for: that takes too long."""


@dataclass(frozen=True)
class EncodedRows:
    """Rows as the model takes them.

    Parameters
    ----------
    matrix : (n, k) float64
        NaN for missing.
    warnings : list of n lists of str
        Of each row, values that the model cannot use as they are, and what was made of them.
    """

    matrix: Floats
    warnings: list[list[str]]


@dataclass(frozen=True)
class Doubt:
    """A value that can be taken for a mistake.

    Parameters
    ----------
    row : int
        Position of the row.
    column : str
        Its column.
    value : object
        The value.
    rule : str
        What is wrong with it.
    """

    row: int
    column: str
    value: Any
    rule: str

    @property
    def field(self) -> str:
        """Place in the request."""
        return _field(self.row, self.column)

    @property
    def warning(self) -> str:
        """The doubt as a sentence."""
        return f"{_quoted(self.column)}: {_quoted(self.value)} {self.rule}"


class DoubtfulRowsError(InputError):
    """Rows hold doubtful values where none are accepted.

    Parameters
    ----------
    doubts : sequence of Doubt
        All of them, at least one.
    """

    def __init__(self, doubts: Sequence[Doubt]) -> None:
        self.doubts = doubts
        super().__init__(doubts[0].field, doubts[0].rule, doubts[0].value)


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
    ranges : mapping of str to Range, optional
        By feature, what was seen in training.
    coded : collection of str
        Columns that the features hold as codes, the positions of their categories. Rows may hold
        either, as `features show` and exports show the codes.
    """

    def __init__(
        self,
        encoding: Encoding,
        columns: Sequence[str],
        id_column: str | None,
        readings: Sequence[ColumnReading] = (),
        ranges: Mapping[str, Range] | None = None,
        coded: Collection[str] = (),
    ) -> None:
        self.encoding = encoding
        self.ranges = ranges or {}
        by_name = {reading.name: reading for reading in readings}
        self._cells = [
            CellReader(
                column,
                by_name.get(column.name),
                self.ranges.get(column.feature),
                is_coded=column.name in coded,
            )
            for column in encoding.columns
        ]
        self.id_column = id_column
        self._columns = frozenset(columns) | ({id_column} if id_column else set())
        self._used = frozenset(column.name for column in encoding.columns)

    def encode(self, rows: Sequence[Row], *, strict: bool = False) -> EncodedRows:
        """Encode rows.

        Parameters
        ----------
        rows : sequence of n mappings
            An absent, null or blank value is missing, and so is a word that means it.
        strict : bool
            Refuse values that can be taken for a mistake.

        Returns
        -------
        EncodedRows
            A category in another letter case is read, with a warning. A value that the model
            never saw, or that is not of its column's kind, is missing, with a warning.

        Raises
        ------
        DoubtfulRowsError
            There would be warnings, and `strict` is set.
        InputError
            A row has a column that the table had not, or no feature column at all, or a value is
            an array or an object. Names it as in ``rows[0].Tenure``.
        """
        for position, row in enumerate(rows):
            self._check(position, row)
        doubts: list[Doubt] = []
        columns = []
        for cells in self._cells:
            values, of_column = cells.encode([row.get(cells.column.name) for row in rows])
            columns.append(values)
            doubts += of_column
        if doubts and strict:
            raise DoubtfulRowsError(sorted(doubts, key=lambda doubt: doubt.row))
        warnings: list[list[str]] = [[] for _ in rows]
        for doubt in doubts:
            warnings[doubt.row].append(doubt.warning)
        return EncodedRows(np.column_stack(columns), warnings)

    def _check(self, position: int, row: Row) -> None:
        for name, value in row.items():
            if name not in self._columns:
                near = nearest(name, self._columns)
                raise InputError(
                    _field(position, name),
                    "is not a column of the model" + (f"; did you mean {near!r}?" if near else ""),
                )
            if isinstance(value, list | dict) and name in self._used:
                raise InputError(
                    _field(position, name), "must be text, a number, true, false or null", value
                )
        if self._used.isdisjoint(row):
            raise InputError(
                f"rows[{position}]", "must hold at least one column that the model uses"
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


class CellReader:
    """Reads the cells of one column of rows.

    Parameters
    ----------
    column : Column
        What the model makes of it.
    reading : ColumnReading or None
        How text in it is read.
    seen : Range or None
        What was seen in training; None where that is not known.
    is_coded : bool
        Whether positions of its categories are read, too.
    """

    def __init__(
        self,
        column: Column,
        reading: ColumnReading | None,
        seen: Range | None = None,
        *,
        is_coded: bool = False,
    ) -> None:
        self.column = column
        self._seen = seen
        self._is_coded = is_coded
        self._reading = reading
        self._marks = frozenset(reading.missing_marks if reading else ())
        self._is_flag = column.categories == YES_OR_NO
        folded: dict[str, list[str]] = {}
        for category in column.categories:
            folded.setdefault(category.casefold(), []).append(category)
        self._folded = {plain: names[0] for plain, names in folded.items() if len(names) == 1}
        self._ignores_case = reading is not None and reading.letter_case == "ignore"

    def encode(self, values: list[Any]) -> tuple[Floats, list[Doubt]]:
        """The n values as numbers, and those that can be taken for a mistake."""
        if self.column.kind == "category":
            return self._categories(values)
        numbers, doubts = self._quantities(values)
        return numbers, doubts + self._outside(values, numbers)

    def _outside(self, values: list[Any], numbers: Floats) -> list[Doubt]:
        """Numbers and dates outside what was seen in training; they are used as they are."""
        if self._seen is None or self.column.kind == "category":
            return []
        outside = (numbers < self._seen.minimum) | (numbers > self._seen.maximum)
        decode = self.column.decode
        seen = f"{decode(self._seen.minimum)} to {decode(self._seen.maximum)}"
        return [
            self._doubt(position, values[position], f"is outside what was seen in training, {seen}")
            for position in np.flatnonzero(outside).tolist()
        ]

    def _categories(self, values: list[Any]) -> tuple[Floats, list[Doubt]]:
        codes = np.full(len(values), np.nan)
        doubts, near = [], dict[str, str | None]()
        for position, value in enumerate(values):
            written = self._written(value)
            if written is None or written == "" or written in self._marks:
                continue
            with suppress(InputError):  # a number that no category can be
                codes[position] = self.column.encode_value(written)
            if np.isnan(codes[position]):
                codes[position] = self._position(written)
            if np.isnan(codes[position]):
                text = str(written)
                known = self._folded.get(text.casefold())
                if known is not None:
                    codes[position] = self.column.encode_value(known)
                    rule = f"{_UNSEEN}; did you mean {_quoted(known)}? It is read as that"
                else:
                    if text not in near:
                        near[text] = nearest(text, self.column.categories)
                    rule = _missing(near[text])
                    if near[text] is None:
                        rule += self._known_codes
                doubts.append(self._doubt(position, value, rule))
        return codes, doubts

    def _position(self, written: Any) -> float:
        """The code that a value is itself, as a number or as text; NaN where it is none."""
        if not self._is_coded or isinstance(written, bool):
            return float("nan")
        return self._positions.get(written, float("nan"))

    @cached_property
    def _positions(self) -> Mapping[str | float, float]:
        codes = range(len(self.column.categories))
        return {key: float(code) for code in codes for key in (str(code), code)}

    @cached_property
    def _known_codes(self) -> str:
        """What a coded column may hold, as the end of a warning."""
        if not self._is_coded:
            return ""
        names = self.column.categories
        return "; known are " + ", ".join(f"{_quoted(name)} or {i}" for i, name in enumerate(names))

    def _written(self, value: Any) -> Any:
        """A value as the table would have it."""
        if isinstance(value, bool) and self._is_flag:
            return YES_OR_NO[value]
        if not isinstance(value, str):
            return value
        return value.strip().lower() if self._ignores_case else value.strip()

    def _quantities(self, values: list[Any]) -> tuple[Floats, list[Doubt]]:
        if len(values) > 1 and all(value is None or isinstance(value, str) for value in values):
            # Text is read by the column: one at a time it costs a hundred times as much.
            try:
                return self._texts(values), []
            except InputError:
                pass  # found below, with the row's position
        numbers = np.full(len(values), np.nan)
        doubts = []
        for position, value in enumerate(values):
            try:
                numbers[position] = (
                    self._texts([value])[0]
                    if isinstance(value, str)
                    else self.column.encode_value(value)
                )
            except InputError:
                rule = f"is no {self.column.kind}, and counts as missing"
                doubts.append(self._doubt(position, value, rule))
        return numbers, doubts

    def _doubt(self, position: int, value: Any, rule: str) -> Doubt:
        return Doubt(position, self.column.name, value, rule)

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


def nearest(text: str, names: Collection[str]) -> str | None:
    """The name that a text was probably meant to be; None where none is near.

    >>> nearest("month-to-month", ["Two year", "Month-to-month"])
    'Month-to-month'
    """
    if len(names) > _MOST_COMPARED or len(text) > 200:
        return None
    folded = {name.casefold(): name for name in names}
    near = get_close_matches(text.casefold().strip(), folded, n=1, cutoff=0.7)
    return folded[near[0]] if near else None


def _missing(near: str | None) -> str:
    rule = f"{_UNSEEN}, and counts as missing"
    return rule if near is None else f"{rule}; did you mean {_quoted(near)}?"


def _quoted(value: Any) -> str:
    """A value as JSON writes it, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def _id(position: int, name: str, row: Row) -> str | None:
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(_field(position, name), "must be text or a number", value)
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _field(position: int, name: str) -> str:
    return f"rows[{position}].{name[:80]}"
