"""Rankings evaluated in sequence: each part of an experiment with models of the parts before it.

Ordinary cross-fitting evaluates every part with models of all others. Then the errors of two parts
depend on each other, and a random ranking passes for a good one too often. In sequence (Wager 2024,
"Sequential validation of treatment heterogeneity"), each part is new given those before, so that
errors add up as if the parts were independent.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats, Positions
from holdfast.cores import core_count
from holdfast.logging import Advance
from models.boosters.threads import threads_that_boost
from training.uplift.experiment import Experiment
from training.uplift.learners import Learners
from training.uplift.scores import ArmScores, cluster_folds, cross_fit, score_rows
from training.uplift.settings import UpliftSettings


@dataclass(frozen=True)
class EvaluatedPart:
    """Rows of an experiment, scored and ranked by models of earlier parts alone.

    Parameters
    ----------
    rows : (m,) intp
        Positions of the rows.
    scores : ArmScores
        Their scores.
    predicted : (actions, m) float64
        Predicted effect of each action, to rank by.
    """

    rows: Positions
    scores: ArmScores
    predicted: Floats


PartSequence = tuple[EvaluatedPart, ...]

_INNER_FOLDS = 2


def evaluate_in_sequence(
    experiment: Experiment, learners: Learners, settings: UpliftSettings, advance: Advance
) -> list[PartSequence]:
    """Evaluate a ranking for each action, in several random orders of the parts.

    Parameters
    ----------
    experiment : Experiment
        With n rows.
    learners : Learners
        Of the same experiment.
    settings : UpliftSettings
        How many parts and orders.
    advance : Advance
        Called after each part.

    Returns
    -------
    list of tuple of EvaluatedPart
        One sequence per random order. The first part of each order is only fitted on.
    """
    tasks = []
    for repeat in range(settings.repeats):
        folds = cluster_folds(
            experiment.cluster, settings.folds, np.random.default_rng([settings.seed, repeat])
        )
        # Each step has its own seed, so that the order of execution does not matter.
        tasks += [(folds, step, [settings.seed, repeat, step]) for step in range(1, settings.folds)]

    def evaluate(task: tuple[NDArray[np.int64], int, list[int]]) -> EvaluatedPart:
        part = _evaluate_part(experiment, learners, *task)
        advance(1)
        return part

    with threads_that_boost(core_count()) as pool:
        parts = list(pool.map(evaluate, tasks))
    each = settings.folds - 1
    return [tuple(parts[start : start + each]) for start in range(0, len(parts), each)]


def _evaluate_part(
    experiment: Experiment, learners: Learners, folds: NDArray[np.int64], step: int, seed: list[int]
) -> EvaluatedPart:
    before, rows = np.flatnonzero(folds < step), np.flatnonzero(folds == step)
    inner = cluster_folds(experiment.cluster[before], _INNER_FOLDS, np.random.default_rng(seed))
    expected, models = cross_fit(experiment, learners, before, inner)
    earlier = score_rows(experiment, before, expected).effect
    predicted = []
    score = np.empty(len(experiment.outcome))
    for action in earlier:
        score[before] = action
        predicted.append(learners.predict(learners.fit_effect(before, score), rows))
    ahead = np.mean(
        [[learners.predict(model, rows) for model in fitted] for fitted in models], axis=0
    )
    return EvaluatedPart(rows, score_rows(experiment, rows, ahead), np.stack(predicted))
