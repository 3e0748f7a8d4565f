"""Learners: LightGBM models of the outcome in each arm, and of the effect of an action."""

from typing import TypeAlias

import lightgbm as lgb
import numpy as np

from holdfast.arrays import Floats, Positions
from training.uplift.experiment import Experiment

_COMMON: dict[str, object] = {
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "max_bin": 63,
    "cat_smooth": 100.0,
    "cat_l2": 50.0,
    "min_data_per_group": 200,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    # Many small fits run in parallel instead.
    "num_threads": 1,
}
OUTCOME: dict[str, object] = {
    **_COMMON,
    "learning_rate": 0.1,
    "num_leaves": 12,
    "max_depth": 5,
    "lambda_l2": 5.0,
}
"""Parameters for the outcome in an arm. This model only reduces noise: with a poor one, estimated
effects have wider intervals, but no bias.
"""

EFFECT: dict[str, object] = {
    **_COMMON,
    "learning_rate": 0.05,
    "num_leaves": 4,
    "max_depth": 3,
    "lambda_l2": 20.0,
}
"""Parameters for the effect. Effects are small beside the noise: trees are small, leaves large."""

OUTCOME_ROUNDS = 40
EFFECT_ROUNDS = 30

_SMALLEST_LEAF = 50
_LEAF_SHARE = 0.02

Fitted: TypeAlias = "lgb.Booster | float"
"""A booster, or one number for all rows where there are too few to fit on."""


class Learners:
    """Fits models on parts of one experiment; features are binned once.

    Parameters
    ----------
    experiment : Experiment
        With n rows.
    seed : int
        Seed of every random choice.
    """

    def __init__(self, experiment: Experiment, seed: int) -> None:
        self._experiment = experiment
        self._seed = seed
        self._data = lgb.Dataset(
            experiment.matrix,
            np.zeros(len(experiment.outcome)),
            feature_name=list(experiment.features),
            categorical_feature=sorted(experiment.categories),
            free_raw_data=False,
            params=_COMMON,
        ).construct()

    def fit_outcome(self, rows: Positions) -> Fitted:
        """Fit the expected outcome on rows of one arm; it is their mean where they are few."""
        outcome = self._experiment.outcome
        if len(rows) < 2 * _SMALLEST_LEAF:
            return float(outcome[rows].mean()) if len(rows) else 0.0
        objective = (
            "binary" if self._experiment.binary and np.ptp(outcome[rows]) > 0 else "regression"
        )
        return self._fit({**OUTCOME, "objective": objective}, rows, outcome, OUTCOME_ROUNDS)

    def fit_effect(self, rows: Positions, score: Floats) -> lgb.Booster:
        """Fit the expected effect.

        Parameters
        ----------
        rows : (m,) intp
            Rows of any arm.
        score : (n,) float64
            Doubly robust scores (see `training.uplift.scores`), by models not fitted on the row.
        """
        return self._fit({**EFFECT, "objective": "regression"}, rows, score, EFFECT_ROUNDS)

    def predict(self, fitted: Fitted, rows: Positions) -> Floats:
        """Predictions for rows: (m,) float64."""
        if isinstance(fitted, float):
            return np.full(len(rows), fitted)
        return np.asarray(
            fitted.predict(self._experiment.matrix[rows], num_threads=1), dtype=np.float64
        )

    def _fit(
        self, parameters: dict[str, object], rows: Positions, target: Floats, rounds: int
    ) -> lgb.Booster:
        rows = np.sort(rows)  # as LightGBM does with them
        part = self._data.subset(rows)
        part.construct()
        part.set_label(target[rows])
        leaf = max(_SMALLEST_LEAF, round(_LEAF_SHARE * len(rows)))
        return lgb.train(
            {**parameters, "min_data_in_leaf": leaf, "seed": self._seed},
            part,
            num_boost_round=rounds,
        )
