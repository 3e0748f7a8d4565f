"""Ids that a spreadsheet has rounded, such as ``1.38E+10``: different customers have one id then."""

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError

# A point or a plus: without either, 4E01 may be an id in hexadecimal digits.
_ROUNDED = r"^\s*\d([.,]\d+[eE]\+?|[eE]\+)\d+\s*$"


def are_rounded(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Which texts are numbers with an exponent; false where null."""
    return pc.fill_null(pc.match_substring_regex(texts, _ROUNDED), False)


def refuse_rounded(field: str, column: str, texts: pa.Array | pa.ChunkedArray) -> None:
    """Refuse a column of ids with one that is rounded.

    Parameters
    ----------
    field, column : str
        What to name in the error: what named the column, and the column.
    texts : Array or ChunkedArray
        Its cells, or those in doubt.

    Raises
    ------
    InputError
        Shows the first such id.
    """
    rounded = texts.filter(are_rounded(texts))
    if len(rounded):
        raise InputError(
            field,
            f"column {column!r} holds numbers that a spreadsheet has rounded; "
            "format the column as text there and export it again",
            rounded[0].as_py(),
        )
