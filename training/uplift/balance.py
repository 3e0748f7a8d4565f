"""Balance checks: whether the arms of an experiment are alike in every feature, and whether a
feature is the outcome in other words.

Arms drawn at random are alike. A column in which they differ was written after the treatment, or
shows that arms were not drawn as stated. A column that nearly is the outcome, such as the reason
for leaving, was written after it. Either way, effects estimated with it cannot be trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from training.settings import LeakWatchSettings
from training.uplift.experiment import Experiment

ALARM = 0.001
"""Probability that an experiment with arms drawn at random gets any flag."""

_FEWEST_IN_CATEGORY = 0.005
_SAME_NUMBER = 0.98
"""Rank correlation from which a feature is an outcome of numbers in other words. What was spent
before may well go with what was spent after by 0.9, and makes effects far more precise.
"""
_FEWEST_PRESENT = 30


@dataclass(frozen=True)
class Imbalance:
    """A feature in which an arm differs from control by more than chance.

    Parameters
    ----------
    arm : str
        The arm.
    feature : str or None
        The feature's label; None where the arm's own share differs from what the propensities imply.
    z : float
        The difference in standard errors.
    of_missing_outcomes : bool
        Whether it is the share of rows without an outcome that differs.
    """

    arm: str
    feature: str | None
    z: float
    of_missing_outcomes: bool = False


def imbalances(experiment: Experiment) -> tuple[Imbalance, ...]:
    """Find the features in which arms differ by more than chance, largest difference first.

    Numbers are compared by rank, categories one by one; being missing is a category too.
    """
    columns = [
        (name, values)
        for place, name in enumerate(experiment.labels)
        for values in _views(experiment, place)
    ]
    bound = -NormalDist().inv_cdf(ALARM / 2 / max(1, len(columns) + 1) / (len(experiment.arms) - 1))
    largest: dict[tuple[str, str | None], float] = {}
    drawn = {
        place: np.where(experiment.arm == place, 1 / experiment.propensity, 0.0)
        for place in range(len(experiment.arms))
    }
    for place, arm in enumerate(experiment.arms):
        if experiment.source == "stored":
            _keep_largest(largest, arm, None, _z(drawn[place] - 1, experiment.cluster), bound)
        if place:
            for name, values in columns:
                apart = (values - values.mean()) * (drawn[place] - drawn[0])
                _keep_largest(largest, arm, name, _z(apart, experiment.cluster), bound)
    ordered = sorted(largest.items(), key=lambda item: -abs(item[1]))
    return tuple(Imbalance(arm, feature, z) for (arm, feature), z in ordered)


@dataclass(frozen=True)
class OutcomeLike:
    """A feature that nearly is the outcome.

    Parameters
    ----------
    feature : str
        The feature's label.
    figure : float
        AUC with which the feature, or its being missing, tells the outcomes of two values apart;
        the absolute rank correlation with an outcome of numbers.
    of_missing : bool
        Whether it is being missing that tells them apart.
    """

    feature: str
    figure: float
    of_missing: bool = False


def outcome_like(
    experiment: Experiment, settings: LeakWatchSettings, seed: int
) -> tuple[OutcomeLike, ...]:
    """Find the features that nearly are the outcome, most alike first.

    Outcomes of two values are watched as labels are (`training.evaluation.leaks`); a feature that
    ranks customers nearly as an outcome of numbers does is the same thing.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    settings : LeakWatchSettings
        From which AUC a feature is suspicious.
    seed : int
        Seed of the folds that AUC is measured on.
    """
    # Imported here, because pandas takes a second, and a wrong table is refused before.
    from training.evaluation.leaks import watch_table

    if not experiment.labels:
        return ()
    if experiment.binary:
        flags = watch_table(
            experiment.matrix,
            experiment.outcome,
            experiment.cluster,
            experiment.labels,
            tuple(experiment.categories),
            settings,
            seed,
        )
        alike = [
            OutcomeLike(flag.column, flag.figure, flag.kind == "missingness")
            for flag in flags
            if flag.column is not None and flag.kind in ("single_column", "missingness")
        ]
    else:
        alike = [
            OutcomeLike(label, figure)
            for place, label in enumerate(experiment.labels)
            if place not in experiment.categories
            and (figure := _rank_correlation(experiment.matrix[:, place], experiment.outcome))
            >= _SAME_NUMBER
        ]
    ordered = sorted(alike, key=lambda one: -one.figure)
    return tuple({one.feature: one for one in reversed(ordered)}.values())[::-1]


def _rank_correlation(values: Floats, outcome: Floats) -> float:
    from scipy.stats import spearmanr

    present = ~np.isnan(values)
    if present.sum() < _FEWEST_PRESENT or np.ptp(values[present]) == 0:
        return 0.0
    if np.ptp(outcome[present]) == 0:
        return 0.0
    return abs(float(spearmanr(values[present], outcome[present]).statistic))


def missing_outcomes(
    arms: Sequence[str],
    arm: NDArray[np.int64],
    missing: NDArray[np.bool_],
    cluster: NDArray[np.int64],
) -> tuple[Imbalance, ...]:
    """Arms in which outcomes are missing more, or less, often than in control, beyond chance.

    Parameters
    ----------
    arms : sequence of str
        Names, control first.
    arm : (n,) int64
        Position of each row's arm, -1 where it has none.
    missing : (n,) bool
        Which rows have no outcome; they are left out of all estimates.
    cluster : (n,) int64
        Household or customer of each row: outcomes of one cluster may be missing together.
    """
    bound = -NormalDist().inv_cdf(ALARM / 2 / (len(arms) - 1))
    result = []
    for place, name in enumerate(arms[1:], start=1):
        own, control = arm == place, arm == 0
        pooled = missing[own | control].mean()
        z = _z((missing - pooled) * (own / own.sum() - control / control.sum()), cluster)
        if abs(z) > bound:
            result.append(Imbalance(name, None, z, of_missing_outcomes=True))
    return tuple(result)


def _keep_largest(
    largest: dict[tuple[str, str | None], float],
    arm: str,
    feature: str | None,
    z: float,
    bound: float,
) -> None:
    if abs(z) > max(bound, abs(largest.get((arm, feature), 0.0))):
        largest[arm, feature] = z


def _z(values: Floats, cluster: NDArray[np.int64]) -> float:
    """How far a sum that is 0 but for chance lies from it, in standard errors that hold if it is.

    Those of an estimate of its own would be 0 where a column is the arm itself.
    """
    sums = np.bincount(np.unique(cluster, return_inverse=True)[1], weights=values)
    error = float(np.sqrt((sums**2).sum()))
    return float(sums.sum()) / error if error else 0.0


def _views(experiment: Experiment, place: int) -> list[Floats]:
    values = experiment.matrix[:, place]
    missing = np.isnan(values)
    least = _FEWEST_IN_CATEGORY * len(values)
    views = [missing.astype(np.float64)] if least <= missing.sum() <= len(values) - least else []
    if place in experiment.categories:
        codes, counts = np.unique(values[~missing], return_counts=True)
        views += [
            (values == code).astype(np.float64)
            for code, count in zip(codes, counts, strict=True)
            if count >= least
        ]
    elif not missing.all():
        present = values[~missing]
        _, code, size = np.unique(present, return_inverse=True, return_counts=True)
        ranked = np.full(len(values), 0.5)
        ranked[~missing] = (np.cumsum(size) - size / 2)[code] / len(present)
        views.append(ranked)
    return views
