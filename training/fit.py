"""Fitting: a LightGBM booster on a training part, and the margins it gives rows it has not seen."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.calibration import PlattCalibration
from training.settings import TrainingSettings
from training.split import Floats, Positions, inner_folds

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
"""Defaults for tables of thousands to millions of customers: shallow trees, slow learning, rounds chosen by the data."""


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
    """

    matrix: Floats
    label: Floats
    group: NDArray[np.int64] | None
    features: tuple[str, ...]
    categorical: tuple[int, ...]

    def rows(self, positions: Positions) -> "TrainingTable":
        """The same table with only these rows, in this order."""
        return TrainingTable(
            matrix=self.matrix[positions],
            label=self.label[positions],
            group=None if self.group is None else self.group[positions],
            features=self.features,
            categorical=self.categorical,
        )


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


def parameters(settings: TrainingSettings, threads: int) -> dict[str, object]:
    """LightGBM parameters of a fit; the result does not depend on `threads` (0 for all cores)."""
    return {**PARAMETERS, "seed": settings.seed, "num_threads": threads}


def fit_inner(table: TrainingTable, settings: TrainingSettings, threads: int) -> InnerFit:
    """Choose the boosting rounds, and score every row out of fold, using nothing but these rows."""
    folds = list(inner_folds(table.label, table.group, settings))
    result = lgb.cv(
        parameters(settings, threads),
        _dataset(table),
        num_boost_round=settings.max_rounds,
        folds=folds,
        callbacks=[lgb.early_stopping(settings.patience_rounds, verbose=False)],
        return_cvbooster=True,
    )
    boosters = result["cvbooster"]
    rounds = int(boosters.best_iteration)
    margin = np.empty(len(table.label))
    for booster, (_, held_out) in zip(boosters.boosters, folds, strict=True):
        margin[held_out] = booster.predict(table.matrix[held_out], raw_score=True, num_iteration=rounds, num_threads=threads)
    return InnerFit(rounds=rounds, margin=margin)


def fit_booster(table: TrainingTable, rounds: int, settings: TrainingSettings, threads: int) -> lgb.Booster:
    """Fit one booster on all the given rows."""
    return lgb.train(parameters(settings, threads), _dataset(table), num_boost_round=rounds)


def fit_calibrated(table: TrainingTable, settings: TrainingSettings, threads: int) -> tuple[lgb.Booster, PlattCalibration]:
    """Fit a booster and its calibration, both from these rows alone."""
    inner = fit_inner(table, settings, threads)
    return fit_booster(table, inner.rounds, settings, threads), PlattCalibration.fit(inner.margin, table.label)


def _dataset(table: TrainingTable) -> lgb.Dataset:
    return lgb.Dataset(
        table.matrix,
        table.label,
        feature_name=list(table.features),
        categorical_feature=list(table.categorical),
        free_raw_data=False,
        params={"verbosity": -1},
    )
