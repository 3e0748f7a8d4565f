"""Quotation marks that were opened and not closed, so that one field swallows rows."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_LINE_FEED = 10
_NUMBER = re.compile(r"[+-]?\d[\d.,:/-]*")
_MANY_LINES = 20
"""Lines inside one field from which on they are rows by their number of fields alone."""


def may_have_swallowed(table: pa.Table, delimiter: str) -> bool:
    """Whether some field holds enough delimiters and line breaks to be several rows.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of text, as a CSV reader gives them.
    delimiter : str
        What parts fields.
    """
    width = table.num_columns
    for column in table.columns:
        if width < 2 or not _has_line_feed(column):
            continue
        cells = column.filter(pc.match_substring(column, "\n"))
        cells = pc.utf8_trim(cells, "\r\n")
        breaks = pc.count_substring(cells, "\n")
        delimiters = pc.count_substring(cells, delimiter)
        # The rest of the first row and the beginning of the last one make one row together.
        enough = pc.greater_equal(delimiters, pc.multiply(breaks, width - 1))
        if pc.any(pc.and_(enough, pc.greater(breaks, 0))).as_py():
            return True
    return False


def _has_line_feed(column: pa.ChunkedArray) -> bool:
    for chunk in column.chunks:
        characters = chunk.buffers()[2]
        if characters is not None and (np.frombuffer(characters, np.uint8) == _LINE_FEED).any():
            return True
    return False


def open_quotation(content: bytes, start: int, delimiter: str, width: int) -> int | None:
    """The byte of a quotation mark that swallows rows; None where each is closed as meant.

    A field that holds line breaks swallows rows where the text ends inside it, where its closing
    mark is followed by more of a field (it opened another one), or where each whole line inside it
    has a row's number of fields with numbers among them.

    Parameters
    ----------
    content : bytes
        The file's text.
    start : int
        Where its rows begin.
    delimiter : str
        What parts fields.
    width : int
        How many fields a row has.
    """
    sign = re.escape(delimiter.encode())
    field = re.compile(
        rb'(?<![^\n\r' + sign + rb'])"(?P<text>(?:[^"]++|"")*+)(?P<end>"|\Z)(?P<more>[^\n\r' + sign + rb"]?)"
    )  # fmt: skip
    for match in field.finditer(content, start):
        text = match["text"].rstrip(b"\r\n")
        if b"\n" not in text:
            continue
        lines = text.decode("utf-8", "replace").split("\n")[1:-1]
        if not match["end"] or match["more"].strip() or _are_rows(lines, delimiter, width):
            return match.start()
    return None


def _are_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    rows = [line.strip("\r").split(delimiter) for line in lines]
    if not rows or any(len(fields) != width for fields in rows):
        return False
    numbers = [
        all(_NUMBER.fullmatch(fields[place].strip()) for fields in rows) for place in range(width)
    ]
    return any(numbers) or len(rows) >= _MANY_LINES
