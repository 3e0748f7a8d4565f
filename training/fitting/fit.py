"""Fitting: a LightGBM booster on a training part, and the margins it gives rows it has not seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats, Positions
from holdfast.errors import InputError
from models.calibration import PlattCalibration
from training.evaluation.folds import inner_folds
from training.settings import TrainingSettings

Recipe = Mapping[str, object]
"""LightGBM parameters, without seed and threads."""

PARAMETERS: dict[str, object] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "learning_rate": 0.05,
    "num_leaves": 16,
    "max_depth": 6,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    # Categories with few rows each are noise until shown otherwise.
    "cat_smooth": 100.0,
    "cat_l2": 50.0,
    "min_data_per_group": 200,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
"""Defaults for tables of thousands to millions of customers: shallow trees, slow learning, rounds
chosen by the data.
"""

_VALID = "valid"


@dataclass(frozen=True, kw_only=True)
class TrainingTable:
    """Labelled rows as training sees them.

    Parameters
    ----------
    matrix : (n, k) float64
        Features, NaN for missing.
    label : (n,) float64
        0 or 1.
    group : (n,) int64 or None
        Rows of one group are never parted.
    features : tuple of str
        Names of the k features.
    categorical : tuple of int
        Positions of the features that hold category codes.
    weight : (n,) float64 or None
        Positive: how much each row counts in fitting and in log loss; None where all count the
        same.
    """

    matrix: Floats
    label: Floats
    group: NDArray[np.int64] | None
    features: tuple[str, ...]
    categorical: tuple[int, ...]
    weight: Floats | None = None

    def rows(self, positions: Positions) -> "TrainingTable":
        """The same table with only these rows, in this order."""
        return TrainingTable(
            matrix=self.matrix[positions],
            label=self.label[positions],
            group=None if self.group is None else self.group[positions],
            features=self.features,
            categorical=self.categorical,
            weight=None if self.weight is None else self.weight[positions],
        )


@dataclass(frozen=True)
class EarlyStopped:
    """A booster that was stopped where the log loss on other rows was lowest.

    Parameters
    ----------
    booster : lightgbm.Booster
        It holds the chosen rounds and no more.
    rounds : int
        How many they are.
    log_loss : float
        Log loss there on the other rows, weighted.
    """

    booster: lgb.Booster
    rounds: int
    log_loss: float


@dataclass(frozen=True)
class InnerFit:
    """What cross-validation inside a training part found.

    Parameters
    ----------
    rounds : int
        Boosting rounds with the lowest log loss.
    margin : (n,) float64
        Raw margin of every row, from a booster that has not seen it.
    """

    rounds: int
    margin: Floats


def parameters(
    settings: TrainingSettings, threads: int, recipe: Recipe = PARAMETERS
) -> dict[str, object]:
    """LightGBM parameters of a fit; the result does not depend on `threads` (0 for all cores)."""
    return {**recipe, "seed": settings.seed, "num_threads": threads}


def constrained(recipe: Recipe, constraints: Sequence[int] | None) -> dict[str, object]:
    """The recipe with monotone constraints, in a form that LightGBM keeps.

    LightGBM's method ``advanced`` breaks them where values are missing, and smoothing along the
    path breaks them by any method; so the method is ``intermediate``, without smoothing.

    Parameters
    ----------
    recipe : mapping
        LightGBM parameters.
    constraints : sequence of int or None
        One a feature: 1 where the margin may only rise with it, -1 where it may only fall, 0 where
        it is free, as categories must be. None, or all free, leaves the recipe as it is.

    Raises
    ------
    InputError
        A constraint is something else.
    """
    if constraints is None or not any(constraints):
        return dict(recipe)
    wrong = next((constraint for constraint in constraints if constraint not in (-1, 0, 1)), None)
    if wrong is not None:
        raise InputError("constraints", "must each be -1, 0 or 1", wrong)
    return {
        **recipe,
        "monotone_constraints": list(constraints),
        "monotone_constraints_method": "intermediate",
        "path_smooth": 0.0,
    }


def fit_inner(
    table: TrainingTable, settings: TrainingSettings, threads: int, recipe: Recipe = PARAMETERS
) -> InnerFit:
    """Choose the boosting rounds, and score every row out of fold, using nothing but these rows."""
    folds = list(inner_folds(table.label, table.group, settings))
    result = lgb.cv(
        parameters(settings, threads, recipe),
        dataset(table),
        num_boost_round=settings.max_rounds,
        folds=folds,
        callbacks=[lgb.early_stopping(settings.patience_rounds, verbose=False)],
        return_cvbooster=True,
    )
    boosters = result["cvbooster"]
    rounds = int(boosters.best_iteration)
    margin = np.empty(len(table.label))
    for booster, (_, held_out) in zip(boosters.boosters, folds, strict=True):
        margin[held_out] = booster.predict(
            table.matrix[held_out], raw_score=True, num_iteration=rounds, num_threads=threads
        )
    return InnerFit(rounds=rounds, margin=margin)


def fit_booster(
    table: TrainingTable,
    rounds: int,
    settings: TrainingSettings,
    threads: int,
    recipe: Recipe = PARAMETERS,
) -> lgb.Booster:
    """Fit one booster on all the given rows."""
    return lgb.train(parameters(settings, threads, recipe), dataset(table), num_boost_round=rounds)


def fit_early_stopped(
    train: TrainingTable,
    valid: TrainingTable,
    recipe: Recipe,
    settings: TrainingSettings,
    threads: int,
) -> tuple[lgb.Booster, int]:
    """Fit on one part, and stop where the log loss on the other is lowest.

    Parameters
    ----------
    train, valid : TrainingTable
        Rows to learn from, and rows to choose the boosting rounds by.
    recipe : mapping
        LightGBM parameters.
    settings : TrainingSettings
        Most rounds, patience and seed.
    threads : int
        Threads of the fit; 0 for all cores.

    Returns
    -------
    booster : lightgbm.Booster
        It holds the chosen rounds and no more.
    rounds : int
        How many they are.
    """
    data = dataset(train)
    stopped = boost_until_worse(
        data, valid_dataset(data, valid), parameters(settings, threads, recipe), settings
    )
    return stopped.booster, stopped.rounds


def boost_until_worse(
    train: lgb.Dataset,
    valid: lgb.Dataset,
    values: Mapping[str, object],
    settings: TrainingSettings,
    callbacks: Sequence[Callable[[Any], None]] = (),
) -> EarlyStopped:
    """Boost until the log loss on `valid` has not improved for `settings.patience_rounds`.

    Parameters
    ----------
    train, valid : lightgbm.Dataset
        As `dataset` and `valid_dataset` make them; they may be used again.
    values : mapping
        As `parameters` gives them.
    settings : TrainingSettings
        Most rounds, and patience.
    callbacks : sequence of callable
        Called after every round with LightGBM's environment; what they raise ends the fit.
    """
    booster = lgb.train(
        dict(values),
        train,
        num_boost_round=settings.max_rounds,
        valid_sets=[valid],
        valid_names=[_VALID],
        callbacks=[*callbacks, lgb.early_stopping(settings.patience_rounds, verbose=False)],
    )
    return EarlyStopped(
        booster,
        int(booster.best_iteration),
        float(booster.best_score[_VALID][str(values["metric"])]),
    )


def fit_calibrated(
    table: TrainingTable, settings: TrainingSettings, threads: int
) -> tuple[lgb.Booster, PlattCalibration]:
    """Fit a booster and its calibration, both from these rows alone."""
    inner = fit_inner(table, settings, threads)
    return fit_booster(table, inner.rounds, settings, threads), PlattCalibration.fit(
        inner.margin, table.label
    )


def dataset(table: TrainingTable) -> lgb.Dataset:
    """The table as LightGBM takes it; it is binned when a fit first uses it, and the matrix is not
    copied.
    """
    return lgb.Dataset(
        table.matrix,
        table.label,
        weight=table.weight,
        feature_name=list(table.features),
        categorical_feature=list(table.categorical),
        free_raw_data=False,
        params={"verbosity": -1},
    )


def valid_dataset(train: lgb.Dataset, valid: TrainingTable) -> lgb.Dataset:
    """A table to watch while boosting on `train`, binned as that is."""
    return train.create_valid(valid.matrix, valid.label, weight=valid.weight)
