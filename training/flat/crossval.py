"""Cross-validation: out-of-fold predictions for the rows of a flat table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holdfast.arrays import Floats
from holdfast.cores import core_count
from holdfast.logging import progress
from models.boosters.average import average_margin
from models.boosters.threads import threads_that_boost
from training.evaluation.folds import Split
from training.fitting.blend import fit_calibrated
from training.fitting.fit import TrainingTable
from training.settings import TrainingSettings


@dataclass(frozen=True)
class OutOfFold:
    """Predictions for rows by models not fitted on them.

    Parameters
    ----------
    splits : tuple of Split
        Training and test part of each model.
    margin : (repeats, n) float64
        Raw margins, NaN where a row was not evaluated in a repeat.
    calibrated : (repeats, n) float64
        Probabilities, calibrated inside each training part; NaN as above.
    """

    splits: tuple[Split, ...]
    margin: Floats
    calibrated: Floats

    @property
    def probability(self) -> Floats:
        """Mean over the repeats: (n,) float64, NaN for rows that were never evaluated."""
        evaluated = ~np.isnan(self.calibrated)
        total = np.where(evaluated, self.calibrated, 0.0).sum(axis=0)
        count = evaluated.sum(axis=0)
        return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def cross_validate(
    table: TrainingTable, splits: Sequence[Split], settings: TrainingSettings
) -> OutOfFold:
    """Fit boosters and calibration on every training part and predict its test part.

    The splits run in parallel, on one thread each; the result does not depend on how many.
    """
    shape = (1 + max(split.repeat for split in splits), len(table.label))
    margin, calibrated = np.full(shape, np.nan), np.full(shape, np.nan)

    def fit_and_predict(split: Split) -> tuple[Split, Floats, Floats]:
        boosters, choice = fit_calibrated(table.rows(split.train), settings, threads=1)
        raw = average_margin(boosters, table.matrix[split.test], threads=1)
        return split, raw, choice.calibration.probability(raw)

    with (
        progress("Cross-validating", len(splits)) as advance,
        threads_that_boost(core_count()) as pool,
    ):
        for split, raw, probability in pool.map(fit_and_predict, splits):
            margin[split.repeat, split.test] = raw
            calibrated[split.repeat, split.test] = probability
            advance(1)
    return OutOfFold(tuple(splits), margin, calibrated)
