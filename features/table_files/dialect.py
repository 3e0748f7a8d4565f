"""How a text file is laid out: delimiter, header line, and lines before it."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from features.table_files.header_line import find_header, skipped_lines, trimmed_names
from holdfast.errors import InputError

DELIMITERS = (",", ";", "\t", "|")
_RECORDS = 200


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A layout.

    Parameters
    ----------
    delimiter : str
        What parts fields.
    header : tuple of str
        The header's fields.
    body_at : int
        Characters before the first row.
    fields : int
        How many fields rows have.
    notes : tuple of str
        What was skipped, for a person.
    """

    delimiter: str
    header: tuple[str, ...]
    body_at: int
    fields: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Record:
    fields: tuple[str, ...]
    start: int
    end: int

    @property
    def blank(self) -> bool:
        return not any(field.strip() for field in self.fields)


def find_dialect(head: str) -> Dialect:
    """Find the layout from the beginning of a text.

    Parameters
    ----------
    head : str
        Whole lines.

    Raises
    ------
    InputError
        It holds nothing.
    """
    notes: list[str] = []
    start = 0
    first = head.split("\n", 1)[0].strip().strip('"')
    delimiters: tuple[str, ...] = DELIMITERS
    if first.lower().startswith("sep=") and len(first) == 5:
        delimiters = (first[4],)
        start = len(head.split("\n", 1)[0]) + 1
        notes.append(f"the line {first!r} names the delimiter")
    candidates = [(d, _records(head, start, d)) for d in delimiters]
    delimiter, records = max(candidates, key=lambda pair: _score(pair[1]))
    if not records:
        raise InputError("TABLE", "must have a header line with column names")
    width = _width(records)
    lines = [head.count("\n", 0, _first_sign(head, record.start)) + 1 for record in records]
    place = find_header([record.fields for record in records], lines, width)
    if place:
        notes.append(skipped_lines(lines[:place]))
    header = records[place]
    return Dialect(
        delimiter=delimiter,
        header=tuple(trimmed_names(header.fields, width)),
        body_at=header.end,
        fields=max(width, 1) if len(records) > place + 1 else len(header.fields),
        notes=tuple(notes),
    )


def _first_sign(head: str, start: int) -> int:
    """Where a record begins after blank lines."""
    while start < len(head) and head[start] in "\r\n":
        start += 1
    return start


def _records(head: str, start: int, delimiter: str) -> list[_Record]:
    """Records that are not blank, with where they stand."""
    ends = [start]
    stream = io.StringIO(head[start:], newline="")

    def counted() -> Iterator[str]:
        for line in stream:
            ends.append(ends[-1] + len(line))
            yield line

    reader = csv.reader(counted(), delimiter=delimiter)
    records: list[_Record] = []
    before = start
    try:
        for fields in reader:
            record = _Record(tuple(fields), before, ends[-1])
            before = ends[-1]
            if not record.blank:
                records.append(record)
            if len(records) > _RECORDS:
                break
    except csv.Error:
        pass  # the records so far say what they say
    return records


def _width(records: list[_Record]) -> int:
    """How many fields most rows have; the header's where there is none."""
    body = records[1:] or records
    ((width, _),) = Counter(len(record.fields) for record in body).most_common(1)
    return width


def _score(records: list[_Record]) -> tuple[float, int]:
    """How well a delimiter fits: the share of records of one width, and that width."""
    if not records:
        return (0.0, 0)
    width = _width(records)
    if width == 1:
        return (0.0, max(len(record.fields) for record in records))
    near = _header_fits(records, width)
    share = sum(len(record.fields) == width for record in records[1:] or records) / max(
        len(records) - 1, 1
    )
    return (share if near else share / 10, width)


def _header_fits(records: list[_Record], width: int) -> bool:
    first = next((r for r in records[:20] if len(r.fields) > 1), records[0])
    return len(trimmed_names(first.fields, width)) in (width, width - 1)
