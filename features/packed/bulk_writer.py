"""The bulk writer: fills a view of the packed store from Arrow, batch by batch, past Feast.

Memory is bounded by the batch, whatever the size of the table. Every batch is a transaction of its
own, on disk before the next one begins: a writer killed at any time leaves whole records, some
new and some old, and the same write run again completes it, since a record written twice is the
same record. Between two batches the store's other writers get their turn.

Rows sorted by id are written several times as fast: the tree's pages are then filled one after the
other, while rows in no order touch nearly every page in every batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.packed.record import MAX_ID_BYTES, Text, checked_keys
from features.packed.store import PackedStore
from holdfast.arrays import Floats, Times
from holdfast.errors import InputError
from holdfast.logging import progress

_ROWS_PER_BATCH = 32_768
_READ_BYTES = 65_536


def write_parquet(
    store: PackedStore,
    view: str,
    columns: Sequence[str],
    path: Path,
    *,
    id_column: str,
    time_column: str,
) -> int:
    """Write a feature table from a parquet file, each row unless a newer one is there.

    Parameters
    ----------
    store : PackedStore
        Where to write.
    view : str
        Feature view. Other columns than before empty it first.
    columns : sequence of str
        The view's columns, in record order: numbers and booleans of any type, null for missing, or
        texts alone.
    path : Path
        The file.
    id_column : str
        Column of the entity's id: text, none missing. Where one repeats, its newest row counts.
    time_column : str
        Column of when the values were true: timestamp with a time zone, none missing.

    Returns
    -------
    int
        How many records were written.

    Raises
    ------
    InputError
        The file is not readable, a column is not there or not of its type, or an id or a time
        cannot be stored; nothing was written.
    """
    rows = _RowReader(tuple(columns), id_column, time_column)
    try:
        # Streamed: read whole, a row group would be as large as its file.
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES)
    except (OSError, pa.ArrowException) as error:
        raise InputError(str(path), f"must be a readable parquet file: {error}") from None
    with file:
        rows.check(file.schema_arrow)
        for batch in file.iter_batches(
            _ROWS_PER_BATCH, columns=[id_column, time_column], use_threads=False
        ):
            rows.check_rows(batch)
        # As parquet gives them: the columns chosen, in the file's order.
        chosen = pa.schema(
            [
                field
                for field in file.schema_arrow
                if field.name in (id_column, time_column, *columns)
            ]
        )
        batches = file.iter_batches(_ROWS_PER_BATCH, columns=chosen.names, use_threads=False)
        return _write(
            store,
            view,
            rows,
            pa.RecordBatchReader.from_batches(chosen, batches),
            file.metadata.num_rows,
        )


def write_batches(
    store: PackedStore,
    view: str,
    columns: Sequence[str],
    reader: pa.RecordBatchReader,
    *,
    id_column: str,
    time_column: str,
) -> int:
    """Write a feature table from a stream of Arrow batches.

    All else as in `write_parquet`, but that an id or a time that cannot be stored stops the write
    where it is met: the batches before it are written.
    """
    rows = _RowReader(tuple(columns), id_column, time_column)
    rows.check(reader.schema)
    return _write(store, view, rows, reader, None)


@dataclass(frozen=True)
class _RowReader:
    """Where a table has what a view's records are made of."""

    columns: tuple[str, ...]
    id_column: str
    time_column: str

    def check(self, schema: pa.Schema) -> None:
        for name in (self.id_column, self.time_column, *self.columns):
            if len(schema.get_all_field_indices(name)) != 1:
                raise InputError(name, "must be one column of the table", schema.names)
        if not _is_text(schema.field(self.id_column).type):
            raise InputError(
                self.id_column, "must be a column of texts", str(schema.field(self.id_column).type)
            )
        type_ = schema.field(self.time_column).type
        if not (pa.types.is_timestamp(type_) and type_.tz):
            raise InputError(self.time_column, "must be a timestamp with a time zone", str(type_))
        if self.are_texts(schema):
            return
        for name in self.columns:
            if not _is_number(schema.field(name).type):
                raise InputError(
                    name,
                    "must be a number or a boolean, or all columns texts",
                    str(schema.field(name).type),
                )

    def check_rows(self, batch: pa.RecordBatch) -> None:
        self._complete(batch, self.time_column)
        lengths = pc.min_max(
            pc.binary_length(self._complete(batch, self.id_column).cast(pa.string()))
        ).as_py()
        if batch.num_rows and not 0 < lengths["min"] <= lengths["max"] <= MAX_ID_BYTES:
            checked_keys(self.ids(batch))

    def are_texts(self, schema: pa.Schema) -> bool:
        return all(_is_text(schema.field(name).type) for name in self.columns)

    def ids(self, batch: pa.RecordBatch) -> list[str]:
        ids: list[str] = self._complete(batch, self.id_column).to_pylist()
        return ids

    def times(self, batch: pa.RecordBatch) -> Times:
        microseconds = self._complete(batch, self.time_column).cast(
            pa.timestamp("us", "UTC"), safe=False
        )
        return microseconds.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)

    def texts(self, batch: pa.RecordBatch) -> list[tuple[Text, ...]]:
        return list(zip(*(batch.column(name).to_pylist() for name in self.columns), strict=True))

    def matrix(self, batch: pa.RecordBatch) -> Floats:
        matrix = np.empty((batch.num_rows, len(self.columns)))
        for position, name in enumerate(self.columns):
            matrix[:, position] = (
                batch.column(name).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            )
        return matrix

    def _complete(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        column = batch.column(name)
        if column.null_count:
            raise InputError(
                name, f"must be set in every row; it is missing in {column.null_count:,}"
            )
        return column


def _write(
    store: PackedStore, view: str, rows: _RowReader, reader: pa.RecordBatchReader, total: int | None
) -> int:
    texts = rows.are_texts(reader.schema)
    written = 0
    with progress(f"Writing {view} for serving", total) as advance:
        for batch in _parts(reader):
            ids, times = rows.ids(batch), rows.times(batch)
            if texts:
                written += store.write_texts(view, rows.columns, ids, times, rows.texts(batch))
            else:
                written += store.write(view, rows.columns, ids, times, rows.matrix(batch))
            advance(batch.num_rows)
    return written


def _parts(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    # A stream's batches may be of any size, its maker's choice.
    for batch in reader:
        for start in range(0, batch.num_rows, _ROWS_PER_BATCH):
            yield batch.slice(start, _ROWS_PER_BATCH)
    yield pa.RecordBatch.from_pylist(
        [], schema=reader.schema
    )  # a table without rows is a view, too


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
    )
