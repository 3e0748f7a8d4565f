"""A Parquet file, read a bounded number of rows at a time."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.contracts.tables import TABLES
from features.sources.names import contract_names
from features.sources.part import BATCH_ROWS, Batch, unreadable
from features.table_files.arrow_types import plain_column


class ParquetPart:
    """A Parquet file.

    Parameters
    ----------
    table : str
        The table it belongs to.
    path : Path
        The file.
    name : str
        The part's name.

    Attributes
    ----------
    as_stored : bool
        Whether its columns come as the file has them, names and types.

    Raises
    ------
    InputError
        It is no Parquet, or has two columns of one name.
    """

    notes: tuple[str, ...] = ()
    odd_lines: float = 0.0
    likely_encoding: str = ""

    def __init__(self, table: str, path: Path, name: str) -> None:
        self.path: Path | None = path
        self.name, self._field = name, f"{table}, {name}"
        try:
            with pq.ParquetFile(path) as file:
                stored: pa.Schema = file.schema_arrow
                self.rows: int | None = file.metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self._field, "Parquet", error) from None
        self._stored = stored.names
        names, renamed = contract_names(self._field, stored.names, TABLES[table].columns)
        self.renamed: Mapping[str, str] = renamed
        self._odd = {name for name, kind in zip(names, stored.types, strict=True) if _is_odd(kind)}
        types = [
            _plain(pa.array([], kind)).type if name in self._odd else kind
            for name, kind in zip(names, stored.types, strict=True)
        ]
        self.as_stored = names == stored.names and not self._odd
        self.schema: pa.Schema = (
            stored if self.as_stored else pa.schema(list(zip(names, types, strict=True)))
        )

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        done = 0
        names = dict(zip(self._stored, self.schema.names, strict=True))
        wanted = None if columns is None else [old for old, new in names.items() if new in columns]
        try:
            with pq.ParquetFile(self.path) as file:
                for stored in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
                    rows = stored if self.as_stored else self._contract_rows(stored, names)
                    yield Batch(rows, np.arange(done + 1, done + len(rows) + 1))
                    done += len(rows)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self._field, "Parquet", error) from None

    def _contract_rows(self, stored: pa.RecordBatch, names: dict[str, str]) -> pa.RecordBatch:
        new = [names[name] for name in stored.schema.names]
        columns = [
            _plain(column) if name in self._odd else column
            for name, column in zip(new, stored.columns, strict=True)
        ]
        return pa.record_batch(columns, names=new)


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
