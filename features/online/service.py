"""Online reads: the newest features of a few entities, from any online store."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.encoding.encoding import Encoding
from features.online.age import ages
from features.online.layout import OnlineLayout, OnlineLinks, OnlineReader, OnlineView
from features.online.packed_reader import PackedReader
from features.online.settings import OnlineSettings
from features.packed.store import PackedStore
from holdfast.arrays import Floats, Times
from holdfast.errors import ModelError
from holdfast.home import Home

__all__ = [
    "OnlineLayout",
    "OnlineLinks",
    "OnlineReader",
    "OnlineService",
    "OnlineView",
    "find_service",
    "oldest",
    "online_directory",
    "open_service",
    "publish_service",
    "read",
    "stale",
]

ONLINE_DIRECTORY = "online"
OPERATOR_DIRECTORY = "operator"
"""Where the operator's Feast repository lies in the features directory of a home."""


@dataclass(frozen=True)
class OnlineService:
    """A feature service, open for reading.

    Parameters
    ----------
    layout : OnlineLayout
        What it consists of.
    reader : OnlineReader
        Reads its rows.
    """

    layout: OnlineLayout
    reader: OnlineReader

    @property
    def name(self) -> str:
        """The service's name in Feast."""
        return self.layout.name

    @property
    def entity(self) -> str:
        """Join key whose ids are asked for."""
        return self.layout.entity

    @property
    def views(self) -> tuple[OnlineView, ...]:
        """Its feature views, in the order of the times that `read` gives."""
        return self.layout.views

    @property
    def encoding(self) -> Encoding | None:
        """How its numbers read to a person; only a team's own table has one."""
        return self.layout.encoding

    @property
    def features(self) -> tuple[str, ...]:
        """Feature names, in the order of the matrix that `read` gives."""
        return self.layout.features

    def narrowed(self, features: Collection[str]) -> "OnlineService":
        """The service without those of a home's own features that are not among some."""
        layout = self.layout.narrowed(features)
        if layout is self.layout:
            return self
        return OnlineService(layout, self.reader.narrowed(layout))

    def features_of(self, views: NDArray[np.bool_]) -> tuple[str, ...]:
        """Names of the features of some views.

        Parameters
        ----------
        views : (v,) bool
            Which, such as one row of what `stale` gives.
        """
        return tuple(
            name
            for view, chosen in zip(self.views, views, strict=True)
            if chosen
            for name in view.columns
        )


def open_service(home: Home, name: str, settings: OnlineSettings) -> OnlineService:
    """Open a feature service of a home for online reads.

    Parameters
    ----------
    home : Home
        Its operator's repository is asked first, then that of the team's own table.
    name : str
        The service's name.
    settings : OnlineSettings
        Which online store to read from.

    Raises
    ------
    ModelError
        There is no online store, or the service was never materialized into it.
    InputError
        A setting does not fit.
    """
    repositories = (home.features / OPERATOR_DIRECTORY, home.features)
    for repository in [path for path in repositories if _is_filled(path, settings)] or [
        home.features
    ]:
        service = find_service(repository, name, settings)
        if service is not None:
            return service
    raise ModelError(f"feature service {name}", "was never materialized into the online store")


def find_service(repository: Path, name: str, settings: OnlineSettings) -> OnlineService | None:
    """Open a feature service of one Feast repository; None where it is not in its online store.

    Parameters
    ----------
    repository : Path
        Directory of its ``feature_store.yaml``.
    name : str
        The service's name.
    settings : OnlineSettings
        Say where the repository was materialized to.

    Raises
    ------
    ModelError
        There is no online store, or it is not the one that the settings name.
    """
    if settings.online_store != "packed":
        from features.online.feast_reader import find_feast_reader

        reader = find_feast_reader(repository, name, settings)
        return None if reader is None else OnlineService(reader.layout, reader)
    store = PackedStore(online_directory(repository))
    document = store.get_document(_document_name(name))
    if document is None:
        return None
    layout = OnlineLayout.from_json(document)
    return OnlineService(layout, PackedReader(store, layout))


def publish_service(store: PackedStore, layout: OnlineLayout) -> None:
    """Make a service known to `open_service`."""
    store.put_document(_document_name(layout.name), layout.to_json())


def read(service: OnlineService, ids: Sequence[str]) -> tuple[Floats, Times]:
    """Read the newest features.

    Views of another entity than the service's are read for the entities that the asked ones belong
    to. The packed store gives all of them as they were at one time.

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
    times : (n, v) datetime64[us]
        When the values were true, by view in the order of `service.views`, UTC; NaT where a view
        has no values.

    Raises
    ------
    ModelError
        The online store does not answer, or no longer fits.
    """
    return service.reader.read(ids)


def oldest(times: Times) -> Times:
    """The oldest time of each entity.

    Parameters
    ----------
    times : (n, v) datetime64[us]
        As `read` gives them.

    Returns
    -------
    (n,) datetime64[us]
        NaT where no view has values: the entity is unknown.
    """
    return np.fmin.reduce(times, axis=1)


def stale(service: OnlineService, times: Times, now: datetime) -> NDArray[np.bool_]:
    """Which values are older than their view allows.

    Parameters
    ----------
    service : OnlineService
        Says how old values may be.
    times : (n, v) datetime64[us]
        As `read` gives them.
    now : datetime
        Aware.

    Returns
    -------
    (n, v) bool
        False where a view has no values: they are absent, not stale.

    Raises
    ------
    InputError
        The time is naive.
    """
    late = [age.late for age in ages(times, service.layout.lifetimes, now)]
    return np.array(late, dtype=np.bool_).reshape(times.shape)


def online_directory(repository: Path) -> Path:
    """Where a Feast repository keeps its packed records."""
    return repository / ONLINE_DIRECTORY


def _is_filled(repository: Path, settings: OnlineSettings) -> bool:
    packed = settings.online_store == "packed"
    return (
        online_directory(repository) / "data.mdb" if packed else repository / "feature_store.yaml"
    ).exists()


def _document_name(service: str) -> str:
    return f"service/{service}"
