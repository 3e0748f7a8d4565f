"""Small model versions with documents that pass the gate, and homes that can serve them, for
tests.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from features.online.service import OnlineLayout, OnlineView, online_directory, publish_service
from features.packed.store import PackedStore
from holdfast.home import Home
from models.bands import BandBounds
from models.calibration import PlattCalibration
from models.reasons.cost import explanation_cost
from models.strata import EVERYONE, Strata
from models.version import HorizonModel, ModelVersion, StratumModel
from tests.builders.gate_documents import FEATURES, HORIZONS, STRATA, documents, facts
from training.release.facts import ChampionComparison

TINY = "tiny_v1"
"""A feature service of three features."""

NOBODY = ChampionComparison(number=None, comparable=False, why="")


def against(number: str) -> ChampionComparison:
    """A comparison with a champion on the same rows."""
    return ChampionComparison(number=number, comparable=True, why="")


def make_version(
    name: str = "churn",
    champion: ChampionComparison = NOBODY,
    seed: int = 1,
    rounds: int = 3,
    **changes: Any,
) -> ModelVersion:
    """A version with two horizons and strata, whose documents pass the gate unless `changes` to its
    facts spoil them.
    """
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(300, len(FEATURES)))
    matrix[:, 1] = random.integers(0, 3, 300)
    label = (matrix[:, 0] + random.normal(size=300) > 0).astype(float)
    data = lgb.Dataset(matrix, label, feature_name=list(FEATURES))
    booster = lgb.train(
        {"objective": "binary", "num_leaves": 4, "verbosity": -1, "num_threads": 1, "seed": seed},
        data,
        rounds,
    )
    stratum_model = StratumModel((booster,), PlattCalibration(slope=1.0, intercept=-1.0))
    horizon_models = tuple(
        HorizonModel(
            horizon_days=days,
            stratum_models={EVERYONE: stratum_model},
            bands=BandBounds(high=0.6, medium=0.3),
        )
        for days in HORIZONS
    )
    known = facts(
        name,
        service=TINY,
        champion=champion,
        explanation_cost={str(days): explanation_cost(booster) for days in HORIZONS},
    )
    return ModelVersion(
        name=name,
        service=TINY,
        features=FEATURES,
        horizon_models=horizon_models,
        strata=Strata("billing_type_code", tuple(STRATA)),
        documents=documents(replace(known, **changes), champion=champion.comparable),
    )


def publish_features(home: Home, features: tuple[str, ...] = FEATURES, service: str = TINY) -> None:
    """Make a feature service known online, in place of one of the same name."""
    store = PackedStore(online_directory(home.features), create=True)
    publish_service(
        store,
        OnlineLayout(
            service,
            "subscription_id",
            (OnlineView("tiny", "subscription_id", features, None),),
            None,
            None,
        ),
    )


def booster_files(home: Home, directory: Path) -> list[Path]:
    """Booster texts of a registered version."""
    assert directory.is_relative_to(home.artifacts)
    return sorted(directory.glob("booster*.txt"))
