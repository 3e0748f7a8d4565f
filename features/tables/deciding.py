"""Deciding how a column is read, from its own cells."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.encoding.reading import as_text
from features.formats.clock import CLOCK_UNITS
from features.formats.number_format import (
    PLAIN_NUMBERS,
    NumberFinding,
    find_number_format,
    marked_numbers,
)
from features.settings import ReadingSettings
from features.tables.cells import (
    MOST_MARKS,
    Cells,
    hardly_any,
    missing_by_evidence,
    sampled_cells,
    unread_question,
)
from features.tables.column_reading import ColumnReading, ReadingKind
from features.tables.deciding_dates import decide_counted, decide_date, epoch_note, may_be_dates
from features.tables.missing_words import unmistakable_words, usual_words
from features.tables.personal import named_personal, personal_kind
from holdfast.arrays import Floats

FLAG_WORDS = frozenset(
    [
        "yes",
        "no",
        "y",
        "n",
        "true",
        "false",
        "t",
        "f",
        "on",
        "off",
        "是",
        "否",
        "有",
        "没有",
        "sí",
        "si",
        "да",
        "нет",
        "ja",
        "nein",
        "oui",
        "non",
        "sim",
        "não",
        "nao",
        "tak",
        "nie",
        "evet",
        "hayır",
        "true.",
        "false.",
    ]
)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity|∞)", re.IGNORECASE)
_FEWEST_NUMBERS = 20
"""Different numbers from which on a column of numbers and a recurring word is one of numbers."""
_LIKE_A_WORD = r"^\D*$|^-?1\.#|^0000-00-00|^00[/.]00[/.]0000$"
"""What no word for missing is without."""
_LONGEST_WORD = 40  # bytes
_CODE_SHARE = 0.05
_RARE_SHARE = 0.1
_FEWEST_CODES = 5
_DISTINCT_SHARE = 0.95
_FEWEST_DISTINCT = 50
_SAMPLE = 1000


def decide_reading(name: str, values: pa.ChunkedArray, settings: ReadingSettings) -> ColumnReading:
    """Decide how a column is read.

    Parameters
    ----------
    name : str
        Its name.
    values : (n,) pyarrow array
        As the file holds it, of a plain type.
    settings : ReadingSettings
        From which share of cells that do not fit on it is a question.
    """
    kind = values.type
    if named_personal(name) and pa.types.is_integer(kind):
        personal = _as_personal(name, Cells.of(as_text(values)), ())
        if personal is not None:
            return personal
    if pa.types.is_boolean(kind):
        return ColumnReading(name=name, kind="flag", why="true or false")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _typed_number(name, values)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zoned = pa.types.is_date(kind) or kind.tz
        return ColumnReading(
            name=name, kind="date", why="date column" if zoned else "date column, read as UTC"
        )
    if pa.types.is_null(kind):
        return ColumnReading(name=name, kind="category", why="holds nothing")
    if not pa.types.is_string(kind):
        return ColumnReading(
            name=name,
            kind="text",
            why=f"{kind}: no feature",
            question=f"must hold numbers, text, dates or true and false, not {kind}; leave it out with --drop",
            choices=({"kind": "text"},),
        )
    # Telephone numbers of digits alone would be numbers.
    quick = None if named_personal(name) else _quick_number(name, values)
    if quick is not None:
        return quick
    return _decide_text(name, Cells.of(as_text(values)), settings)


def _typed_number(name: str, values: pa.ChunkedArray) -> ColumnReading:
    """The reading of a column that has numbers by its type: they may count time."""
    plain = ColumnReading(name=name, kind="number", why="numeric column")
    ends = pc.min_max(values).as_py()
    if ends["min"] is None or ends["min"] < 0 or not ends["max"] > 0:
        return plain
    numbers = np.array(pc.unique(values.drop_null()).cast(pa.float64(), safe=False))
    numbers = numbers[np.isfinite(numbers)]
    if not may_be_dates(numbers):
        return plain
    note = epoch_note(numbers)
    return decide_counted(name, numbers) or (
        replace(plain, why=f"numeric column; {note}") if note else plain
    )


def _quick_number(name: str, values: pa.ChunkedArray) -> ColumnReading | None:
    """The reading of a column of plain numbers, blanks and few words for missing; None where it
    needs a closer look.
    """
    import polars as pl

    if not len(values):
        return None
    series = pl.Series(pl.from_arrow(values))
    numbers = series.cast(pl.Float64, strict=False)
    missed = numbers.is_null() & series.is_not_null()
    if numbers.null_count() == len(series) or missed.mean() > 0.5:  # type: ignore[operator]
        return None
    cells = Cells.of(
        as_text(pa.chunked_array([series.filter(missed).to_arrow().cast(pa.string())]))
    )
    words = usual_words(cells.texts.to_pylist()) if len(cells.texts) <= MOST_MARKS * 4 else ()
    if len(cells.without(words).texts) or _has_codes_or_groups(values):
        return None
    present = numbers.drop_nulls().to_numpy()
    finite = present[np.isfinite(present)]
    if not len(finite):
        return None
    note = ""
    if may_be_dates(finite):
        different = np.unique(finite)
        note = epoch_note(different)
        if not note or decide_counted(name, different) is not None:
            return None
    if words and not _many(finite):
        return None
    why = "; ".join(filter(None, (_number_why(words), note)))
    return ColumnReading(name=name, kind="number", why=why, missing_marks=words)


def _has_codes_or_groups(values: pa.ChunkedArray) -> bool:
    """Whether some cell begins with a zero as a code does, or all with a point might be grouped."""
    first = pc.or_(pc.starts_with(values, "0"), pc.starts_with(values, " "))
    zeros = values.filter(pc.fill_null(first, False))
    if pc.any(pc.match_substring_regex(zeros, r"^\s*0\d")).as_py():
        return True
    head = values.slice(0, _SAMPLE)
    proof = r"\.(\d{1,2}|\d{4,})\s*$|^\s*[+-]?0?\.|^\s*[+-]?\d{4,}|[eE]"
    if pc.any(pc.match_substring_regex(head, proof)).as_py():
        return False
    return bool(pc.any(pc.match_substring(values, ".")).as_py())


def _many(numbers: Floats) -> bool:
    """Whether numbers are quantities beyond doubt: many different ones, or fractions."""
    return len(np.unique(numbers)) >= _FEWEST_NUMBERS or bool(np.any(numbers % 1 != 0))


def _decide_text(name: str, cells: Cells, settings: ReadingSettings) -> ColumnReading:
    # Words for missing are short: of a million different texts hardly any has to be looked at.
    short = cells.texts.filter(pc.less_equal(pc.binary_length(cells.texts), _LONGEST_WORD))
    odd = short.filter(pc.match_substring_regex(short, _LIKE_A_WORD))
    listed: list[str] = odd.to_pylist()
    unmistakable = unmistakable_words(listed)
    usual = tuple(dict.fromkeys((*usual_words(listed), *(t for t in listed if _is_not_finite(t)))))
    rest = cells.without(usual)
    if not len(rest.texts):
        if not usual:
            return ColumnReading(name=name, kind="category", why="holds nothing")
        marks = (
            usual
            if len(unmistakable) == len(listed) or all(map(_is_not_finite, listed))
            else unmistakable
        )
        return ColumnReading(name=name, kind="category", why="text", missing_marks=marks)
    personal = _as_personal(name, rest, unmistakable)
    if personal is not None:
        return personal
    reading = decide_date(name, rest, settings) or _as_number(name, rest, settings)
    if reading is not None:
        marks = tuple(dict.fromkeys((*usual, *reading.missing_marks)))
        why = reading.why
        if reading.kind == "number":
            notes = _number_why(marks, reading.why), _epoch_note(rest)
            why = "; ".join(note for note in notes if note)
        marks = tuple(mark for mark in marks if reading.kind != "number" or not _is_infinite(mark))
        return replace(reading, missing_marks=marks, why=why)
    flags = tuple(word for word in usual if word.casefold() not in FLAG_WORDS)
    if flags and _is_flag(cells.without(flags)):
        return ColumnReading(name=name, kind="flag", why="yes or no", missing_marks=flags)
    return _as_words(name, cells.without(unmistakable), unmistakable)


def _as_personal(name: str, cells: Cells, marks: tuple[str, ...]) -> ColumnReading | None:
    sampled = cells.texts.slice(0, _SAMPLE).to_pylist()
    personal = personal_kind(name, sampled, len(cells.texts), cells.total)
    if personal is None:
        return None
    kind: ReadingKind = "text" if personal == "names of people" else "id"
    why = f"{personal}: no feature, never shown; --columns can say otherwise"
    return ColumnReading(name=name, kind=kind, why=why, personal=True, missing_marks=marks)


def _epoch_note(cells: Cells) -> str:
    if not pc.all(pc.match_substring_regex(cells.texts, r"^(0|\d{9,16})$")).as_py():
        return ""
    return epoch_note(np.array(cells.texts.cast(pa.float64())))


def _is_not_finite(text: str) -> bool:
    return _NOT_FINITE.fullmatch(text) is not None


def _is_infinite(text: str) -> bool:
    return _is_not_finite(text) and "nan" not in text.lower()


def _as_number(name: str, cells: Cells, settings: ReadingSettings) -> ColumnReading | None:
    texts, counts = sampled_cells(cells)
    finding = find_number_format(texts, counts)
    first = finding.formats[0]
    if hardly_any(~np.isnan(finding.numbers), cells):
        return None
    numbers = finding.numbers if len(texts) == len(cells.texts) else first.parse(cells.texts)
    read = ~np.isnan(numbers)
    if float(cells.counts[read].sum()) < 0.5 * cells.total:
        return None
    codes = _codes(cells, read)
    if codes is not None and codes > _CODE_SHARE:
        return None
    marked = cells.where(read & marked_numbers(cells.texts))
    if len(marked.texts) and not _many(numbers[read]):
        return None  # some groups, such as 1, 2 and 3+
    if first.unit.isalpha() and len(np.unique(numbers[read])) < _FEWEST_CODES:
        return None  # names of groups, such as 4G and 5G
    unread = cells.where(~read)
    marks: tuple[str, ...] = ()
    if len(unread.texts):
        # One rare word loses nothing as missing; several among few numbers are categories.
        rare = len(unread.texts) == 1 and unread.total <= _RARE_SHARE * cells.total
        if not _many(numbers[read]) and not (rare and read.sum() >= _FEWEST_CODES):
            return None
        unread, marks = missing_by_evidence(unread, cells, settings)
    share = unread.total / cells.total
    question, choices = _number_question(cells, finding, unread, share, settings)
    why = (
        "" if first == PLAIN_NUMBERS else f"numbers written as {cells.where(read).examples()[0]!r}"
    )
    if first.unit in CLOCK_UNITS:
        why += ", as a number of their smallest part"
    if len(marked.texts):
        shown = ", ".join(map(repr, marked.examples()))
        why = (why + "; " if why else "numbers; ") + f"marks as in {shown} are left out"
    if codes:
        why = (why + "; " if why else "") + "a few begin with a zero"
    return ColumnReading(
        name=name, kind="number", number=first, why=why, missing_marks=marks, unread_share=share,
        unread_examples=unread.examples(), question=question, choices=choices,
    )  # fmt: skip


def _codes(cells: Cells, read: Any) -> float | None:
    """Share of cells that begin with a zero as codes do; 1 where all have the same length; None
    without any.
    """
    codes = np.array(pc.match_substring_regex(cells.texts, r"^0\d+$"))
    if not codes.any():
        return None
    lengths = np.array(pc.utf8_length(cells.texts))[read]
    digits = np.array(pc.match_substring_regex(cells.texts, r"^\d+$"))[read]
    if digits.all() and len(set(lengths.tolist())) == 1:
        return 1.0
    return float(cells.counts[codes].sum()) / cells.total


def _number_question(
    cells: Cells, finding: NumberFinding, unread: Cells, share: float, settings: ReadingSettings
) -> tuple[str, tuple[dict[str, Any], ...]]:
    if len(finding.formats) > 1:
        place = next(
            k
            for k, text in enumerate(cells.texts.to_pylist())
            if len({float(f.parse(pa.array([text]))[0]) for f in finding.formats[:2]}) > 1
        )
        text = cells.texts[place].as_py()
        shown = " or ".join(f"{f.parse(pa.array([text]))[0]:.15g}" for f in finding.formats)
        return f"{text!r} may be {shown}, and no cell decides it", tuple(
            {
                "kind": "number",
                "decimal": f.decimal,
                "thousands": f.thousands,
                **({"unit": f.unit} if f.unit else {}),
            }
            for f in finding.formats
        )
    first = {"kind": "number", **finding.formats[0].to_json(), "accept_unread": True}
    if finding.problem:
        return (
            f"{finding.problem}: {', '.join(map(repr, unread.examples() or cells.examples()))}",
            (first, {"kind": "category"}),
        )
    if share > settings.unread_share:
        return unread_question(unread, share, "numbers"), (first, {"kind": "category"})
    return "", ()


def _number_why(marks: Sequence[str], why: str = "") -> str:
    return why or ("numbers, and words for missing" if marks else "every value is a number")


def _is_flag(cells: Cells) -> bool:
    if not 2 <= len(cells.texts) <= 8:
        return False
    plain = {text.casefold() for text in cells.texts.to_pylist()}
    return plain <= FLAG_WORDS and len(plain) >= 2


def _as_words(name: str, cells: Cells, marks: tuple[str, ...]) -> ColumnReading:
    listed = cells.texts.slice(0, _SAMPLE).to_pylist()
    distinct = len(cells.texts)
    if _is_flag(cells):
        return ColumnReading(name=name, kind="flag", why="yes or no", missing_marks=marks)
    if distinct >= _FEWEST_DISTINCT and distinct >= _DISTINCT_SHARE * cells.total:
        spaced = sum(" " in text for text in listed) > 0.5 * len(listed)
        words: ReadingKind = "text" if spaced else "id"
        why = "free text" if spaced else "hardly two cells are equal"
        return ColumnReading(name=name, kind=words, why=f"{why}: no feature", missing_marks=marks)
    digits = np.array(pc.match_substring_regex(cells.texts, r"^\d+$"))
    zero = np.array(pc.match_substring_regex(cells.texts, r"^0\d"))
    if digits.all() and zero.any():
        why = "digits with leading zeros are codes"
    elif digits.any():
        others = int(cells.counts[~digits].sum())
        why = f"numbers mixed with words ({others} of {int(cells.total)} are words)"
    else:
        why = "text"
    return ColumnReading(name=name, kind="category", why=why, missing_marks=marks)
