"""How the columns of a team's own table become features, and how their numbers read.

Numbers stay numbers, dates become days, categories become integer codes. The encoding only ever
grows: a category keeps its code for as long as the home lives, so that yesterday's model reads
today's features.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.encoding.dates import ISO_8601, days_since_epoch, is_iso_date, iso_date
from features.encoding.reading import as_text, number_text
from holdfast.arrays import Floats
from holdfast.documents import read_document, to_document
from holdfast.errors import InputError

Kind = Literal["number", "category", "date"]
Value = float | str | None

# Names that Feast, DuckDB or LightGBM take in a sense of their own; Feast drops what ends in `_y`.
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}(?<!_y)")
_RESERVED = frozenset(
    {"customer_id", "event_timestamp", "created_timestamp", "label", "entity_row_id", "rn"}
)
_LEADING_ZERO = r"^0\d"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$|^[+-]?([nN][aA][nN]|[iI][nN][fF])$"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the table as a feature.

    Parameters
    ----------
    name : str
        The column's name in the table.
    feature : str
        The feature's name in the feature store: plain ASCII, unique also where case does not count.
    kind : {"number", "category", "date"}
        What its values are. Dates are days since 1970-01-01 in UTC.
    why : str
        Why it is of that kind, for a person.
    categories : tuple of str
        For a category, its values; a value's code is its position. Else empty.
    """

    name: str
    feature: str
    kind: Kind
    why: str
    categories: tuple[str, ...]

    def encode(self, values: pa.ChunkedArray) -> Floats:
        """Encode a whole column.

        Parameters
        ----------
        values : (n,) pyarrow array of any scalar type
            Blanks and nulls are missing.

        Returns
        -------
        (n,) float64
            NaN where missing or not finite.

        Raises
        ------
        InputError
            A value is not of the column's kind, or a category not in the encoding.
        """
        if self.kind == "category":
            return self._encode_categories(as_text(values))
        return self._encode_dates(values) if self.kind == "date" else self._encode_numbers(values)

    def encode_value(self, value: object) -> float:
        """Encode one value as it arrives in JSON; an unseen category becomes missing.

        Raises
        ------
        InputError
            The value is not of the column's kind.
        """
        if value is None or (isinstance(value, str) and not value.strip()):
            return float("nan")
        if self.kind == "category" and isinstance(value, bool | int | float | str):
            return self._codes.get(_plain_text(self.name, value), float("nan"))
        if isinstance(value, str):
            return float(self.encode(pa.chunked_array([[value]]))[0])
        if self.kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            return _float(self.name, value)
        raise InputError(self.name, f"must be a {self.kind} or null", value)

    def decode(self, code: float) -> Value:
        """The original value behind a feature's number, None where missing."""
        if np.isnan(code):
            return None
        if self.kind == "category":
            return self.categories[int(code)]
        if self.kind == "date":
            return iso_date(code)
        return int(code) if code == int(code) and abs(code) < 2**53 else float(code)

    @cached_property
    def _codes(self) -> Mapping[str, float]:
        return {category: float(code) for code, category in enumerate(self.categories)}

    def _encode_categories(self, text: pa.ChunkedArray) -> Floats:
        codes = pc.index_in(text, value_set=pa.array(self.categories, pa.string()))
        self._refuse(
            text, pc.and_(pc.is_valid(text), pc.is_null(codes)), "must be a known category"
        )
        return _floats(codes)

    def _encode_dates(self, values: pa.ChunkedArray) -> Floats:
        try:
            return days_since_epoch(values)
        except (ValueError, OverflowError):
            wrong = next(
                text for text in as_text(values).drop_null().to_pylist() if not is_iso_date(text)
            )
            raise InputError(
                self.name, "must be an ISO 8601 date or time that exists", wrong
            ) from None

    def _encode_numbers(self, values: pa.ChunkedArray) -> Floats:
        if _is_numeric(_value_type(values)):
            numbers = _floats(values)
        else:
            text = as_text(values)
            self._refuse(
                text, _not_numeric(text), "must be a number, as in the model's first table"
            )
            # Arrow parses no leading plus sign.
            numbers = _floats(pc.replace_substring_regex(text, r"^\+", "").cast(pa.float64()))
        numbers[~np.isfinite(numbers)] = np.nan
        return numbers

    def _refuse(self, text: pa.ChunkedArray, wrong: pa.ChunkedArray, rule: str) -> None:
        if pc.any(wrong).as_py():
            raise InputError(self.name, rule, text.filter(wrong)[0].as_py())


