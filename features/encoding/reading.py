"""A team's own table: reading it, and what each column is.

CSV is read as text throughout, so that an id keeps its leading zeros; Parquet keeps its types.
"""

import csv
import gzip
import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from holdfast.errors import InputError
from holdfast.files import require_file

DELIMITERS = (",", ";", "\t", "|")

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
_NOT_FINITE = r"(?i)^[+-]?(nan|inf)$"


def read_table(path: Path) -> pa.Table:
    """Read a table from ``.csv``, ``.csv.gz`` or ``.parquet``.

    Parameters
    ----------
    path : Path
        CSV is UTF-8 with a header line, its fields parted by a comma, semicolon, tab or vertical
        bar.

    Returns
    -------
    pyarrow.Table
        CSV columns are strings, blanks included; Parquet columns have the file's types.

    Raises
    ------
    InputError
        The file is missing, empty, unreadable, of another kind, or has blank or duplicate column
        names.
    """
    require_file("TABLE", path)
    if path.name.endswith(".parquet"):
        table = _read_parquet(path)
    elif path.name.endswith((".csv", ".csv.gz")):
        table = _read_csv(path)
    else:
        raise InputError("TABLE", "must end in .csv, .csv.gz or .parquet", path.name)
    return table


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as stripped text, null where missing or blank.

    Whole numbers lose the ``.0`` that a float type gives them.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        # Formatting one in Python is slow.
        different = pc.unique(column.drop_null())
        texts = pa.array(
            [None if value != value else number_text(value) for value in different.to_pylist()],
            pa.string(),
        )
        text = pa.chunked_array(
            [texts.take(pc.index_in(column, value_set=different).combine_chunks())]
        )
    elif pa.types.is_boolean(column.type):
        text = pc.if_else(column, "true", "false")
    else:
        text = column.cast(pa.string())
    stripped = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(stripped, ""), pa.scalar(None, pa.string()), stripped)


def number_text(number: float) -> str:
    """The shortest text that reads back as the number; whole ones without a point."""
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def missing_count(column: pa.ChunkedArray) -> int:
    """How many values of a column are null, not finite, or blank."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        return len(column) - int(pc.sum(pc.is_finite(column)).as_py() or 0)
    if (
        pa.types.is_string(column.type)
        or pa.types.is_large_string(column.type)
        or pa.types.is_string_view(column.type)
    ):
        text = as_text(column)
        not_finite = pc.sum(pc.match_substring_regex(text, _NOT_FINITE)).as_py() or 0
        # Among words, "nan" is a word; a column of nothing else holds nothing.
        return len(text) if not_finite + text.null_count == len(text) else int(text.null_count)
    return int(column.null_count)


def _read_parquet(path: Path) -> pa.Table:
    try:
        names = pq.read_schema(path).names
        _check_names(names)
        table = pq.read_table(path)
        # Where pandas keeps an index that is more than row numbers; it names rows, not customers'
        # features.
        return table.drop_columns([name for name in names if _PANDAS_INDEX.fullmatch(name)])
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            "TABLE", f"cannot be read as Parquet: {_first_line(error)}", path.name
        ) from None


def _read_csv(path: Path) -> pa.Table:
    try:
        header, delimiter = _read_header(path)
    except UnicodeDecodeError:
        raise InputError("TABLE", "must be UTF-8", path.name) from None
    except (OSError, EOFError, csv.Error) as error:
        raise InputError(
            "TABLE", f"cannot be read as CSV: {_first_line(error)}", path.name
        ) from None
    _check_names(header)
    try:
        return pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(column_names=header, skip_rows_after_names=1),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except (pa.ArrowException, OSError, EOFError) as error:
        raise InputError(
            "TABLE", f"cannot be read as CSV: {_first_line(error)}", path.name
        ) from None


def _read_header(path: Path) -> tuple[list[str], str]:
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
        headers = {}
        for delimiter in DELIMITERS:
            stream.seek(0)
            headers[delimiter] = next(csv.reader(stream, delimiter=delimiter), [])
    delimiter = max(DELIMITERS, key=lambda candidate: len(headers[candidate]))
    return headers[delimiter], delimiter


def _check_names(names: list[str]) -> None:
    if not names:
        raise InputError("TABLE", "must have a header line with column names")
    if any(not name.strip() for name in names):
        raise InputError(
            "TABLE",
            "every column needs a name; this one has none",
            names.index(next(n for n in names if not n.strip())) + 1,
        )
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError("TABLE", "column names must differ; this one repeats", repeated[0])


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
