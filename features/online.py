"""Online reads: the newest features of a few entities, straight from the packed records."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.encoding import Encoding
from features.packed import Floats, PackedStore, Times
from holdfast.errors import ModelError
from holdfast.settings import Home

ONLINE_DIRECTORY = "online"


@dataclass(frozen=True)
class OnlineService:
    """A feature service, open for reading.

    Parameters
    ----------
    name : str
        The service's name in Feast.
    views : tuple of (str, tuple of str)
        Its feature views with all their columns, in the service's order.
    encoding : Encoding
        How its numbers read to a person.
    store : PackedStore
        Where the records lie.
    """

    name: str
    views: tuple[tuple[str, tuple[str, ...]], ...]
    encoding: Encoding
    store: PackedStore

    @property
    def features(self) -> tuple[str, ...]:
        """Feature names, in the order of the matrix that `read` gives."""
        return tuple(column for _, columns in self.views for column in columns)


def open_service(home: Home, name: str) -> OnlineService:
    """Open a feature service for online reads.

    Raises
    ------
    ModelError
        There is no online store, or the service was never materialized into it.
    """
    store = PackedStore(home.features / ONLINE_DIRECTORY)
    layout = store.get_document(_document_name(name))
    if not isinstance(layout, dict):
        raise ModelError(f"feature service {name}", "was never materialized into the online store")
    return OnlineService(
        name=name,
        views=tuple((view, tuple(columns)) for view, columns in layout["views"]),
        encoding=Encoding.from_json(layout["encoding"]),
        store=store,
    )


def publish_service(store: PackedStore, name: str, views: Sequence[tuple[str, Sequence[str]]], encoding: Encoding) -> None:
    """Make a service known to `open_service`."""
    layout = {"views": [[view, list(columns)] for view, columns in views], "encoding": encoding.to_json()}
    store.put_document(_document_name(name), layout)


def read(service: OnlineService, ids: Sequence[str]) -> tuple[Floats, Times]:
    """Read the newest features.

    Parameters
    ----------
    service : OnlineService
        Which features.
    ids : sequence of str
        The n entities; one may repeat.

    Returns
    -------
    matrix : (n, k) float64
        In the order of `service.features`; NaN for missing values and for unknown entities.
    times : (n,) datetime64[us]
        The oldest time among the entity's records, UTC; NaT for unknown entities.
    """
    parts = [service.store.read(view, columns, ids) for view, columns in service.views]
    matrix = np.concatenate([part for part, _ in parts], axis=1)
    times = np.fmin.reduce([part for _, part in parts])
    return matrix, times


def _document_name(service: str) -> str:
    return f"service/{service}"


def online_directory(repository: Path) -> Path:
    """Where a Feast repository keeps its packed records."""
    return repository / ONLINE_DIRECTORY
