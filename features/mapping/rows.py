"""Rows of a relation as rows of a contract: renamed, with values mapped and defaults filled in.

How numbers, times and words are written is left as it is: the plan of the table reads it
(`features.raw_tables`).
"""

from collections.abc import Mapping as Map
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.tables import TABLES
from features.mapping.assigning import Assignment
from features.mapping.mapping import Constant, RelationMapping
from features.raw_tables.evidence import written_text

_ISO = "%Y-%m-%dT%H:%M:%S"


def contract_rows(
    relation: RelationMapping, assignment: Assignment, rows: pa.RecordBatch
) -> pa.RecordBatch:
    """Rows under the contract's names.

    Parameters
    ----------
    relation : RelationMapping
        The mapping.
    assignment : Assignment
        Its columns.
    rows : pyarrow.RecordBatch
        As written; columns that are not there are left out.

    Returns
    -------
    pyarrow.RecordBatch
        Columns that are taken or have a default.
    """
    there = set(rows.schema.names)
    arrays: dict[str, pa.Array] = {}
    for name in TABLES[relation.table].columns:
        written = assignment.taken.get(name)
        if written in there:
            values = rows.column(written)
            if name in relation.values:
                values = _mapped(values, relation.values[name])
            if name in relation.defaults:
                values = _filled(relation, name, values)
            arrays[name] = values
        elif written is None and name in relation.defaults:
            arrays[name] = _constant(relation, name, len(rows))
    if not arrays:
        return pa.record_batch([pa.nulls(len(rows))], names=[""]).select([])
    return pa.record_batch(list(arrays.values()), names=list(arrays))


def _mapped(values: pa.Array, mapped: Map[str, str | None]) -> pa.Array:
    """Values with those that a mapping names replaced; the others stay as they are."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    text = as_text(values)
    different = pc.unique(text.drop_null())
    meant = _meant(different.to_pylist(), mapped)
    keys = pa.array(list(meant), pa.string())
    hit = pc.is_in(text, value_set=keys).fill_null(False)
    replaced = pa.array(list(meant.values()), pa.string()).take(pc.index_in(text, value_set=keys))
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        values = _iso(values) if any(meant.values()) else values
    elif not is_text(values.type):
        values = text
    if "" in mapped and is_text(values.type):
        blank = pc.and_(values.is_valid(), text.is_null())
        replaced = pc.if_else(blank, pa.scalar(mapped[""], pa.string()), replaced)
        hit = pc.or_(hit, blank)
    return pc.if_else(hit, replaced.cast(values.type), values)


def _meant(texts: list[str], mapped: Map[str, str | None]) -> dict[str, str | None]:
    """What written texts mean: by their very letters, else without case."""
    folded: dict[str, str | None] = {}
    for written, value in mapped.items():
        folded.setdefault(written.casefold(), value)
    return {
        text: mapped[text] if text in mapped else folded[text.casefold()]
        for text in texts
        if text in mapped or text.casefold() in folded
    }


def as_text(values: pa.Array) -> pa.Array:
    """Values as a person would write them, blanks around them removed; null where blank, and where
    they are lists or structures, which no contract has.
    """
    kind = values.type
    if pa.types.is_nested(kind):
        return pa.nulls(len(values), pa.string())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _short(_iso(values))
    if pa.types.is_floating(kind):
        return pc.replace_substring_regex(values.cast(pa.string()), r"\.0$", "")
    if is_text(kind) or pa.types.is_dictionary(kind) or pa.types.is_integer(kind):
        return written_text(values)
    return values.cast(pa.string())


def _iso(times: pa.Array) -> pa.Array:
    """Times as ISO 8601 texts, those with a zone in UTC."""
    kind = times.type
    if pa.types.is_date(kind):
        return pc.strftime(times.cast(pa.timestamp("us")), "%Y-%m-%d")
    if kind.tz is None:
        return pc.strftime(times.cast(pa.timestamp("us"), safe=False), _ISO)
    in_utc = times.cast(pa.timestamp("us", "UTC"), safe=False)
    return pc.binary_join_element_wise(pc.strftime(in_utc, _ISO), "Z", "")


def _short(texts: pa.Array) -> pa.Array:
    """ISO times as a mapping file names them: without fractions of nought, midnight as its day."""
    texts = pc.replace_substring_regex(texts, r"\.0+(Z?)$", r"\1")
    return pc.replace_substring_regex(texts, r"T00:00:00Z?$", "")


def _filled(relation: RelationMapping, name: str, values: pa.Array) -> pa.Array:
    """Values with the default where there is none."""
    if pa.types.is_null(values.type):
        return _constant(relation, name, len(values))
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    constant, kind = relation.defaults[name], values.type
    if is_text(kind):
        return pc.if_else(
            written_text(values).is_null(), pa.scalar(_text(constant)).cast(kind), values
        )
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pc.coalesce(values, _typed(relation, name).cast(kind))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return pc.coalesce(_iso(values), pa.scalar(_text(constant)))
    try:
        return pc.coalesce(values, pa.scalar(constant).cast(kind))
    except (pa.ArrowException, NotImplementedError):
        return pc.coalesce(as_text(values), pa.scalar(_text(constant)))


def _constant(relation: RelationMapping, name: str, rows: int) -> pa.Array:
    return pa.repeat(_typed(relation, name), rows)


def _typed(relation: RelationMapping, name: str) -> Any:
    """A default of the contract's type."""
    kind: pa.DataType = TABLES[relation.table].schema.columns[name].metadata["arrow"]
    constant = relation.defaults[name]
    if pa.types.is_timestamp(kind):
        return pa.scalar(datetime.fromisoformat(str(constant)), kind)
    return pa.scalar(constant, kind)


def _text(constant: Constant) -> str:
    return str(constant).lower() if isinstance(constant, bool) else str(constant)


def is_text(kind: pa.DataType) -> bool:
    """Whether values are texts, as such or as bytes."""
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )
