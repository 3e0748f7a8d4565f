"""Which raw tables the models in use rest on: a night does not go on without them."""

import numpy as np

from features.operator.repository import OperatorRepository
from features.views.declaration import STANDS_IN
from holdfast.home import Home
from models.registry import load_registered
from models.version import ModelVersion
from pipeline.night.scoring_versions import find_versions

TOP_FEATURES = 5
"""Features of each version that count, those that its trees gain most by."""


def tables_rested_on(home: Home) -> frozenset[str]:
    """Raw tables behind the top features of every version that scores; none without a version.

    Raises
    ------
    ModelError
        The registry or a version is damaged.
    """
    features = OperatorRepository(home).catalogue.by_name
    versions, _ = find_versions(home)
    needed = {
        table
        for entry, _ in versions
        for name in top_features(load_registered(entry.address(home)).model)
        if name in features
        for table in features[name].tables
    }
    return frozenset(needed | {STANDS_IN[table] for table in needed & STANDS_IN.keys()})


def top_features(version: ModelVersion, count: int = TOP_FEATURES) -> tuple[str, ...]:
    """Features that a version's boosters gain most by, the first one first."""
    gains = sum(
        np.asarray(booster.feature_importance("gain"), dtype=np.float64)
        for booster in version.boosters.values()
    )
    order = np.argsort(-np.asarray(gains), kind="stable")[:count]
    return tuple(version.features[position] for position in order.tolist())
