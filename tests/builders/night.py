"""A small operator with features and champions, to run nights on."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.online.settings import OnlineSettings
from features.operator.newest import NewestReader, newest_tables
from features.operator.repository import OperatorRepository
from features.settings import ExpectationSettings, FeatureSettings
from holdfast.clock import CLOCK_NOTE, home_clock, system_clock, write_clock
from holdfast.documents import to_document
from holdfast.home import Home
from models.bands import BandBounds
from models.calibration import PlattCalibration
from models.reasons.basis import REASON_BASIS
from models.reasons.cost import explanation_cost
from models.reasons.meaning import MEANINGS
from models.score_set import SCHEMA
from models.strata import EVERYONE
from models.target import Target
from models.targets import TARGETS
from models.version import HorizonModel, ModelVersion, StratumModel
from pipeline.features import build_features, materialize_features
from pipeline.night.config import NightConfig
from pipeline.night.night import Night
from pipeline.night.nightly import run_night
from pipeline.night.options import NightOptions
from pipeline.night.score import ScoreConfig
from tests.builders.gate_documents import documents, facts
from tests.builders.model_versions import NOBODY
from tests.builders.raw_tables import raw_tables, write_raw_tables
from training.fitting.parameters import Parameters
from training.operator.columns import meanings_of, reason_basis_of, service_documents
from training.release.tracking import RunRecord, Tracking

NIGHT = datetime(2025, 5, 5, tzinfo=UTC)
"""What time it is for the operator: a Monday, before its last rows arrive."""

ONLINE = OnlineSettings()
CHAMPIONS = ("churn", "csat_low", "contact_csat_low")
FEATURES = FeatureSettings(memory_gb=1.0, threads=1)
TIMED = ("scored_at",)
"""Columns of scores that tell when a run was."""

CONFIG = ScoreConfig(features=FEATURES)
NIGHT_CONFIG = NightConfig(
    # Drawn tables are awkward: some of what their rows refer to arrives later.
    expectations=ExpectationSettings(quarantine_share=1.0),
    scoring=CONFIG,
)


def make_operator(folder: Path, customers: int = 300) -> Home:
    """Raw tables in ``folder/raw``, and in ``folder/home`` their features and three champions."""
    raw = raw_by(folder / "raw", NIGHT, customers)
    home = Home(folder / "home")
    build_features(home, FEATURES, now=NIGHT, source=str(raw))
    materialize_features(home)
    for name in CHAMPIONS:
        register_champion(home, make_operator_version(home, TARGETS[name]))
    return home


def raw_by(folder: Path, night: datetime, customers: int = 300) -> Path:
    """The operator's raw tables as they are at a night: rows that have arrived, and the clock."""
    tables = {
        name: table.filter(pc.less(table["arrived_at"], pa.scalar(night)))
        for name, table in raw_tables(7, customers).items()
    }
    write_raw_tables(tables, folder)
    write_clock(folder / CLOCK_NOTE, night)
    return folder


_FEW_LEAVES: Parameters = {
    "objective": "binary",
    "num_leaves": 5,
    "verbosity": -1,
    "num_threads": 1,
    "min_data_in_leaf": 5,
}


def make_operator_version(
    home: Home,
    target: Target,
    seed: int = 1,
    parameters: Parameters = _FEW_LEAVES,
    trees: int = 4,
    driven_by: str | None = None,
) -> ModelVersion:
    """A version on random labels that depend on the newest features, or on one of them; of few trees
    by default.
    """
    repository = OperatorRepository(home)
    with NewestReader(repository, target.service, memory_gb=1.0, threads=1) as reader:
        matrix, _ = reader.read(reader.main.ids())
    random = np.random.default_rng(seed)
    known = np.nan_to_num(matrix)
    spread = known.std(axis=0)
    signal = (known - known.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    score = signal @ random.normal(size=signal.shape[1])
    label = (score + random.normal(size=len(score)) > np.median(score)).astype(float)
    catalogue = repository.catalogue
    features = catalogue.columns(target.service)
    if driven_by is not None:
        one = matrix[:, features.index(driven_by)]
        label = (one > np.nanmedian(one)).astype(float)
    options = {**parameters, "seed": seed}
    horizon_models = []
    for place, days in enumerate(target.horizons_days):
        data = lgb.Dataset(matrix, label, feature_name=list(features))
        booster = lgb.train(options, data, trees + place)
        horizon_models.append(
            HorizonModel(
                horizon_days=days,
                stratum_models={
                    EVERYONE: StratumModel((booster,), PlattCalibration(slope=1.0, intercept=-1.0))
                },
                bands=BandBounds(high=0.4, medium=0.2),
            )
        )
    meanings = meanings_of(target.service, target.direction, catalogue)
    return ModelVersion(
        name=target.name,
        service=target.service,
        features=features,
        horizon_models=tuple(horizon_models),
        strata=target.strata,
        documents={
            MEANINGS: [to_document(meaning) for meaning in meanings],
            REASON_BASIS: to_document(reason_basis_of(target.service, catalogue=catalogue)),
            **service_documents(target.service, catalogue),
        },
    )


def register_champion(home: Home, version: ModelVersion) -> str:
    """Register a version and let it score; its number."""
    tracking = Tracking(home, lambda: NIGHT)
    number = tracking.register(version, RunRecord(parameters={}, metrics={}))
    tracking.set_champion_ungated(version.name, number)
    return number


def with_evidence(version: ModelVersion) -> ModelVersion:
    """The version with documents of a training that the gate has nothing against, of 250 positives."""
    assert version.strata is not None
    days = tuple(one.horizon_days or 0 for one in version.horizon_models)
    horizons = [str(horizon) for horizon in days]
    known = facts(
        version.name,
        version.features,
        NOBODY,
        service=version.service,
        horizons_days=days,
        strata=version.strata.names,
        rounds=dict.fromkeys(horizons, 4),
        additivity_error=dict.fromkeys(horizons, 1e-13),
        explanation_cost={
            horizon: explanation_cost(*one.stratum_models[EVERYONE].boosters)
            for horizon, one in zip(horizons, version.horizon_models, strict=True)
        },
    )
    return replace(version, documents=version.documents | documents(known, champion=False))


def nightly(home: Home, **options: object) -> Night:
    """Run a night with small settings."""
    chosen = NightOptions(**options)  # type: ignore[arg-type]
    clock = home_clock(home, system_clock, chosen.source)
    return run_night(home, chosen, NIGHT_CONFIG, clock=clock, online=ONLINE)


def scores_of(home: Home) -> dict[str, Any]:
    """Everybody's scores of the home, as bytes would tell them apart, but for when they were made."""
    files = sorted(home.score_sets.glob("at=*/*.parquet"))
    return {
        f"{path.parent.name}/{path.name}": pq.read_table(path, schema=SCHEMA).drop_columns(TIMED)
        for path in files
    }


def snapshot_of(home: Home) -> dict[str, Any]:
    """The newest features of the home, by view."""
    return {
        table.view: pq.read_table(table.path) for table in newest_tables(OperatorRepository(home))
    }
