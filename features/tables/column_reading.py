"""How one column is read: what it holds, what means missing in it, and how its values are written.

A reading is a value: the same reading gives the same values for a table, a later table, and a row
sent to the service.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.encoding.reading import as_text
from features.formats.date_format import Order, counted_times, parse_dates
from features.formats.number_format import PLAIN_NUMBERS, NumberFormat
from holdfast.arrays import Floats

ReadingKind = Literal["number", "category", "date", "flag", "id", "text"]
KINDS: tuple[ReadingKind, ...] = ("number", "category", "date", "flag", "id", "text")
LetterCase = Literal["ignore", "keep"]
FEATURE_KINDS = frozenset({"number", "category", "date", "flag"})
"""Kinds that become features; ids and texts do not."""
MOST_EXAMPLES = 3
_PLAIN_NUMBER = r"^-?\d+(\.\d+)?$"
_DAY = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
_NOT_FINITE = r"(?i)^[+-]?(inf(inity)?|∞|nan|\d[\d.,]*e\+?\d{3})$"


@dataclass(frozen=True, kw_only=True)
class ColumnReading:
    """How one column is read.

    Parameters
    ----------
    name : str
        The column's name.
    kind : {"number", "category", "date", "flag", "id", "text"}
        What it holds. A flag is a category of yes and no; an id or a text is no feature.
    why : str
        Why it is of that kind, for a person.
    missing_marks : tuple of str
        Texts that mean missing, blanks around them removed.
    number : NumberFormat
        How numbers are written, where it holds numbers.
    order : str or None
        How dates are written, where it holds dates; None for a column that has dates by its type.
    letter_case : {"ignore", "keep"} or None
        Whether texts that differ in case only are one category; None where nobody said.
    unread_share : float
        Share of its cells, neither blank nor a mark, that do not fit: they are missing.
    unread_examples : tuple of str
        At most three of them; none of personal data.
    personal : bool
        Whether it says who a person is, so that its values are not shown.
    question : str
        What is in doubt; empty where nothing is.
    choices : tuple of dict
        Answers to the question, as keys of the plan file.
    """

    name: str
    kind: ReadingKind
    why: str
    missing_marks: tuple[str, ...] = ()
    number: NumberFormat = PLAIN_NUMBERS
    order: Order | None = None
    letter_case: LetterCase | None = None
    unread_share: float = 0.0
    unread_examples: tuple[str, ...] = ()
    personal: bool = False
    question: str = ""
    choices: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_feature(self) -> bool:
        """Whether its values can be a feature."""
        return self.kind in FEATURE_KINDS

    def read(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """A column's values: numbers as float64, dates as timestamps, else text; null where missing
        or not fitting.
        """
        if self.kind == "number" and _is_numeric(values.type):
            return _without(values, self._marked_numbers())
        if self.kind == "date" and _is_temporal(values.type):
            return _without(values, self._marked_days())
        if self.kind == "number" and self.number == PLAIN_NUMBERS:
            plain = self._plain_numbers(values)
            if plain is not None:
                return plain
        text = self._text(values)
        if self.kind == "number":
            return self._numbers(text)
        if self.kind == "date":
            return self._dates(text)
        return pc.utf8_lower(text) if self.letter_case == "ignore" else text

    def unread(self, values: pa.ChunkedArray, read: pa.ChunkedArray) -> list[str]:
        """Cells that hold something which the reading does not read."""
        if self.kind not in ("number", "date") or read.type == values.type:
            return []
        text = self._text(values.filter(pc.is_null(read))).drop_null()
        if self.kind == "number":
            # What is too large to be finite was read, and is missing.
            text = text.filter(pc.invert(pc.match_substring_regex(text, _NOT_FINITE)))
        unread: list[str] = text.to_pylist()
        return unread

    def to_json(self) -> dict[str, Any]:
        """As JSON: name, kind, missing_marks and unread_share, and what else is not as usual."""
        document: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "why": self.why,
            "missing_marks": list(self.missing_marks),
            "unread_share": self.unread_share,
            **self.format(),
        }
        if self.unread_examples and not self.personal:
            document["unread_examples"] = list(self.unread_examples)
        if self.personal:
            document["personal"] = True
        if self.question:
            document["question"] = self.question
        return document

    def stored(self) -> dict[str, Any]:
        """As JSON for a model version: what reading a row needs, and no cells."""
        return {
            "name": self.name,
            "kind": self.kind,
            "missing_marks": list(self.missing_marks),
            **self.format(),
        }

    def format(self) -> dict[str, str]:
        """How its values are written, without what is as usual."""
        if self.kind == "number":
            return self.number.to_json()
        if self.kind == "date":
            return {"order": self.order} if self.order else {}
        return {"letter_case": self.letter_case} if self.letter_case else {}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "ColumnReading":
        """Read back what `to_json` wrote."""
        return cls(
            name=document["name"],
            kind=document["kind"],
            why=document.get("why", ""),
            missing_marks=tuple(document.get("missing_marks", ())),
            number=NumberFormat.from_json(document),
            order=document.get("order"),
            letter_case=document.get("letter_case"),
            unread_share=document.get("unread_share", 0.0),
            unread_examples=tuple(document.get("unread_examples", ())),
            personal=document.get("personal", False),
        )

    def _text(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        text = as_text(values)
        if not self.missing_marks:
            return text
        marks = pc.is_in(text, value_set=self.marks_in(text))
        return pc.if_else(marks, pa.scalar(None, pa.string()), text)

    def marks_in(self, text: pa.ChunkedArray | pa.Array) -> pa.Array:
        """The marks, and texts of a column that hold the same number or day."""
        marks = pa.array(self.missing_marks, pa.string())
        if self.kind == "number" and len(numbers := self._marked_numbers()):
            different = pa.array(pc.unique(text.drop_null()).to_pylist(), pa.string())
            same = pa.array(np.isin(self.number.parse(different), numbers))
        elif self.kind == "date" and len(days := self._marked_days()):
            different = pa.array(pc.unique(text.drop_null()).to_pylist(), pa.string())
            times = parse_dates(different, self.order or "ymd").times
            same = pa.array(np.isin(times.astype("datetime64[D]"), days))
        else:
            return marks
        return pa.concat_arrays([marks, different.filter(same)])

    def _marked_numbers(self) -> Floats:
        """Numbers among the marks, such as -9999."""
        marks = filter(re.compile(_PLAIN_NUMBER).match, self.missing_marks)
        return np.array(list(map(float, marks)), dtype=np.float64)

    def _marked_days(self) -> NDArray[np.datetime64]:
        """Days among the marks, such as 9999-12-31."""
        marks = filter(re.compile(_DAY).match, self.missing_marks)
        return np.array(list(marks), dtype="datetime64[D]")

    def _plain_numbers(self, values: pa.ChunkedArray) -> pa.ChunkedArray | None:
        """Numbers that are written as machines do; None where a cell is neither such a number nor
        missing.
        """
        import polars as pl

        if not len(values) or not pa.types.is_string(values.type):
            return None
        series = pl.Series(pl.from_arrow(values))
        quick = series.cast(pl.Float64, strict=False)
        others = series.filter(quick.is_null() & series.is_not_null()).to_arrow()
        text = self._text(pa.chunked_array([others.cast(pa.string())]))
        marks = pl.Series(self.missing_marks, dtype=pl.String).cast(pl.Float64, strict=False)
        if text.null_count < len(text) or marks.is_not_null().any():
            return None
        return pa.chunked_array([_finite(np.array(quick.to_numpy()))])

    def _numbers(self, text: pa.ChunkedArray) -> pa.ChunkedArray:
        different = pc.unique(text.drop_null())
        different = (
            different.combine_chunks() if isinstance(different, pa.ChunkedArray) else different
        )
        numbers = _finite(self.number.parse(different))
        return _spread(text, different, numbers)

    def _dates(self, text: pa.ChunkedArray) -> pa.ChunkedArray:
        different = pc.unique(text.drop_null())
        dates = parse_dates(different, self.order or "ymd")
        zone = "UTC" if dates.zoned else None
        times = pa.array(dates.times).cast(pa.timestamp("us"))
        return _spread(text, different, times.cast(pa.timestamp("us", zone)) if zone else times)


def _without(values: pa.ChunkedArray, marked: Any) -> pa.ChunkedArray:
    """Numbers or times, null where they are marked, numbers or days."""
    if not len(marked):
        return values
    if _is_temporal(values.type):
        same = values.cast(pa.timestamp("us")).to_numpy().astype("datetime64[D]")
    else:
        same = values.cast(pa.float64(), safe=False).to_numpy()
    return pc.if_else(pa.array(np.isin(same, marked)), pa.scalar(None, values.type), values)


def serial_dates(numbers: pa.ChunkedArray) -> pa.ChunkedArray:
    """Dates of a column of a spreadsheet's day numbers."""
    days = np.array(numbers.cast(pa.float64()).to_numpy(), dtype=np.float64)
    return pa.chunked_array([pa.array(counted_times(days, "excel"))])


def _spread(text: pa.ChunkedArray, different: pa.Array, values: pa.Array) -> pa.ChunkedArray:
    places = pc.index_in(text, value_set=different)
    return pa.chunked_array([values.take(places.combine_chunks())])


def _finite(numbers: Any) -> pa.Array:
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    return pa.array(numbers, pa.float64(), from_pandas=True)


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _is_temporal(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
