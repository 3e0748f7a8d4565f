"""Reading delimited text: every column as text, as it is written."""

import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from features.table_files.dialect import Dialect, find_dialect
from features.table_files.header import usable_names
from features.table_files.paths import compression
from features.table_files.quotation import may_have_swallowed, open_quotation
from features.table_files.text_encoding import check_encoding, detect_encoding, marked_encoding
from holdfast.errors import InputError

_HEAD_BYTES = 1 << 20
_MOST_BAD_ROWS = 100
_INVALID_TEXT = "UTF8"

CODECS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", "": None}
"""Arrow's names of how files are compressed, by their endings."""


def read_text_file(path: Path, encoding: str | None = None) -> tuple[pa.Table, list[str]]:
    """Read a text file.

    Parameters
    ----------
    path : Path
        Delimited by comma, semicolon, tab or bar; may be compressed.
    encoding : str, optional
        Where the file is not UTF-8 and a person named the encoding.

    Returns
    -------
    table : pyarrow.Table
        Columns of text, blanks included.
    notes : list of str
        What was decided, for a person.

    Raises
    ------
    InputError
        It is empty, broken, or in an encoding that is not certain.
    """
    try:
        head = open_unpacked(path).read(_HEAD_BYTES)
        marked = marked_encoding(head)
        named = check_encoding(encoding) if encoding else None
        if (named is None and marked is None) or (named or marked.name) in ("utf-8", "utf-8-sig"):  # type: ignore[union-attr]
            try:
                return _read(path, None, head, [])
            except _NotUtf8:
                pass
        content = open_unpacked(path).read()
        if named is not None:
            chosen, why = named, f"encoding {named}, as --encoding says"
        else:
            decided = (
                marked
                if marked and marked.name != "utf-8-sig"
                else detect_encoding(content, path.name)
            )
            chosen, why = decided.name, decided.why
        text = content.decode(chosen).removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").encode()
    except UnicodeDecodeError as error:
        raise InputError(
            "--encoding",
            f"must be the encoding of the file; {error.reason} at byte {error.start}",
            encoding or path.name,
        ) from None
    except (pa.ArrowException, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(error, path) from None
    try:
        return _read(path, text, text[:_HEAD_BYTES], [why])
    except (pa.ArrowException, OSError, EOFError) as error:
        raise _unreadable(error, path) from None


class _NotUtf8(Exception):
    """The text turned out not to be UTF-8."""


def _read(
    path: Path, content: bytes | None, head: bytes, notes: list[str]
) -> tuple[pa.Table, list[str]]:
    text = _whole_lines(head)
    dialect = find_dialect(text)
    mark = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    start = mark + len(text[: dialect.body_at].encode())
    written = list(dialect.header)
    notes = [*notes, *dialect.notes]
    if dialect.delimiter not in (",", ";", "\t", "|"):
        notes.append(f"the delimiter is {dialect.delimiter!r}")
    names, name_notes = usable_names(fitted_header(written, dialect, text))
    notes += name_notes
    bad = _BadRows()
    stream = open_unpacked(path) if content is None else pa.BufferReader(content)
    stream.read(start)
    try:
        table = _parse(stream, names, dialect.delimiter, bad)
    except pa.ArrowInvalid:
        # Arrow's own words would show the row.
        if bad.rows:
            raise _bad_row(path, content, start, names, dialect, bad.rows) from None
        _check_quotation(path, content, start, names, dialect)
        raise
    if may_have_swallowed(table, dialect.delimiter):
        _check_quotation(path, content, start, names, dialect)
    if bad.rows:
        kept = [row for row in bad.rows if not _is_closing(row.text, dialect.delimiter)]
        if kept or not _stand_at_end(path, content, bad):
            raise _bad_row(path, content, start, names, dialect, kept or bad.rows)
        first = [row.text.split(dialect.delimiter)[0].strip(' "') for row in bad.rows[:3]]
        notes += [f"the row {cell!r} at the end is left out" for cell in first]
    return table, notes


def _whole_lines(head: bytes) -> str:
    """The beginning of a text, without the line that may be cut."""
    content = head.removeprefix(b"\xef\xbb\xbf")
    if len(head) == _HEAD_BYTES:
        content = content[: content.rfind(b"\n") + 1] or content
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _NotUtf8 from None


def fitted_header(written: list[str], dialect: Dialect, text: str) -> list[str]:
    """The header's fields, as many as rows have: one more at the end where every row ends in a
    delimiter, or in front where every row begins with its number.
    """
    if dialect.fields != len(written) + 1:
        return written
    rows = [line for line in text[dialect.body_at :].splitlines()[:50] if line.strip()]
    if rows and all(
        row.rstrip().endswith(dialect.delimiter) or row.rstrip(" \r\n").endswith(dialect.delimiter)
        for row in rows
    ):
        return [*written, ""]
    return ["", *written]


class _BadRows:
    """Collects rows with another number of fields, and gives up where there are many."""

    def __init__(self) -> None:
        self.rows: list[pa_csv.InvalidRow] = []

    def __call__(self, row: pa_csv.InvalidRow) -> str:
        self.rows.append(row)
        return "skip" if len(self.rows) < _MOST_BAD_ROWS else "error"


def _parse(
    stream: pa.NativeFile, names: list[str], delimiter: str, bad: _BadRows | None
) -> pa.Table:
    try:
        return pa_csv.read_csv(
            stream,
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=bad is not None),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=bad
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return pa.table({name: pa.array([], pa.string()) for name in names})
        if _INVALID_TEXT in str(error):
            raise _NotUtf8 from None
        raise


_TOTALS = frozenset(
    {
        "total",
        "totals",
        "sum",
        "grand total",
        "合计",
        "总计",
        "小计",
        "итого",
        "всего",
        "summe",
        "gesamt",
        "suma",
        "totale",
        "somme",
    }
)


def is_total(text: str) -> bool:
    """Whether a first cell says that its row sums up the others."""
    return text.strip().strip(":").casefold() in _TOTALS


def _is_closing(text: str, delimiter: str) -> bool:
    fields = [field.strip().strip('"') for field in text.split(delimiter)]
    return is_total(fields[0]) or not any(fields)


def _stand_at_end(path: Path, content: bytes | None, bad: _BadRows) -> bool:
    whole = content if content is not None else open_unpacked(path).read()
    tail = whole[-4096:].decode("utf-8", "replace")
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return {row.text.strip() for row in bad.rows} <= set(lines[-len(bad.rows) - 3 :])


def _bad_row(
    path: Path,
    content: bytes | None,
    start: int,
    names: list[str],
    dialect: Dialect,
    rows: list[pa_csv.InvalidRow],
) -> InputError:
    """Where a row is that cannot be read, and why; never what it holds."""
    if any('"' in row.text for row in rows):
        _check_quotation(path, content, start, names, dialect)
    row = rows[0]
    whole = content if content is not None else open_unpacked(path).read()
    place = whole.find(row.text.encode(), start)
    line, where = "a row", path.name
    if place >= 0:
        line = f"line {_line_number(whole, place)}"
        where = f"{path.name}, byte {place}"
    why = "; is a quotation mark open?" if '"' in row.text else ""
    return InputError(
        "TABLE",
        f"cannot be read as CSV: {line} has {row.actual_columns} fields, the header has "
        f"{len(names)}{why}; mend or remove that line",
        where,
    )


def _check_quotation(
    path: Path, content: bytes | None, start: int, names: list[str], dialect: Dialect
) -> None:
    """Refuse a text in which a quotation mark swallows rows."""
    whole = content if content is not None else open_unpacked(path).read()
    place = open_quotation(whole, start, dialect.delimiter, len(names))
    if place is not None:
        raise InputError(
            "TABLE",
            f"cannot be read as CSV: the quotation mark in line {_line_number(whole, place)} is "
            "not closed in its field, and would swallow the rows after it; close or remove it",
            path.name,
        )


def _line_number(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1


def open_unpacked(path: Path) -> pa.NativeFile:
    """Open a file for reading its bytes, unpacked on the way.

    Raises
    ------
    InputError
        A ``.zip`` holds none or several files.
    """
    packed = compression(path)
    if packed != ".zip":
        return pa.input_stream(str(path), compression=CODECS[packed])
    return open_zip(path, path.name)


def open_zip(file: Any, name: str) -> pa.NativeFile:
    """Open the one file of an archive for reading its bytes.

    Parameters
    ----------
    file : Path or file
        The archive.
    name : str
        What to call it in an error.

    Raises
    ------
    InputError
        It holds none or several files.
    """
    with zipfile.ZipFile(file) as archive:
        members = [
            name
            for name in archive.namelist()
            if not name.endswith("/") and not name.startswith("__MACOSX")
        ]
        if len(members) != 1:
            raise InputError(
                "TABLE", f"must hold one file, as a .zip; it holds {len(members)}", name
            )
        # It can be read on when its archive is closed.
        return pa.PythonFile(archive.open(members[0]), mode="r")


def _unreadable(error: BaseException, path: Path) -> InputError:
    # Arrow's words on rows quote them; those on files do not.
    about_rows = isinstance(error, pa.ArrowInvalid)
    said = "is it complete?" if about_rows else (str(error).splitlines() or [""])[0]
    return InputError("TABLE", f"cannot be read as CSV: {said or type(error).__name__}", path.name)
