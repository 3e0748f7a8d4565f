"""Columns of every Arrow type as one of a few: text, numbers, true and false, dates, times."""

import uuid

import pyarrow as pa
import pyarrow.compute as pc


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column in a plain type, where there is one.

    Text in every form becomes a string; a UUID its text; a decimal a float; a duration or a time
    of day seconds. What has no plain form, such as a list, stays as it is.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return _uuids(
                pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
            )
        return plain_column(
            pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        )
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain_column(column.cast(kind.value_type))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == 16:
        return _uuids(column)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return _decoded(column)
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if pa.types.is_duration(kind):
        return _seconds(column.cast(pa.duration("us"), safe=False).cast(pa.int64()))
    if pa.types.is_time(kind):
        return _seconds(column.cast(pa.time64("us"), safe=False).cast(pa.int64()))
    return column


def has_plain_type(kind: pa.DataType) -> bool:
    """Whether a column of this type can be read."""
    return not (
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_interval(kind)
        or isinstance(kind, pa.BaseExtensionType)
    )


def _uuids(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = [None if value is None else str(uuid.UUID(bytes=value)) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return column.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return column


def _seconds(microseconds: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.divide(microseconds.cast(pa.float64(), safe=False), 1e6)
