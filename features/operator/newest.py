"""The newest snapshot as it lies on disk: its tables, and rows of a feature service from them.

A row is put together as in `features.online.packed_reader`: views of the service's own entity by
its id, those of other entities by the ids that the view of links names.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.compute.files import digest_of
from features.fields import LINKS
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
    views = repository.catalogue.views.values()
    numbers = {view.name: (view.join_key, view.columns) for view in views}
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
        catalogue = repository.catalogue
        if service not in catalogue.services:
            raise InputError("service", f"must be one of {', '.join(catalogue.services)}", service)
        tables = {table.view: table for table in newest_tables(repository)}
        self._views = [catalogue.views[name] for name in catalogue.services[service]]
        entity = self._views[0].entity
        needed = [view.name for view in self._views]
        self._own = [view for view in self._views if view.entity == entity]
        self._linked = [view for view in self._views if view.entity != entity]
        self._links = f"{entity}_links" if self._linked else None
        absent = [name for name in (*needed, self._links) if name and name not in tables]
        if absent:
            raise InputError(
                f"feature service {service}",
                f"was not built: {', '.join(absent)}; run `holdfast features build`",
            )
        self._tables = tables
        self.main = tables[needed[0]]
        """The view that names the service's entities."""
        self._lookups: dict[str, LinkedValues] = {}
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

        The first read takes the views of other entities into memory, because any row may need any
        of theirs.

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
        matrix = np.empty((len(ids), len(self.features)))
        times = np.empty((len(ids), len(self._views)), "datetime64[us]")
        if not ids:
            return matrix, times
        asked = pa.table({"id": pa.array(ids, pa.string()), "row": pa.array(range(len(ids)))})
        self._connection.register("asked", asked)
        rows = self._connection.execute(self._query(ids[0], ids[-1])).to_arrow_table()
        self._connection.unregister("asked")
        first = 0
        for place, view in enumerate(self._views):
            columns = slice(first, first + len(view.columns))
            first = columns.stop
            if view in self._own:
                for position, name in enumerate(view.columns):
                    matrix[:, columns.start + position] = rows[name].to_numpy()
                times[:, place] = rows[f"time_{view.name}"].to_numpy()
            else:
                values = self._values_of(view)
                matrix[:, columns], times[:, place] = values.of(rows[f"linked_{view.entity}"])
        return matrix, times

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the service's features, in order."""
        return tuple(name for view in self._views for name in view.columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def _values_of(self, view: View) -> "LinkedValues":
        if view.name not in self._lookups:
            self._lookups[view.name] = LinkedValues(self._tables[view.name])
        return self._lookups[view.name]

    def _query(self, first: str, last: str) -> str:
        key = self.main.join_key
        views = [view.name for view in self._own]
        near = [*views, *([self._links] if self._links else [])]
        joins = [
            f"LEFT JOIN ({self._scan(view)} WHERE {key} BETWEEN {text_sql(first)} AND {text_sql(last)})"
            f" AS {view} ON {view}.{key} = asked.id"
            for view in near
        ]
        values = [_value(view, name) for view in self._own for name in view.columns]
        values += [f"{view}.{TIME}::TIMESTAMP AS time_{view}" for view in views]
        values += sorted({f"{self._links}.linked_{view.entity}" for view in self._linked})
        return f"SELECT {', '.join(values)} FROM asked {' '.join(joins)} ORDER BY asked.row"

    def _scan(self, view: str) -> str:
        """A view as it lies on disk, in order of its ids: a range of them is a part of the file."""
        table = self._tables[view]
        columns = [table.join_key, TIME, *map(quoted, table.columns)]
        return f"SELECT {', '.join(columns)} FROM {files_sql([table.path])}"


class LinkedValues:
    """All values of a view of another entity, in memory.

    Parameters
    ----------
    table : NewestTable
        The view, in order of its ids.
    """

    def __init__(self, table: NewestTable) -> None:
        rows = pq.read_table(table.path, columns=[table.join_key, TIME, *table.columns])
        self._ids = _bytes(rows[table.join_key])
        # Behind the last row one that is missing, for entities that are nobody.
        self._matrix = np.full((len(rows) + 1, len(table.columns)), np.nan)
        for position, name in enumerate(table.columns):
            self._matrix[:-1, position] = rows[name].cast(pa.float64()).to_numpy()
        self._times = np.full(len(rows) + 1, "NaT", "datetime64[us]")
        self._times[:-1] = rows[TIME].cast(pa.timestamp("us")).to_numpy()

    def of(self, ids: pa.ChunkedArray) -> tuple[Floats, Times]:
        """Values and times of entities; NaN and NaT for those that are null or unknown."""
        if len(self._ids) == 0:
            nobody = np.full(len(ids), -1)
            return self._matrix[nobody], self._times[nobody]
        asked = _bytes(ids)
        places = np.minimum(np.searchsorted(self._ids, asked), len(self._ids) - 1)
        places[(self._ids[places] != asked) | ids.is_null().to_numpy()] = -1
        return self._matrix[places], self._times[places]


def _bytes(ids: pa.ChunkedArray) -> "np.ndarray[Any, np.dtype[np.bytes_]]":
    """Ids as bytes of one length, which numpy orders as the files do; null as none."""
    return np.array(ids.fill_null("").cast(pa.binary()).to_pylist(), dtype=np.bytes_)


def _value(view: View, name: str) -> str:
    return f"coalesce({view.name}.{quoted(name)}, 'nan'::DOUBLE) AS {quoted(name)}"
