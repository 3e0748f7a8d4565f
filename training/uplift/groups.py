"""Groups by predicted uplift: the effect of an action on each, and what characterises them.

Groups consist of rows that the predicting models were not fitted on, so that their effects are
unbiased.
"""

from collections.abc import Sequence

import numpy as np

from holdfast.arrays import Floats, Positions
from training.evaluation.assessment import Estimate
from training.uplift import inference
from training.uplift.experiment import Experiment
from training.uplift.looks import Look
from training.uplift.ranking import PartSequence
from training.uplift.result import EffectGroup, Trait

TRAITS = 3
"""Traits that a group is described by, at most."""

_CLEAR = 0.3
"""Least difference between a group's mean and that of all others, in standard deviations, for a
trait.
"""

_SAME = 0.8
"""Correlation from which two traits count as the same."""

_FEWEST_IN_CATEGORY = 0.01


def groups(
    experiment: Experiment,
    sequences: Sequence[PartSequence],
    action: int,
    count: int,
    comparisons: int,
    look: Look,
) -> tuple[EffectGroup, ...]:
    """Effects of an action in equal groups by predicted uplift, highest first.

    Parameters
    ----------
    experiment : Experiment
        With n rows.
    sequences : sequence of sequence of EvaluatedPart
        Results of `training.uplift.ranking.evaluate_in_sequence`.
    action : int
        Position of the action.
    count : int
        Number of groups.
    comparisons : int
        Number of figures for which the intervals hold jointly.
    look : Look
        The look at the experiment.
    """
    traits = _Traits(experiment)
    result = []
    for number in range(count):
        repeats, members, predicted = [], [], []
        for sequence in sequences:
            parts = []
            for part in sequence:
                inside = _group(part.predicted[action], count) == number
                if inside.any():
                    rows = part.rows[inside]
                    estimate = inference.mean(
                        part.scores.effect[action][inside], experiment.cluster[rows]
                    )
                    parts.append((estimate, len(rows)))
                    members.append(rows)
                    predicted.append(part.predicted[action][inside])
            if parts:
                repeats.append(inference.combine(parts))
        if repeats:
            effect: Estimate = inference.average(repeats).interval(comparisons, look)
            result.append(
                EffectGroup(
                    rows=sum(len(rows) for rows in members) // len(sequences),
                    predicted=float(np.concatenate(predicted).mean()),
                    effect=effect,
                    harmed=effect.high < 0,
                    traits=traits.of(np.concatenate(members)),
                )
            )
    return tuple(result)


def _group(predicted: Floats, count: int) -> Positions:
    return np.minimum((inference.ranks(predicted) * count).astype(np.intp), count - 1)


class _Traits:
    """Finds the features in which some rows of an experiment differ from all others."""

    def __init__(self, experiment: Experiment) -> None:
        self._names: list[tuple[str, str | None]] = []
        columns = []
        for place, label in enumerate(experiment.labels):
            values = experiment.matrix[:, place]
            if place in experiment.categories:
                for code, category in enumerate(experiment.categories[place]):
                    inside = (values == code).astype(np.float64)
                    if _FEWEST_IN_CATEGORY <= inside.mean() <= 1 - _FEWEST_IN_CATEGORY:
                        self._names.append((label, category))
                        columns.append(inside)
            elif not np.isnan(values).all() and np.nanmin(values) < np.nanmax(values):
                self._names.append((label, None))
                columns.append(values)
        self._columns = (
            np.column_stack(columns) if columns else np.empty((len(experiment.outcome), 0))
        )
        # Clipped, so that means do not depend on a few extreme values.
        low, high = np.nanquantile(self._columns, [0.01, 0.99], axis=0) if columns else (0.0, 0.0)
        clipped = np.clip(self._columns, low, high)
        centre, spread = np.nanmean(clipped, axis=0), np.nanstd(clipped, axis=0)
        self._standard = np.nan_to_num((clipped - centre) / np.where(spread > 0, spread, 1.0))

    def of(self, rows: Positions) -> tuple[Trait, ...]:
        weight = np.bincount(rows, minlength=len(self._columns)).astype(np.float64)
        # A row is evaluated in several sequences and may be in the group in some of them only.
        most = weight.max()
        inside, outside = weight / weight.sum(), (most - weight) / max((most - weight).sum(), 1.0)
        difference = inside @ self._standard - outside @ self._standard
        chosen: list[int] = []
        for place in np.argsort(-np.abs(difference), kind="stable"):
            if abs(difference[place]) < _CLEAR or len(chosen) == TRAITS:
                break
            overlap = self._standard[:, chosen].T @ self._standard[:, place] / len(self._standard)
            present = ~np.isnan(self._columns[:, place])
            new = (np.abs(overlap) <= _SAME).all()
            if new and inside[present].any() and outside[present].any():
                chosen.append(int(place))
        return tuple(self._trait(place, inside, outside) for place in chosen)

    def _trait(self, place: int, inside: Floats, outside: Floats) -> Trait:
        values = self._columns[:, place]
        present = ~np.isnan(values)
        feature, category = self._names[place]
        here, elsewhere = (
            float((w[present] @ values[present]) / w[present].sum()) for w in (inside, outside)
        )
        return Trait(feature=feature, category=category, here=here, elsewhere=elsewhere)
