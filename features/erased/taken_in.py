"""Rows of single people removed from what was taken in: the raw store and the quarantine.

Parts keep their entries in the store's manifest, which is about the source's files: a file that has
not changed is not read again, and one that has is read without the rows of whoever was erased.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.contracts.tables import TABLES
from features.erased.people import PERSON_KINDS, People, columns_of_people
from holdfast.parquet_rows import remove_rows


def forget_raw(raw: Path, people: People, *, dry_run: bool = False) -> int:
    """Remove people's rows from a raw store; how many.

    Killed at any time, it is completed by calling it again.

    Parameters
    ----------
    raw : Path
        The store's folder; it need not exist.
    people : People
        Whose rows go.
    dry_run : bool
        Whether to count only.
    """
    return sum(
        remove_rows(path, tuple(columns), partial(people.own, columns=columns), dry_run=dry_run)
        for path, columns in raw_files_of_people(raw)
    )


def raw_files_of_people(raw: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Files of a raw store that may hold rows of people, with the columns that say whose."""
    for name, table in TABLES.items():
        columns = columns_of_people(table)
        if columns:
            for path in sorted((raw / name).glob("*.parquet")):
                yield path, columns


def forget_quarantined(folder: Path, people: People, *, dry_run: bool = False) -> int:
    """Remove people's rows from a quarantine; how many. Parameters as in `forget_raw`."""
    return sum(
        remove_rows(
            path,
            ("record",),
            partial(_quarantined, people=people, table=path.stem),
            dry_run=dry_run,
        )
        for path in sorted(folder.glob("*.parquet"))
        if path.stem in TABLES
    )


def quarantined_rows(folder: Path, people: People) -> Iterator[dict[str, Any]]:
    """Rows of people in a quarantine, as JSON objects: where each came from, its faults, and the row.

    Parameters
    ----------
    folder : Path
        The quarantine; it need not exist.
    people : People
        Whose rows are wanted.
    """
    for path in sorted(folder.glob("*.parquet")):
        if path.stem not in TABLES:
            continue
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                rows = pa.Table.from_batches([batch])
                theirs = _quarantined(rows, people, path.stem)
                for row in rows.filter(pa.array(theirs)).to_pylist():
                    yield row | {"record": json.loads(row["record"])}


def _quarantined(rows: pa.Table, people: People, table: str) -> NDArray[np.bool_]:
    columns = columns_of_people(TABLES[table])
    # A line that is no row names nobody's columns: any of their ids in it is enough.
    ids = sorted({one for kind in PERSON_KINDS for one in people.ids.get(kind, ())})
    in_line = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, ids))})(?![\w-])")

    def is_theirs(text: str) -> bool:
        record = json.loads(text)
        if isinstance(record, dict):
            return any(
                str(record.get(column)).strip() in people.ids.get(kind, ())
                for column, kind in columns.items()
            )
        return in_line.search(str(record)) is not None

    return np.array([is_theirs(text) for text in rows["record"].to_pylist()], dtype=np.bool_)
