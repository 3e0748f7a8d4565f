"""Contenders: ways to predict a label, each with the same rows, inner folds and number of trials.

All of them are calibrated alike: by the curve that predicts best on margins from the inner folds of the
training rows, as holdfast does it.
"""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from scipy.special import logit

from holdfast.arrays import Floats
from models.boosters.average import average_margin
from models.reasons.cost import explanation_cost
from training.evaluation.folds import inner_folds
from training.fitting.blend import fit_blend, fit_calibrated
from training.fitting.budget import TuningBudget
from training.fitting.calibrate import choose_calibration
from training.fitting.fit import TrainingTable
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


Margins = Callable[[TrainingTable, Floats], Floats]
"""Fits on training rows, and gives raw margins of the rows of a matrix."""

_LEAST = 1e-9


def calibrated(
    fit: Margins, train: TrainingTable, test: Floats, settings: TrainingSettings
) -> Floats:
    """Probabilities for test rows: margins of a fit on all training rows, with the curve that
    predicts best on margins of the inner folds.
    """
    margin = np.empty(len(train.label))
    for learn, rest in inner_folds(train.label, train.group, settings):
        margin[rest] = fit(train.rows(learn), train.matrix[rest])
    choice = choose_calibration(margin, train.label, train.weight, train.group, settings.seed)
    return choice.calibration.probability(fit(train, test))


def tuned_holdfast(train: TrainingTable, test: Floats, settings: TrainingSettings) -> Predicted:
    """The blend of the best trials, fitted again on all training rows."""
    learn, watch = next(inner_folds(train.label, train.group, settings))
    config = TrainingConfig(
        fitting=settings, tuning=TuningSettings.read(), gate=GateSettings.read()
    )
    tuned = tune(
        train.rows(learn), train.rows(watch), TuningBudget(trials=TRIALS), config, threads=1
    )
    leaves = 0

    def fit(rows: TrainingTable, others: Floats) -> Floats:
        nonlocal leaves
        boosters = fit_blend(
            rows, tuned.members, settings, threads=1, most_leaves=config.gate.most_leaves
        )
        leaves = explanation_cost(*boosters)
        return average_margin(boosters, others, threads=1)

    probability = calibrated(fit, train, test, settings)
    return Predicted(probability, leaves)  # of the last fit, which is of all rows


def untuned_holdfast(train: TrainingTable, test: Floats, settings: TrainingSettings) -> Predicted:
    """As `quickstart` does it: the default parameter sets, with rounds and calibration from folds inside the training rows."""
    boosters, choice = fit_calibrated(train, settings, threads=1)
    margin = average_margin(boosters, test, threads=1)
    return Predicted(choice.calibration.probability(margin), explanation_cost(*boosters))


def plain_lightgbm(train: TrainingTable, test: Floats, settings: TrainingSettings) -> Predicted:
    """LightGBM with its own defaults."""
    leaves = 0

    def fit(rows: TrainingTable, others: Floats) -> Floats:
        nonlocal leaves
        data = lgb.Dataset(rows.matrix, rows.label, categorical_feature=list(rows.categorical))
        booster = lgb.train(
            {"objective": "binary", "verbosity": -1, "seed": settings.seed, "num_threads": 1}, data
        )
        leaves = explanation_cost(booster)
        return average_margin([booster], others, threads=1)

    probability = calibrated(fit, train, test, settings)
    return Predicted(probability, leaves)


def tuned_catboost(train: TrainingTable, test: Floats, settings: TrainingSettings) -> Predicted:
    """CatBoost with the parameters of the best trial, fitted again on all training rows."""
    from benchmarks.tabular.catboost_tuned import TunedCatBoost

    tuned = TunedCatBoost.search(train, TRIALS, settings)

    def fit(rows: TrainingTable, others: Floats) -> Floats:
        probability = np.clip(tuned.fit_predict(rows, others), _LEAST, 1 - _LEAST)
        margin: Floats = logit(probability)
        return margin

    return Predicted(calibrated(fit, train, test, settings))


OURS = Contender(
    "holdfast",
    untuned_holdfast,
    (
        "training.fitting.fit",
        "training.fitting.blend",
        "training.fitting.parameters",
        "training.fitting.calibrate",
        "models.calibration",
        __name__,
    ),
)
TUNED = Contender(
    "holdfast, tuned",
    tuned_holdfast,
    (
        "training.fitting.tune",
        "training.fitting.search_space",
        "training.fitting.averaging",
        *OURS.modules,
    ),
)
PLAIN = Contender("LightGBM with its defaults", plain_lightgbm, (__name__,))
CATBOOST = Contender("CatBoost, tuned", tuned_catboost, ("benchmarks.tabular.catboost_tuned",))


def contenders(*, tuned: bool) -> tuple[Contender, ...]:
    """All contenders that can run here, with or without those that are tuned."""
    if not tuned:
        return (OURS, PLAIN)
    if importlib.util.find_spec("catboost") is None:
        print(
            "CatBoost is left out, because it is not installed; requirements-bench.lock has it, for this comparison only",
            file=sys.stderr,
        )
        return (OURS, TUNED, PLAIN)
    return (OURS, TUNED, PLAIN, CATBOOST)
