"""Doubly robust scores: each row's estimate of an action's effect, by models not fitted on it.

The score of a row (augmented inverse propensity weighting, Robins, Rotnitzky and Zhao 1994) is the
difference that the outcome models expect, plus their error in the row divided by the probability
with which its arm was drawn. With correct propensities, as in an experiment, the mean score is the
effect, however good the models are. Only the propensity of the arm that was drawn is needed: rows of
other arms enter through the models alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats, Positions
from training.uplift.experiment import Experiment
from training.uplift.learners import Fitted, Learners


@dataclass(frozen=True)
class ArmScores:
    """Doubly robust scores of m rows in the experiment's arms, control first.

    Parameters
    ----------
    arms : (arms, m) float64
        Doubly robust scores of the outcome under each arm, in the unit of the outcome.
    weighted : (arms, m) float64
        The same by inverse propensity weighting alone, without models.
    expected : (arms, m) float64
        The outcome that the models expect under each arm.
    """

    arms: Floats
    weighted: Floats
    expected: Floats

    @property
    def effect(self) -> Floats:
        """Scores of each action against control: (actions, m) float64."""
        return self.arms[1:] - self.arms[0]


def score_rows(experiment: Experiment, rows: Positions, expected: Floats) -> ArmScores:
    """Compute doubly robust scores of rows.

    Parameters
    ----------
    experiment : Experiment
        With its arms, control first.
    rows : (m,) intp
        Rows to score.
    expected : (arms, m) float64
        Outcome expected in each arm by models not fitted on these rows.
    """
    arm, outcome, propensity = (
        experiment.arm[rows],
        experiment.outcome[rows],
        experiment.propensity[rows],
    )
    drawn = arm == np.arange(len(experiment.arms))[:, None]
    full = expected + np.where(drawn, (outcome - expected) / propensity, 0.0)
    return ArmScores(
        arms=full, weighted=np.where(drawn, outcome / propensity, 0.0), expected=expected
    )


def cross_fit(
    experiment: Experiment, learners: Learners, rows: Positions, folds: NDArray[np.int64]
) -> tuple[Floats, list[list[Fitted]]]:
    """Outcomes expected in each arm for rows, by models of the other folds.

    Parameters
    ----------
    rows : (m,) intp
        Rows to fit on and to predict.
    folds : (m,) int64
        Fold of each of them; the rows of a cluster are in one fold.

    Returns
    -------
    (arms, m) float64, list of list of lightgbm.Booster or float
        The outcomes, and the models of each fold's complement, one per arm.
    """
    arms = range(len(experiment.arms))
    expected = np.empty((len(experiment.arms), len(rows)))
    models = []
    for fold in range(int(folds.max()) + 1):
        inside, others = folds == fold, rows[folds != fold]
        fitted = [learners.fit_outcome(others[experiment.arm[others] == arm]) for arm in arms]
        expected[:, inside] = [learners.predict(model, rows[inside]) for model in fitted]
        models.append(fitted)
    return expected, models


def cluster_folds(
    cluster: NDArray[np.int64], count: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Folds of about equal size that keep clusters whole.

    Parameters
    ----------
    cluster : (m,) int64
        Cluster of each row.

    Returns
    -------
    (m,) int64
        From 0 to ``count - 1``.
    """
    _, code = np.unique(cluster, return_inverse=True)
    size = np.bincount(code)
    order = random.permutation(len(size))
    fold = np.empty(len(size), dtype=np.int64)
    fold[order] = np.minimum(
        (np.cumsum(size[order]) - size[order]) * count // len(cluster), count - 1
    )
    return fold[code]
