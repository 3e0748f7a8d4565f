"""What the cells of a raw table show of how they are written, gathered part by part.

Of each column some distinct cells are kept: many of every shape (digits taken as equal), so that
one cell that decides is not lost among millions that do not.
"""

from collections.abc import Mapping

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.tables import Table
from features.sources import Part
from features.tables.cells import Cells
from features.tables.missing_words import unmistakable_words
from features.tables.rounded_ids import are_rounded

_PER_SHAPE = 1_000
_MOST_SHAPES = 200
_SEED = 17

Evidence = Mapping[str, Cells]
"""Distinct cells by column; columns without any that need a reading are left out."""

CELLS = pl.Schema({"column": pl.String, "text": pl.String, "count": pl.Int64})
"""Evidence as a table: a row for each distinct cell, and one without text for each column that was
looked at."""


def cells_of_part(table: Table, part: Part) -> pl.DataFrame:
    """Gather the evidence of a part.

    Parameters
    ----------
    table : Table
        The contract.
    part : Part
        A piece of the table. Parquet columns that have their type are not read.

    Returns
    -------
    polars.DataFrame
        As `CELLS`.
    """
    samples: dict[str, _Sample] = {}
    wanted = [name for name in part.schema.names if _may_need_reading(table, part, name)]
    for batch in part.batches(wanted) if wanted else ():
        texts = [
            name
            for name in wanted
            if name in batch.rows.schema.names and _is_written(batch.rows.column(name).type)
        ]
        if not texts and len(batch.rows):
            break  # a database gives its columns' types with the rows
        for name in texts:
            samples.setdefault(name, _Sample.of(table, name)).add(batch.rows.column(name))
    looked_at = pl.DataFrame({"column": list(samples)}, schema={"column": pl.String})
    cells = [
        sample.kept.select(pl.lit(name).alias("column"), "text", "count")
        for name, sample in samples.items()
    ]
    return (
        pl.concat([looked_at, *cells], how="diagonal").select(
            pl.col(name).cast(kind) for name, kind in CELLS.items()
        )
        if samples
        else pl.DataFrame(schema=CELLS)
    )


def evidence_of(cells: pl.DataFrame) -> Evidence:
    """The evidence of a table, from that of its parts.

    Parameters
    ----------
    cells : polars.DataFrame
        As `CELLS`, of all parts.
    """
    return {
        name: _cells(_trimmed(of_column.drop_nulls("text")))
        for (name,), of_column in cells.group_by("column", maintain_order=True)
    }


def _may_need_reading(table: Table, part: Part, name: str) -> bool:
    column = table.schema.columns.get(name)
    if column is None or column.metadata["unit"] == "text":
        return False
    stored, wanted = part.schema.field(name).type, column.metadata["arrow"]
    if pa.types.is_dictionary(stored):
        stored = stored.value_type
    if pa.types.is_null(stored):
        return part.path is None
    if _is_text(stored):
        return True
    # Days as numbers: 20210305, or a spreadsheet's.
    return pa.types.is_timestamp(wanted) and pa.types.is_integer(stored)


def _is_written(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return _is_text(kind) or bool(pa.types.is_integer(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


class _Sample:
    """Some distinct cells of one column.

    Parameters
    ----------
    marks_only : bool
        Keep only words for missing, and numbers that a spreadsheet has rounded: for ids, of which
        all differ.
    """

    def __init__(self, *, marks_only: bool) -> None:
        self._marks_only = marks_only
        self.kept = pl.DataFrame(schema={"text": pl.String, "count": pl.Int64})

    @classmethod
    def of(cls, table: Table, name: str) -> "_Sample":
        return cls(marks_only=table.schema.columns[name].metadata["unit"] == "id")

    def add(self, values: pa.Array) -> None:
        if pa.types.is_null(values.type) or pa.types.is_string_view(values.type):
            values = values.cast(pa.string())
        if self._marks_only:
            # Before anything else is done to millions of ids: no word for missing has such a digit.
            values = values.filter(_may_be_no_id(values))
        counted = pc.value_counts(values)
        # Distinct cells alone are trimmed; those that become equal are added up below.
        text = written_text(counted.field("values"))
        there = pc.is_valid(text)
        texts, counts = text.filter(there), counted.field("counts").filter(there)
        if self._marks_only:
            marks = unmistakable_words(texts.to_pylist())
            here = pc.is_in(texts, value_set=pa.array(marks, pa.string()))
            here = pc.or_(here, are_rounded(texts))
            texts, counts = texts.filter(here), counts.filter(here)
        frame = pl.DataFrame({"text": pl.Series(pl.from_arrow(texts)), "count": counts.to_numpy()})
        if not len(frame):
            return
        self.kept = _trimmed(pl.concat([self.kept, frame.cast({"count": pl.Int64})]))


def _trimmed(cells: pl.DataFrame) -> pl.DataFrame:
    """Some distinct cells of many, with the columns text and count."""
    distinct = (
        cells.group_by("text", maintain_order=True)
        .agg(pl.col("count").sum())
        .with_columns(
            hash=pl.col("text").hash(_SEED),
            shape=pl.col("text").str.slice(0, 30).str.replace_all(r"\d", "9"),
        )
        .sort("hash")
    )
    kept = distinct.group_by("shape", maintain_order=True).head(_PER_SHAPE)
    if kept["shape"].n_unique() > _MOST_SHAPES:
        frequent = (
            kept.group_by("shape")
            .agg(pl.col("count").sum())
            .sort("count", "shape", descending=[True, False])
            .head(_MOST_SHAPES)
        )
        kept = kept.filter(pl.col("shape").is_in(frequent["shape"].implode()))
    return kept.select("text", "count")


def _cells(cells: pl.DataFrame) -> Cells:
    return Cells(
        cells["text"].to_arrow().cast(pa.string()), cells["count"].cast(pl.Float64).to_numpy()
    )


def _may_be_no_id(values: pa.Array) -> pa.Array:
    """Whether cells hold no digit other than 0, or a rounded number; true where they are null."""
    if pa.types.is_dictionary(values.type):
        return _may_be_no_id(values.dictionary).take(values.indices).fill_null(True)
    if pa.types.is_integer(values.type):
        values = values.cast(pa.string())
    digit = pc.match_substring_regex(values, "[1-9]").fill_null(False)
    return pc.or_(pc.invert(digit), are_rounded(values))


def written_text(values: pa.Array) -> pa.Array:
    """Cells as text, blanks around them removed; null where blank or not UTF-8."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_integer(values.type) or pa.types.is_null(values.type):
        return values.cast(pa.string())
    try:
        text = values.cast(pa.string())
        text.validate(full=True)
    except pa.ArrowInvalid:
        decoded = [_decoded(value) for value in values.cast(pa.binary()).to_pylist()]
        text = pa.array(decoded, pa.string())
    text = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
