"""Rows removed from a Parquet file, which stays otherwise as it is."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

IsGone = Callable[[pa.Table], NDArray[np.bool_]]
"""Given rows, says of each whether it is to go."""


def remove_rows(
    path: Path, columns: Sequence[str], is_gone: IsGone, *, dry_run: bool = False
) -> int:
    """Remove rows from a file: all at once, or, where nothing is removed, not touching it.

    Row groups, types, order and what the file says of itself stay.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of str
        Columns that `is_gone` is shown; those that the file lacks are left out.
    is_gone : callable
        Called with the rows of one row group after another.
    dry_run : bool
        Whether to count only.

    Returns
    -------
    int
        Rows removed, or, in a dry run, to be removed.
    """
    beside = path.with_name(f".{path.name}.part")
    if not dry_run:
        beside.unlink(missing_ok=True)
    with pq.ParquetFile(path) as file:
        there = [name for name in columns if name in file.schema_arrow.names]
        if not there:
            return 0
        groups = range(file.num_row_groups)
        gone = [is_gone(file.read_row_group(group, columns=there)) for group in groups]
        removed = sum(int(of_group.sum()) for of_group in gone)
        if dry_run or not removed:
            return removed
        with pq.ParquetWriter(beside, file.schema_arrow, compression=_compression(file)) as writer:
            for group, of_group in zip(groups, gone, strict=True):
                rows = file.read_row_group(group)
                writer.write_table(
                    rows.filter(pa.array(~of_group)), row_group_size=max(len(rows), 1)
                )
            # What was added at the end of writing is not part of the schema.
            writer.add_key_value_metadata(_about(file))
    beside.replace(path)
    return removed


def _compression(file: pq.ParquetFile) -> str:
    name: str = file.metadata.row_group(0).column(0).compression
    return "none" if name == "UNCOMPRESSED" else name.lower()


def _about(file: pq.ParquetFile) -> dict[bytes, bytes]:
    of_schema = {b"ARROW:schema", *(file.schema_arrow.metadata or {})}
    everything = file.metadata.metadata or {}
    return {name: value for name, value in everything.items() if name not in of_schema}
