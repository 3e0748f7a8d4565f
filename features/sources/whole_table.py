# ruff: noqa: S608  # names in queries come from contracts and from paths, never from rows
"""Questions that need a whole table, answered by DuckDB out of core.

They are repeated rows, ids that are in no other table, and the times that rows span.

Tables are given as Parquet files typed by their contracts; answers name rows by file and position
in it, from 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from glob import escape
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from features.contracts.tables import ARRIVED, HAPPENED, Table
from features.contracts.vocabulary import OTHER
from holdfast.arrays import Positions

LATE = timedelta(days=7)
"""A row that takes longer to arrive is late."""

_MEMORY = "2GB"
"""Without a limit, DuckDB takes most of the machine's memory before it spills."""


@dataclass(frozen=True)
class TimeSpan:
    """When a table's rows happened and arrived.

    Parameters
    ----------
    first_happened, last_happened, last_arrived : datetime or None
        In UTC; None without rows.
    late : int
        Rows that took longer than `LATE` to arrive.
    """

    first_happened: datetime | None
    last_happened: datetime | None
    last_arrived: datetime | None
    late: int


class WholeTables:
    """A DuckDB that reads the tables' files.

    Parameters
    ----------
    spill : Path
        Folder for what does not fit into memory; DuckDB empties it.
    """

    def __init__(self, spill: Path) -> None:
        self._duckdb = duckdb.connect(
            config={
                "temp_directory": str(spill),
                "memory_limit": _MEMORY,
                "preserve_insertion_order": False,
            }
        )
        self._duckdb.execute("SET TimeZone = 'UTC'")

    def orphans(
        self, files: Sequence[Path], column: str, found_in: Sequence[Path], key: str
    ) -> dict[Path, Positions]:
        """Rows whose id is not in another table.

        Parameters
        ----------
        files : sequence of Path
            The table.
        column : str
            Its id; null refers to nothing, and is no orphan.
        found_in, key : sequence of Path, str
            The other table, and its column.
        """
        if not files:
            return {}
        return self._positions(
            files,
            f"""SELECT {_number(files)} AS file, file_row_number FROM {_rows(files)}
            WHERE "{column}" IS NOT NULL AND "{column}" NOT IN (SELECT DISTINCT "{key}" FROM {_rows(found_in)})""",
        )

    def repeats(
        self,
        table: Table,
        files: Sequence[Path],
        new: Sequence[Path],
        left_out: dict[Path, Positions],
    ) -> dict[str, dict[Path, Positions]]:
        """Rows that share their identity with another that is kept.

        The one kept is the one whose other columns sort first, in the contract's order, nulls last:
        which one that is depends neither on the order of the rows nor on the files they lie in.
        Rows with ``other`` in their key repeat nothing: it may stand for a different category in
        each of them.

        Parameters
        ----------
        table : Table
            The contract.
        files : sequence of Path
            The table.
        new : sequence of Path
            Those of its files that may hold rows which repeat; the others were asked together
            before.
        left_out : dict
            Rows that do not count.

        Returns
        -------
        dict
            ``duplicate``: equal in all columns to the one kept; ``conflict``: the same identity,
            but other values.
        """
        if not new:
            return {"duplicate": {}, "conflict": {}}
        identity = ", ".join(f'"{name}"' for name in table.identity)
        others = [
            f'"{name}" NULLS LAST' for name in table.columns if name not in table.identity
        ] or ["true"]
        # The time of arrival is part of every identity: most of the other files are skipped.
        when = self._as_late_as(new) if len(new) < len(files) else "true"
        listed = [
            f"\"{name}\" <> '{OTHER}'"
            for name in table.key
            if table.schema.columns[name].metadata["unlisted"] == OTHER
        ]
        among = f"(FROM {_rows(files)} WHERE {' AND '.join([when, *listed])})"
        # Hashes first: they fit into memory where identities would not, and hardly any repeats.
        self._duckdb.execute(
            f"""CREATE OR REPLACE TEMP TABLE repeated AS
            SELECT hash({identity}) AS hashed FROM {among} GROUP BY hashed HAVING count(*) > 1"""
        )
        self._duckdb.register("left_out", _as_table(files, left_out))
        within = f"PARTITION BY {identity} ORDER BY {', '.join(others)}"
        self._duckdb.execute(
            f"""CREATE OR REPLACE TEMP TABLE repeats AS FROM (
                SELECT {_number(files)} AS file, file_row_number,
                    rank() OVER ({within}) AS place, row_number() OVER ({within}, file, file_row_number) AS turn
                FROM {among}
                WHERE hash({identity}) IN (FROM repeated) AND (file, file_row_number) NOT IN (FROM left_out)
            ) WHERE turn > 1"""
        )
        kinds = {"duplicate": "place = 1", "conflict": "place > 1"}
        return {
            kind: self._positions(files, f"SELECT file, file_row_number FROM repeats WHERE {which}")
            for kind, which in kinds.items()
        }

    def span(self, files: Sequence[Path]) -> TimeSpan:
        """When the rows happened and arrived."""
        # Whole numbers, since the difference of times with a zone is reckoned by the calendar,
        # thirty times slower.
        happened, arrived = f'epoch_us("{HAPPENED}")', f'epoch_us("{ARRIVED}")'
        late = f"{arrived} - {happened} > {LATE // timedelta(microseconds=1)}"
        row = self._duckdb.execute(
            f"SELECT min({happened}), max({happened}), max({arrived}), count(*) FILTER ({late}) FROM {_rows(files)}"
        ).fetchone()
        first, last, newest, count = row or (None, None, None, 0)
        return TimeSpan(_time(first), _time(last), _time(newest), int(count))

    def found_share(
        self, files: Sequence[Path], column: str, found_in: Sequence[tuple[Sequence[Path], str]]
    ) -> float | None:
        """Share of a table's distinct ids that are in columns of other tables; None without ids."""
        known = " UNION ALL ".join(
            f'SELECT "{key}" FROM {_rows(others)} WHERE "{key}" IS NOT NULL'
            for others, key in found_in
        )
        return self._one(
            f"""SELECT avg((id IN ({known}))::DOUBLE)
            FROM (SELECT DISTINCT "{column}" AS id FROM {_rows(files)} WHERE "{column}" IS NOT NULL)"""
        )

    def close(self) -> None:
        """Give everything back."""
        self._duckdb.close()

    def _one(self, query: str) -> Any:
        row = self._duckdb.execute(query).fetchone()
        return None if row is None else row[0]

    def _as_late_as(self, files: Sequence[Path]) -> str:
        """SQL condition: the row arrived between the first and the last of some files."""
        bounds = self._duckdb.execute(
            f'SELECT min(epoch_us("{ARRIVED}")), max(epoch_us("{ARRIVED}")) FROM {_rows(files)}'
        ).fetchone()
        if bounds is None or bounds[0] is None:
            return "false"
        return (
            f'"{ARRIVED}" BETWEEN make_timestamptz({bounds[0]}) AND make_timestamptz({bounds[1]})'
        )

    def _positions(self, files: Sequence[Path], query: str) -> dict[Path, Positions]:
        columns: dict[str, Any] = self._duckdb.execute(f"{query} ORDER BY ALL").fetchnumpy()
        numbers, starts = np.unique(np.asarray(columns["file"]), return_index=True)
        parts = np.split(np.asarray(columns["file_row_number"], dtype=np.int64), starts[1:])
        return {
            files[number - 1]: part for number, part in zip(numbers.tolist(), parts, strict=False)
        }


def _rows(files: Sequence[Path]) -> str:
    return f"read_parquet({_texts(escape(str(file)) for file in files)}, filename = true, file_row_number = true)"


def _number(files: Sequence[Path]) -> str:
    """Number of the file that a row is in, from 1.

    A path for each of millions of rows would not fit into memory.
    """
    return f"list_position({_texts(map(str, files))}, filename)"


def _texts(values: Iterable[str]) -> str:
    quoted = (value.replace("'", "''") for value in values)
    return "[" + ", ".join(f"'{value}'" for value in quoted) + "]"


def _as_table(files: Sequence[Path], rows: dict[Path, Positions]) -> pa.Table:
    numbers = [
        np.full(len(positions), files.index(file) + 1, dtype=np.int32)
        for file, positions in rows.items()
    ]
    return pa.table(
        {
            "file": pa.chunked_array(numbers, pa.int32()),
            "position": pa.chunked_array(list(rows.values()), pa.int64()),
        }
    )


def _time(microseconds: int | None) -> datetime | None:
    return (
        None
        if microseconds is None
        else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    )
