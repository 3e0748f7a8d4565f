"""The newest snapshot as it lies on disk: its tables, and rows of a feature service from them.

A row is put together as in `features.online.packed_reader`: views of the service's own entity by
its id, those of other entities by the ids that the view of links names.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.compute.files import digest_of
from features.fields import LINKS, SERVICES, VIEWS
from features.operator.repository import TIME, OperatorRepository
from features.sql.expressions import files_sql, quoted, text_sql
from features.views.declaration import ENTITIES, View
from holdfast.arrays import Floats, Times
from holdfast.errors import InputError


@dataclass(frozen=True)
class NewestTable:
    """The newest snapshot of a view, as it lies on disk.

    Parameters
    ----------
    view : str
        Feature view.
    join_key : str
        Its id column.
    columns : tuple of str
        Its features.
    path : Path
        The parquet file.
    """

    view: str
    join_key: str
    columns: tuple[str, ...]
    path: Path

    def times(self) -> tuple[datetime, datetime]:
        """First and last time of its rows, UTC."""
        limits = pc.min_max(pq.read_table(self.path, columns=[TIME])[TIME]).as_py()
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        return limits["min"] or epoch, limits["max"] or epoch

    def ids(self) -> list[str]:
        """Its entities, in order."""
        ids: list[str] = pq.read_table(self.path, columns=[self.join_key])[
            self.join_key
        ].to_pylist()
        return ids


def newest_tables(repository: OperatorRepository) -> Iterator[NewestTable]:
    """The newest snapshot of every view that was built, links among them."""
    numbers = {view.name: (view.join_key, view.columns) for view in VIEWS.values()}
    links = {
        f"{entity}_links": (ENTITIES[entity], tuple(f"linked_{other}" for other in LINKS[entity]))
        for entity in LINKS
    }
    for view, (join_key, columns) in (numbers | links).items():
        path = repository.tables / view / "newest.parquet"
        if path.exists():
            yield NewestTable(view, join_key, columns, path)


def newest_digest(repository: OperatorRepository) -> str:
    """Digest of what the newest snapshot was computed from."""
    inputs = (f"{table.view} {digest_of(table.path)}\n" for table in newest_tables(repository))
    return hashlib.sha256("".join(inputs).encode()).hexdigest()


class NewestReader:
    """Reads rows of a feature service from the newest snapshot; an `OnlineReader` of files.

    Parameters
    ----------
    repository : OperatorRepository
        Where the snapshot lies.
    service : str
        Feature service.
    memory_gb : float
        Memory that reading may take before it spills to disk, GB.
    threads : int
        Threads that read.

    Raises
    ------
    InputError
        There is no such service, or a view of it was never built.
    """

    def __init__(
        self, repository: OperatorRepository, service: str, *, memory_gb: float, threads: int
    ) -> None:
        if service not in SERVICES:
            raise InputError("service", f"must be one of {', '.join(SERVICES)}", service)
        tables = {table.view: table for table in newest_tables(repository)}
        self._views = [VIEWS[name] for name in SERVICES[service]]
        entity = self._views[0].entity
        needed = [view.name for view in self._views]
        self._links = f"{entity}_links" if any(v.entity != entity for v in self._views) else None
        absent = [name for name in (*needed, self._links) if name and name not in tables]
        if absent:
            raise InputError(
                f"feature service {service}",
                f"was not built: {', '.join(absent)}; run `holdfast features build`",
            )
        self._tables = tables
        self.main = tables[needed[0]]
        """The view that names the service's entities."""
        self._connection = duckdb.connect()
        work = repository.directory / "work"
        for option, value in (
            ("memory_limit", f"{memory_gb}GB"),
            ("temp_directory", str(work)),
            ("threads", str(threads)),
            ("TimeZone", "UTC"),
        ):
            self._connection.execute(f"SET {option} = {text_sql(value)}")

    def read(self, ids: Sequence[str]) -> tuple[Floats, Times]:
        """Read rows.

        Parameters
        ----------
        ids : sequence of str
            The n entities, in ascending order: near ones lie near each other on disk.

        Returns
        -------
        matrix : (n, k) float64
            In the service's order; NaN for missing values and for unknown entities.
        times : (n, v) datetime64[us]
            When the values were true, by view, UTC; NaT where a view has no values.
        """
        columns = self.features
        if not ids:
            return np.empty((0, len(columns))), np.empty((0, len(self._views)), "datetime64[us]")
        asked = pa.table({"id": pa.array(ids, pa.string()), "row": pa.array(range(len(ids)))})
        self._connection.register("asked", asked)
        rows = self._connection.execute(self._query(ids[0], ids[-1])).to_arrow_table()
        self._connection.unregister("asked")
        matrix = np.empty((len(ids), len(columns)))
        for position in range(len(columns)):
            matrix[:, position] = rows.column(position).to_numpy()
        times = np.empty((len(ids), len(self._views)), "datetime64[us]")
        for position in range(len(self._views)):
            times[:, position] = rows.column(len(columns) + position).to_numpy()
        return matrix, times

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the service's features, in order."""
        return tuple(name for view in self._views for name in view.columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def _query(self, first: str, last: str) -> str:
        key = self.main.join_key
        joins = []
        if self._links:
            near = _near(self._scan(self._links), key, first, last)
            joins.append(f"LEFT JOIN ({near}) AS links ON links.{key} = asked.id")
        for view in self._views:
            scan = self._scan(view.name)
            if view.join_key == key:
                scan, on = _near(scan, key, first, last), "asked.id"
            else:
                on = f"links.linked_{view.entity}"
            joins.append(f"LEFT JOIN ({scan}) AS {view.name} ON {view.name}.{view.join_key} = {on}")
        values = [_value(view, name) for view in self._views for name in view.columns]
        times = [f"{view.name}.{TIME}::TIMESTAMP AS time_{view.name}" for view in self._views]
        return f"SELECT {', '.join(values + times)} FROM asked {' '.join(joins)} ORDER BY asked.row"

    def _scan(self, view: str) -> str:
        table = self._tables[view]
        columns = [table.join_key, TIME, *map(quoted, table.columns)]
        return f"SELECT {', '.join(columns)} FROM {files_sql([table.path])}"


def _near(scan: str, key: str, first: str, last: str) -> str:
    """Only the part of a table, which lies in order of its ids, that can hold asked ones."""
    return f"{scan} WHERE {key} BETWEEN {text_sql(first)} AND {text_sql(last)}"


def _value(view: View, name: str) -> str:
    return f"coalesce({view.name}.{quoted(name)}, 'nan'::DOUBLE) AS {quoted(name)}"
