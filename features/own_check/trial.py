"""One own view, computed on raw tables as they are or might have been."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import duckdb

from features.compute.files import view_rows
from features.compute.population import take_snapshot
from features.compute.queries import asked_for
from features.own.query import own_query, own_rows
from features.own.sandbox import ASKED
from features.sql.expressions import quoted
from features.sql.raw import RawTables, open_raw
from features.views.declaration import OwnView

Values = Mapping[str, tuple[float | None, ...]]
"""Values of a view's features by entity, as they are stored."""


@dataclass(frozen=True)
class Shape:
    """What a view's SELECT itself gives.

    Parameters
    ----------
    columns : dict of str to str
        Types by column.
    twice : str or None
        An entity with more than one row.
    nobody : str or None
        An id of a row that was not asked for; ``null`` for a missing one.
    """

    columns: Mapping[str, str]
    twice: str | None
    nobody: str | None


class Trial:
    """Raw tables at a cut-off, to compute own views on; a context manager.

    Parameters
    ----------
    raw : Path
        Raw tables.
    at : datetime
        The cut-off.
    threads : int
        Threads of DuckDB.
    zone : tzinfo
        The operator's, in whose days and weeks our own views count.
    """

    def __init__(self, raw: Path, at: datetime, threads: int = 1, zone: tzinfo = UTC) -> None:
        self._raw: RawTables = open_raw(raw, memory_gb=1.0, threads=threads, zone=zone)
        self._raw.bound(at, at)
        take_snapshot(self._raw, at)

    def shape(self, view: OwnView) -> Shape:
        """What the SELECT gives, before anything is made of it; duckdb.Error where it fails."""
        rows = own_rows(view, asked_for(view.entity), view.sql)
        connection, key = self._raw.connection, quoted(view.join_key)
        described = connection.execute(f"DESCRIBE {rows}").fetchall()
        columns = {str(name): str(kind) for name, kind, *_ in described}
        if view.join_key not in columns:
            return Shape(columns, None, None)
        asked = f"SELECT {key} FROM {asked_for(view.entity)} AS {ASKED}"
        return Shape(
            columns,
            self._one(
                f"SELECT {key} FROM ({rows}) GROUP BY ALL HAVING count(*) > 1 ORDER BY {key}"
            ),
            self._one(
                f"SELECT coalesce({key}::VARCHAR, 'null') FROM ({rows})"
                f" WHERE {key} IS NULL OR {key} NOT IN ({asked}) ORDER BY 1"
            ),
        )

    def values(self, view: OwnView) -> Values:
        """Its features as they are stored; duckdb.Error where the SELECT fails."""
        query = own_query(view, asked_for(view.entity))
        rows = self._raw.connection.execute(view_rows(view, query, ())).fetchall()
        return {row[0]: tuple(row[3:]) for row in rows}

    def not_finite(self, view: OwnView, feature: str) -> str | None:
        """An entity whose value is no finite number, which is stored as null."""
        rows = own_rows(view, asked_for(view.entity), view.sql)
        return self._one(
            f"SELECT {quoted(view.join_key)} FROM ({rows})"
            f" WHERE NOT isfinite({quoted(feature)}::DOUBLE) ORDER BY 1"
        )

    def _one(self, query: str) -> str | None:
        row = self._raw.connection.execute(f"{query} LIMIT 1").fetchone()
        return None if row is None else str(row[0])

    def __enter__(self) -> "Trial":
        return self

    def __exit__(self, *error: object) -> None:
        self._raw.close()


def reason_of(error: duckdb.Error) -> tuple[str, int]:
    """What DuckDB says of SQL that fails, and the line of the file, 0 where it names none."""
    first, *more = str(error).splitlines() or [""]
    for line in more:
        if line.startswith("LINE "):
            number = int(line.removeprefix("LINE ").split(":")[0])
            return first, max(number - 1, 0)
    return first, 0
