"""Reading a spreadsheet's sheet: every column as text, as its cells show it."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from features.encoding.reading import number_text
from features.table_files.header import usable_names
from features.table_files.header_line import find_header, skipped_lines
from holdfast.errors import InputError

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

_HEAD_ROWS = 200


def read_workbook(path: PurePath, content: bytes | None = None) -> tuple[pa.Table, list[str]]:
    """Read the first sheet that holds a table.

    Parameters
    ----------
    path : Path
        ``.xlsx`` or another kind of spreadsheet.
    content : bytes, optional
        Its bytes, where it lies elsewhere.

    Returns
    -------
    table : pyarrow.Table
        Columns of text; dates in ISO 8601.
    notes : list of str
        Which sheet was read, and what was skipped.

    Raises
    ------
    InputError
        It is no spreadsheet, protected, or empty.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = (
            CalamineWorkbook.from_path(str(path))
            if content is None
            else CalamineWorkbook.from_filelike(BytesIO(content))
        )
        sheets = [
            (sheet.name, _numbered(sheet))
            for sheet in map(book.get_sheet_by_name, book.sheet_names)
        ]
    except (CalamineError, OSError) as error:
        raise InputError("TABLE", f"cannot be read as a spreadsheet: {error}", path.name) from None
    filled = [(name, rows) for name, rows in sheets if sum(_filled(row) for _, row in rows) > 1]
    if not filled:
        raise InputError("TABLE", "must have a header line with column names", path.name)
    name, numbered = filled[0]
    notes = []
    if len(filled) > 1:
        others = ", ".join(repr(other) for other, _ in filled[1:])
        notes.append(f"sheet {name!r} is read, and not {others}")
    lines, rows = [number for number, _ in numbered], [row for _, row in numbered]
    head = [[_text(cell) for cell in row] for row in rows[:_HEAD_ROWS]]
    place = find_header(head, lines, len(rows[0]))
    if place:
        notes.append(skipped_lines(lines[:place]))
    names, more = usable_names(head[place])
    columns = zip(*rows[place + 1 :], strict=True) if len(rows) > place + 1 else [()] * len(names)
    arrays = {
        title: pa.array([_text(cell) for cell in cells], pa.string())
        for title, cells in zip(names, columns, strict=True)
    }
    return pa.table(arrays), [*notes, *more]


def _numbered(sheet: "CalamineSheet") -> list[tuple[int, list[Any]]]:
    """Rows of a sheet that hold something, each with its number."""
    first = sheet.start[0] + 1 if sheet.start else 1
    return [(number, row) for number, row in enumerate(sheet.to_python(), first) if _filled(row)]


def _filled(row: Sequence[Any]) -> int:
    return sum(cell not in ("", None) for cell in row)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return number_text(cell) if cell == cell and abs(cell) != float("inf") else str(cell)
    if isinstance(cell, datetime):
        midnight = cell.time() == time()
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return number_text(cell.total_seconds())
    return str(cell)
