"""Raw rows that are older than rows are kept: left out where raw tables are taken in, and removed
from the raw store.

Parts keep their entries in the store's manifest, as where people are erased: a file that has not
changed is not read again, and one that has is read without its old rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.contracts.tables import TABLES, Table
from features.contracts.vocabulary import HAPPENED
from features.retained.kept_since import KeptSince
from holdfast.parquet_rows import remove_rows


@dataclass(frozen=True)
class OldRows:
    """Rows of a raw table that are old enough to go.

    Parameters
    ----------
    table : str
        The table.
    since : datetime
        Rows that happened earlier go.
    rows : int
        How many.
    size_bytes : int
        By how much its files became smaller; in a dry run, what they have per row.
    """

    table: str
    since: datetime
    rows: int
    size_bytes: int


def are_old(rows: pa.RecordBatch | pa.Table, since: datetime) -> NDArray[np.bool_]:
    """Of each of n rows, whether it happened before a time: (n,) bool; not where the time is null."""
    happened = rows.column(HAPPENED)
    is_old = pc.fill_null(pc.less(happened, pa.scalar(since, happened.type)), False)
    return np.asarray(is_old)


def forget_old_rows(raw: Path, kept: KeptSince, *, dry_run: bool = False) -> Iterator[OldRows]:
    """Remove old rows from a raw store, table by table; tables that have none are not named.

    Killed at any time, it is completed by calling it again.

    Parameters
    ----------
    raw : Path
        The store's folder; it need not exist.
    kept : KeptSince
        Since when rows are kept.
    dry_run : bool
        Whether to count only.
    """
    for name, since in _tables(kept):
        rows, size_bytes = 0, 0
        for path in sorted((raw / name).glob("*.parquet")):
            before, all_rows = path.stat().st_size, _rows_of(path)
            is_gone = partial(are_old, since=since)
            gone = remove_rows(path, (HAPPENED,), is_gone, dry_run=dry_run)
            rows += gone
            if gone:
                size_bytes += before * gone // all_rows if dry_run else before - path.stat().st_size
        if rows:
            yield OldRows(name, since, rows, size_bytes)


def _tables(kept: KeptSince) -> Iterator[tuple[str, datetime]]:
    for name, table in TABLES.items():
        since = kept.rows_since(table)
        if since is not None:
            yield name, since


def old_rows_sql(table: Table, kept: KeptSince) -> str | None:
    """SQL condition: a row is old enough to go; None where no row of the table is."""
    since = kept.rows_since(table)
    return (
        None
        if since is None
        else f"{HAPPENED} < TIMESTAMPTZ '{since.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00'"
    )


def _rows_of(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)