@dataclass(frozen=True)
class Encoding:
    """All feature columns, in the order of the feature service."""

    columns: tuple[Column, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Feature names in order."""
        return tuple(column.feature for column in self.columns)

    def encode(self, table: pa.Table) -> Floats:
        """Encode a table's columns as (n, k) float64, NaN for missing; errors as `Column`."""
        return np.column_stack([column.encode(table[column.name]) for column in self.columns])

    def grown(self, table: pa.Table) -> "Encoding":
        """The same encoding with the table's new categories appended, in sorted order."""
        return Encoding(
            tuple(_with_categories(column, table[column.name]) for column in self.columns)
        )

    def to_json(self) -> list[dict[str, Any]]:
        """The encoding as JSON."""
        return [to_document(column) for column in self.columns]

    @classmethod
    def from_json(cls, document: object) -> "Encoding":
        """Read back what `to_json` wrote; InputError names what is missing or of another kind."""
        return cls(read_document(tuple[Column, ...], document, "encoding.json"))


def infer_encoding(
    table: pa.Table,
    names: Sequence[str],
    kinds: Mapping[str, tuple[Kind, str]] | None = None,
) -> Encoding:
    """Decide what each of the named columns is.

    Parameters
    ----------
    table : pyarrow.Table
        Of plain types.
    names : sequence of str
        Columns to use, none of them all-missing.
    kinds : mapping of str to (kind, why), optional
        What was decided already.

    Raises
    ------
    InputError
        A column holds nested or binary values.
    """
    columns = []
    taken: set[str] = set()
    for position, name in enumerate(names):
        feature = _feature_name(name, position, taken)
        kind, why = kinds[name] if kinds else _infer_kind(name, table[name])
        column = Column(name=name, feature=feature, kind=kind, why=why, categories=())
        columns.append(_with_categories(column, table[name]))
    return Encoding(tuple(columns))


def _feature_name(name: str, position: int, taken: set[str]) -> str:
    plain = name.lower()
    if not _PLAIN_NAME.fullmatch(plain) or plain in _RESERVED or plain in taken:
        slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40]
        plain = f"{slug}_c{position}" if slug[:1].isalpha() else f"c{position}"
        while plain in taken:
            plain += "x"
    taken.add(plain)
    return plain


def _infer_kind(name: str, values: pa.ChunkedArray) -> tuple[Kind, str]:
    kind = _value_type(values)
    if pa.types.is_boolean(kind):
        return "category", "true or false"
    if _is_numeric(kind):
        return "number", "numeric column"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "date", "date column" if pa.types.is_date(
            kind
        ) or kind.tz else "date column, read as UTC"
    if not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    ):
        raise InputError(
            name,
            "must hold numbers, text, dates or true and false; leave it out with --drop",
            str(kind),
        )
    return _infer_kind_of_text(as_text(values).drop_null())


def _infer_kind_of_text(text: pa.ChunkedArray) -> tuple[Kind, str]:
    words = pc.sum(_not_numeric(text)).as_py() or 0
    if words == 0:
        if pc.any(pc.match_substring_regex(text, _LEADING_ZERO)).as_py():
            return "category", "digits with leading zeros are codes"
        return "number", "every value is a number"
    if pc.all(pc.match_substring_regex(text, ISO_8601)).as_py():
        if all(is_iso_date(value) for value in pc.unique(text).to_pylist()):
            return "date", "every value is an ISO 8601 date"
        return "category", "looks like dates, but some do not exist"
    if words < len(text):
        return "category", f"numbers mixed with words ({words} of {len(text)} are words)"
    return "category", "text"


def _value_type(values: pa.ChunkedArray) -> pa.DataType:
    return values.type.value_type if pa.types.is_dictionary(values.type) else values.type


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _not_numeric(text: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.invert(pc.match_substring_regex(text, _NUMBER))


def _floats(values: pa.ChunkedArray) -> Floats:
    return np.array(
        values.cast(_value_type(values)).cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64
    )


def _with_categories(column: Column, values: pa.ChunkedArray) -> Column:
    if column.kind != "category":
        return column
    known = set(column.categories)
    new = sorted(set(pc.unique(as_text(values).drop_null()).to_pylist()) - known)
    return replace(column, categories=(*column.categories, *new))


def _plain_text(name: str, value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.strip() if isinstance(value, str) else number_text(_float(name, value))


def _float(name: str, value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not np.isfinite(number):
        raise InputError(name, "must be a finite number or null", value)
    return number


def read_encoding(directory: Path) -> Encoding:
    """Read a repository's ``encoding.json``."""
    return Encoding.from_json(json.loads((directory / "encoding.json").read_text(encoding="utf-8")))


def find_encoding(directory: Path) -> Encoding | None:
    """A repository's encoding; None where it has none, not being of a team's own table."""
    return read_encoding(directory) if (directory / "encoding.json").exists() else None
