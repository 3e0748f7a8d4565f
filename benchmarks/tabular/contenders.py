"""Contenders: ways to predict a label, each with the same rows, inner split and number of trials."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from holdfast.arrays import Floats
from models.reasons.cost import explanation_cost
from training.evaluation.folds import inner_folds
from training.fitting.blend import fit_blend
from training.fitting.budget import TuningBudget
from training.fitting.fit import TrainingTable, fit_calibrated
from training.fitting.tune import tune
from training.settings import GateSettings, TrainingConfig, TrainingSettings, TuningSettings

TRIALS = 20
"""Tuning trials, on one inner split of the training fold."""


@dataclass(frozen=True)
class Predicted:
    """The prediction of a contender for the test rows.

    Parameters
    ----------
    probability : (n,) float64
        0 to 1.
    leaves : int or None
        Leaves over all trees; None where explanations do not depend on them.
    """

    probability: Floats
    leaves: int | None = None


@dataclass(frozen=True)
class Contender:
    """A way to predict a label.

    Parameters
    ----------
    name : str
        Name in the printed tables.
    predict : callable
        Fits on the training rows with one thread, and predicts the rows of the test matrix.
    modules : tuple of str
        Modules whose source decides its predictions, which are kept until one of them changes.
    """

    name: str
    predict: Callable[[TrainingTable, Floats, TrainingSettings], Predicted]
    modules: tuple[str, ...]


def tuned_holdfast(train: TrainingTable, test: Floats, settings: TrainingSettings) -> Predicted:
    """The blend of the best trials, fitted again on all training rows."""
    learn, watch = next(inner_folds(train.label, train.group, settings))
    config = TrainingConfig(
        fitting=settings, tuning=TuningSettings.read(), gate=GateSettings.read()
    )
    tuned = tune(
        train.rows(learn), train.rows(watch), TuningBudget(trials=TRIALS), config, threads=1
    )
    booster = fit_blend(
        train, tuned.members, settings, threads=1, most_leaves=config.gate.most_leaves
    )
    return Predicted(np.asarray(booster.predict(test, num_threads=1)), explanation_cost(booster))


def quickstart(train: TrainingTable, test: Floats, settings: TrainingSettings) -> Predicted:
    """The default parameters, with rounds and calibration from folds inside the training rows."""
    booster, calibration = fit_calibrated(train, settings, threads=1)
    margin = np.asarray(booster.predict(test, raw_score=True, num_threads=1))
    return Predicted(calibration.probability(margin), explanation_cost(booster))


def plain_lightgbm(train: TrainingTable, test: Floats, settings: TrainingSettings) -> Predicted:
    """LightGBM with its own defaults."""
    data = lgb.Dataset(train.matrix, train.label, categorical_feature=list(train.categorical))
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "seed": settings.seed, "num_threads": 1}, data
    )
    return Predicted(np.asarray(booster.predict(test, num_threads=1)), explanation_cost(booster))


def tuned_catboost(train: TrainingTable, test: Floats, settings: TrainingSettings) -> Predicted:
    """CatBoost with the parameters of the best trial, fitted again on all training rows."""
    from benchmarks.tabular.catboost_tuned import tuned_catboost as predict

    return Predicted(predict(train, test, TRIALS, settings))


OURS = Contender(
    "holdfast, tuned",
    tuned_holdfast,
    (
        "training.fitting.tune",
        "training.fitting.search_space",
        "training.fitting.averaging",
        "training.fitting.blend",
        "training.fitting.fit",
        __name__,
    ),
)
QUICKSTART = Contender(
    "holdfast quickstart", quickstart, ("training.fitting.fit", "models.calibration", __name__)
)
PLAIN = Contender("LightGBM with its defaults", plain_lightgbm, (__name__,))
CATBOOST = Contender("CatBoost, tuned", tuned_catboost, ("benchmarks.tabular.catboost_tuned",))


def contenders() -> tuple[Contender, ...]:
    """All contenders that can run here."""
    if importlib.util.find_spec("catboost") is None:
        print(
            "CatBoost is left out, because it is not installed; requirements-bench.lock has it, for this comparison only",
            file=sys.stderr,
        )
        return (OURS, QUICKSTART, PLAIN)
    return (OURS, QUICKSTART, PLAIN, CATBOOST)
