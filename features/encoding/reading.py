"""Columns of a table as text, and what is missing in them."""

import pyarrow as pa
import pyarrow.compute as pc

_NOT_FINITE = r"(?i)^[+-]?(nan|inf)$"


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
    # Compared with a scalar of Python, pyarrow imports pandas, which takes longer than the rest.
    is_filled = pc.binary_length(stripped).cast(pa.bool_())
    return pc.if_else(is_filled, stripped, pa.nulls(1, pa.string())[0])


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
