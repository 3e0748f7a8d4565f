"""Balance: whether arms look alike in all that was known before, as arms drawn at random do.

A column in which they differ is one that was written after the treatment, or tells that arms were
not drawn as was said. Either way no effect that was learnt with it can be believed.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from holdfast.arrays import Floats
from training.uplift.experiment import Experiment
from training.uplift.inference import mean

ALARM = 0.001
"""Chance that arms drawn at random raise any flag at all."""

_FEWEST_IN_CATEGORY = 0.005


@dataclass(frozen=True)
class Imbalance:
    """Something in which an arm differs from control by more than chance.

    Parameters
    ----------
    arm : str
        The arm.
    feature : str or None
        The feature; None where it is the share of the arm itself, which is not what the
        propensities say.
    z : float
        By how many standard errors.
    """

    arm: str
    feature: str | None
    z: float


def imbalances(experiment: Experiment) -> tuple[Imbalance, ...]:
    """What arms differ in, by more than chance, strongest first.

    Numbers are compared by rank, categories one by one, and being missing is a category too.
    """
    columns = [
        (name, values)
        for place, name in enumerate(experiment.features)
        for values in _views(experiment, place)
    ]
    bound = float(norm.isf(ALARM / 2 / max(1, len(columns) + 1) / (len(experiment.arms) - 1)))
    found: dict[tuple[str, str | None], float] = {}
    drawn = {
        place: np.where(experiment.arm == place, 1 / experiment.propensity, 0.0)
        for place in range(len(experiment.arms))
    }
    for place, arm in enumerate(experiment.arms):
        if experiment.source == "stored":
            _keep(found, arm, None, _z(drawn[place] - 1, experiment), bound)
        if place:
            for name, values in columns:
                _keep(
                    found,
                    arm,
                    name,
                    _z((values - values.mean()) * (drawn[place] - drawn[0]), experiment),
                    bound,
                )
    ordered = sorted(found.items(), key=lambda item: -abs(item[1]))
    return tuple(Imbalance(arm, feature, z) for (arm, feature), z in ordered)


def _keep(
    found: dict[tuple[str, str | None], float],
    arm: str,
    feature: str | None,
    z: float,
    bound: float,
) -> None:
    if abs(z) > max(bound, abs(found.get((arm, feature), 0.0))):
        found[arm, feature] = z


def _z(values: Floats, experiment: Experiment) -> float:
    estimate = mean(values, experiment.cluster)
    return estimate.value / estimate.standard_error if estimate.standard_error else 0.0


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
        known = values[~missing]
        _, code, size = np.unique(known, return_inverse=True, return_counts=True)
        ranked = np.full(len(values), 0.5)
        ranked[~missing] = (np.cumsum(size) - size / 2)[code] / len(known)
        views.append(ranked)
    return views
