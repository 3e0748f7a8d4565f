"""Which line of a file is its header: a line of names, not of data."""

import re
from collections.abc import Sequence
from itertools import pairwise

from holdfast.errors import InputError

_NUMBER = re.compile(r"[^\w.+-]{0,2}[+-]?\d[\d.,:/ ]*(?:-\d+)*\s*%?")
_MOST_BEFORE = 20
_SHOWN_ROWS = 50


def find_header(records: Sequence[Sequence[str]], lines: Sequence[int], width: int) -> int:
    """The place of the header among a file's first rows.

    Parameters
    ----------
    records : sequence of sequences of str
        Fields of the first rows that are not blank.
    lines : sequence of int
        Where each begins in the file, from 1 on.
    width : int
        How many fields most rows have.

    Raises
    ------
    InputError
        A header has another number of names than rows have fields, or no line holds names.
    """
    wide = [
        k
        for k, fields in enumerate(records)
        if len(trimmed_names(fields, width)) in (width, width - 1) and len(fields) > 1
    ]
    # A spreadsheet pads a title with blank fields.
    place = next((k for k in wide if 2 * _filled(records[k]) >= width), (wide or [0])[0])
    if width == 1 or place > _MOST_BEFORE:
        place = 0
    for fields, line in zip(records[:place], lines, strict=False):
        names = _filled(fields)
        # A title has a field or two.
        if names > 2 and 2 * names >= width and not _is_data(fields):
            raise InputError(
                "TABLE",
                f"must have a name for each column in its header; line {line} has {len(fields)} "
                f"fields, most rows have {width}",
            )
    body = records[place + 1 :][:_SHOWN_ROWS]
    if _is_data(records[place]) and (place or _like_rows(records[place], body)):
        raise InputError(
            "TABLE",
            f"must have a header line with column names; line {lines[place]} holds data",
        )
    return place


def trimmed_names(fields: Sequence[str], width: int) -> Sequence[str]:
    """A header's fields without blank ones at the end that rows do not have."""
    end = len(fields)
    while end > width and not fields[end - 1].strip():
        end -= 1
    return fields[:end]


def skipped_lines(lines: Sequence[int]) -> str:
    """A note on lines before the header; without their text, which may be data."""
    shown = f"line {lines[0]}" if len(lines) == 1 else f"lines {lines[0]} to {lines[-1]}"
    return f"{shown} before the header {'is' if len(lines) == 1 else 'are'} skipped"


def _filled(fields: Sequence[str]) -> int:
    return sum(bool(field.strip()) for field in fields)


def _is_data(fields: Sequence[str]) -> bool:
    """Whether some field is a number that is no name.

    Names may be years, months or days that rise from column to column, or the columns' places.
    """
    numbers = [field.strip() for field in fields if _NUMBER.fullmatch(field.strip())]
    if not numbers:
        return False
    values = [tuple(map(int, re.findall(r"\d+", number))) for number in numbers]
    if len(numbers) == len(fields):
        return values not in (_counted(0, len(fields)), _counted(1, len(fields)))
    if numbers[0] == fields[0].strip():
        return True
    forms = {re.sub(r"\d+", "9", number) for number in numbers}
    rising = all(before < after for before, after in pairwise(values))
    if len(forms) > 1 or not rising or "." in numbers[0]:
        return True
    return len(numbers) == 1 and not 1900 <= values[0][0] <= 2100


def _counted(first: int, length: int) -> list[tuple[int, ...]]:
    return [(number,) for number in range(first, first + length)]


def _like_rows(fields: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a line has numbers where rows have them, in half of those columns or more."""
    numeric = [
        place
        for place in range(len(fields))
        if body
        and all(
            not row[place].strip() or _NUMBER.fullmatch(row[place].strip())
            for row in body
            if place < len(row)
        )
    ]
    numbers = sum(_NUMBER.fullmatch(fields[place].strip()) is not None for place in numeric)
    return bool(numeric) and 2 * numbers >= len(numeric)
