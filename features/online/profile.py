"""What the online store knows of one entity, for a person to read."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from features.online.service import open_service, read, stale
from features.online.settings import OnlineSettings
from features.own.reading import read_catalogue
from features.views.declaration import Feature
from holdfast.errors import InputError
from holdfast.home import Home


@dataclass(frozen=True)
class KnownFeature:
    """One feature's newest value.

    Parameters
    ----------
    view : str
        Its view.
    feature : Feature
        What it means.
    value : float or None
        None where it is missing.
    time : datetime or None
        When it was true; None where the view has no values.
    stale : bool
        Older than its view allows.
    """

    view: str
    feature: Feature
    value: float | None
    time: datetime | None
    stale: bool


@dataclass(frozen=True)
class Profile:
    """Everything that a feature service knows of one entity.

    Parameters
    ----------
    service, entity, id : str
        Who was looked up, and where.
    features : tuple of KnownFeature
        In the service's order.
    """

    service: str
    entity: str
    id: str
    features: tuple[KnownFeature, ...]

    def to_json(self) -> dict[str, object]:
        """The profile as one JSON object."""
        return {
            "service": self.service,
            self.entity: self.id,
            "features": [
                {
                    "view": known.view,
                    "name": known.feature.name,
                    "value": known.value,
                    "unit": known.feature.unit,
                    "time": known.time and known.time.isoformat(),
                    "stale": known.stale,
                }
                for known in self.features
            ],
        }


def read_profile(
    home: Home, service: str, id: str, settings: OnlineSettings, now: datetime
) -> Profile:
    """Look somebody up in the online store.

    Parameters
    ----------
    home : Home
        The home directory.
    service : str
        Feature service.
    id : str
        The service's entity.
    settings : OnlineSettings
        Which online store.
    now : datetime
        With a time zone; what staleness is measured from.

    Raises
    ------
    InputError
        Nobody of this id is known.
    ModelError
        There is no such service online.
    """
    catalogue = read_catalogue(home)
    opened = open_service(home, service, settings).narrowed(catalogue.by_name)
    matrix, times = read(opened, [id])
    if np.isnat(times).all():
        raise InputError(opened.entity, f"must be known to {service}", id)
    late = stale(opened, times, now)
    features: list[KnownFeature] = []
    for position, view in enumerate(opened.views):
        time = (
            None if np.isnat(times[0, position]) else times[0, position].item().replace(tzinfo=UTC)
        )
        by_name = {feature.name: feature for feature in catalogue.views[view.name].features}
        for name in view.columns:
            value = float(matrix[0, len(features)])
            features.append(
                KnownFeature(
                    view.name,
                    by_name[name],
                    None if np.isnan(value) else value,
                    time,
                    bool(late[0, position]),
                )
            )
    return Profile(service, opened.entity, id, tuple(features))
