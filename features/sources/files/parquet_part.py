"""A Parquet file, read a bounded number of rows at a time."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.sources.content import Content
from features.sources.files.stored_file import StoredFile
from features.sources.names import refuse_repeats
from features.sources.part import BATCH_ROWS, NOT_MAPPED, Batch, PartMapping, unreadable
from features.table_files.arrow_types import plain_column

_SPARKS_TIMES = "times of 96 bits in {} are taken as instants in UTC, as Spark and Hive write them"


class ParquetPart:
    """A Parquet file.

    Parameters
    ----------
    relation : str
        What it belongs to.
    file : StoredFile
        The file.
    name : str
        The part's name.

    Raises
    ------
    InputError
        It is no Parquet, or has two columns of one name.
    """

    mapping: PartMapping = NOT_MAPPED
    odd_lines: float = 0.0
    likely_encoding: str = ""
    folder_columns: tuple[str, ...] = ()

    def __init__(self, relation: str, file: StoredFile, name: str) -> None:
        self.path: Path | None = file.path
        self.content: Content | None = file.content
        self.name, self._field, self._file = name, f"{relation}, {name}", file
        self.renamed: Mapping[str, str] = {}
        self.notes: tuple[str, ...] = ()
        try:
            with self._opened() as opened:
                stored: pa.Schema = opened.schema_arrow
                self.rows: int | None = opened.metadata.num_rows
                instants = _instants_of_96_bits(opened)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self._field, "Parquet", error) from None
        refuse_repeats(self._field, stored.names)
        if instants:
            self.notes = (_SPARKS_TIMES.format(", ".join(instants)),)
        self._instants = frozenset(instants)
        self._odd = {column.name for column in stored if _is_odd(column.type)} | self._instants
        self.as_stored = self.path is not None and not self._odd
        self.schema: pa.Schema = pa.schema(
            [
                pa.field(column.name, self._plain(column.name, pa.array([], column.type)).type)
                if column.name in self._odd
                else column
                for column in stored
            ]
        )

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        done = 0
        wanted = None if columns is None else list(columns)
        try:
            with self._opened() as opened:
                for stored in opened.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
                    rows = self._plain_rows(stored) if self._odd else stored
                    yield Batch(rows, np.arange(done + 1, done + len(rows) + 1))
                    done += len(rows)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self._field, "Parquet", error) from None

    def _plain_rows(self, stored: pa.RecordBatch) -> pa.RecordBatch:
        columns = [
            self._plain(name, column) if name in self._odd else column
            for name, column in zip(stored.schema.names, stored.columns, strict=True)
        ]
        return pa.record_batch(columns, names=stored.schema.names)

    def _plain(self, name: str, column: pa.Array) -> pa.Array:
        if name in self._instants:
            return column.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
        return _plain(column)

    def _opened(self) -> pq.ParquetFile:
        # Times of 96 bits reach further than nanoseconds do. Of objects, many columns are asked
        # for at once.
        return pq.ParquetFile(
            self._file.opened(),
            coerce_int96_timestamp_unit="us",
            pre_buffer=self.path is None,
        )


def _instants_of_96_bits(file: pq.ParquetFile) -> list[str]:
    """Columns whose times Spark or Hive wrote as instants; Impala's are in a zone that nobody knows."""
    if (file.metadata.created_by or "").startswith("impala"):
        return []
    columns = [file.schema.column(place) for place in range(len(file.schema.names))]
    return [
        column.name
        for column in columns
        if column.physical_type == "INT96" and column.path == column.name
    ]


def _is_odd(kind: pa.DataType) -> bool:
    """Whether contracts know nothing of a type that has a plain form."""
    return bool(
        isinstance(kind, pa.BaseExtensionType)
        or pa.types.is_run_end_encoded(kind)
        or (pa.types.is_fixed_size_binary(kind) and kind.byte_width == 16)
        or pa.types.is_binary_view(kind)
        or pa.types.is_float16(kind)
    )


def _plain(column: pa.Array) -> pa.Array:
    chunks = plain_column(pa.chunked_array([column])).combine_chunks()
    return chunks.combine_chunks() if isinstance(chunks, pa.ChunkedArray) else chunks
