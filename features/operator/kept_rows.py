"""Rows of a feature service from the newest snapshot, put together once and read many times."""

from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.online.service import oldest
from features.operator.newest import NewestReader
from features.views.declaration import is_own
from holdfast.arrays import Floats, Positions, Times

_ROWS_AT_ONCE = 50_000


class KeptRows:
    """Rows of all of a service's entities, as numbers in one file.

    Joining the views of a service takes longer than reading their numbers back. Several passes over
    the same rows, by several models, join them once. Memory is needed for a batch of rows and for
    the entities' ids and times.

    Parameters
    ----------
    reader : NewestReader
        Of the service.
    path : Path
        Where the file is made, in a folder that exists; anything there is replaced. It is removed
        in the end.
    """

    def __init__(self, reader: NewestReader, path: Path) -> None:
        self.features = reader.features
        self.join_key = reader.main.join_key
        ids = reader.main.ids()
        self._ids = pa.array(ids, pa.string())
        self._times: Times = np.empty(len(ids), "datetime64[us]")
        self._path = path
        with path.open("wb") as file:
            for start in range(0, len(ids), _ROWS_AT_ONCE):
                rows = slice(start, start + _ROWS_AT_ONCE)
                matrix, times = reader.read(ids[rows])
                matrix.tofile(file)
                self._times[rows] = oldest(times)

    @property
    def ids(self) -> list[str]:
        """The entities, ascending."""
        ids: list[str] = self._ids.to_pylist()
        return ids

    def places(self, ids: pa.Array | pa.ChunkedArray) -> Positions:
        """Where the rows of entities lie; each must have one."""
        return pc.index_in(ids, self._ids).to_numpy().astype(np.intp)

    def read(self, places: Positions) -> Floats:
        """Read rows.

        Parameters
        ----------
        places : (n,) intp
            Where they lie, ascending.

        Returns
        -------
        (n, k) float64
            In the service's order; NaN for missing values.
        """
        matrix = np.empty((len(places), len(self.features)))
        bounds = np.arange(0, len(self._ids) + _ROWS_AT_ONCE, _ROWS_AT_ONCE)
        edges = np.searchsorted(places, bounds)
        width = len(self.features)
        for first, last in pairwise(edges):
            if first < last:
                lowest = int(places[first])
                block = np.fromfile(
                    self._path,
                    count=int(places[last - 1] + 1 - lowest) * width,
                    offset=lowest * width * matrix.itemsize,
                ).reshape(-1, width)
                matrix[first:last] = block[places[first:last] - lowest]
        return matrix

    def times(self, places: Positions) -> Times:
        """When rows were true, of several views the oldest: (n,) datetime64[us], UTC."""
        return self._times[places]

    def narrowed(self, features: Collection[str]) -> "NarrowedRows":
        """The rows without those of a home's own features that are not among some."""
        kept = [name for name in self.features if not is_own(name) or name in features]
        return NarrowedRows(self, tuple(kept))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._path.unlink(missing_ok=True)


class NarrowedRows:
    """Some columns of `KeptRows`, which must stay open.

    Parameters
    ----------
    rows : KeptRows
        The rows.
    features : tuple of str
        Which columns.
    """

    def __init__(self, rows: KeptRows, features: tuple[str, ...]) -> None:
        self._rows = rows
        self.features = features
        self.join_key = rows.join_key
        self._all = features == rows.features
        self._columns = [rows.features.index(name) for name in features]

    @property
    def ids(self) -> list[str]:
        """The entities, ascending."""
        return self._rows.ids

    def places(self, ids: pa.Array | pa.ChunkedArray) -> Positions:
        """Where the rows of entities lie; each must have one."""
        return self._rows.places(ids)

    def read(self, places: Positions) -> Floats:
        """Read rows, as `KeptRows.read`: (n, k) float64 in the order of `features`."""
        matrix = self._rows.read(places)
        return matrix if self._all else np.ascontiguousarray(matrix[:, self._columns])

    def times(self, places: Positions) -> Times:
        """When rows were true, as `KeptRows.times`."""
        return self._rows.times(places)
