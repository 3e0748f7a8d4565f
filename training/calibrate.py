"""Calibrate: choose the curve from margin to probability that predicts best on calibration rows it was not fitted on."""

from dataclasses import dataclass

import numpy as np

from models.calibration import KINDS, Calibration
from training.metrics import losses
from training.ranking import Codes
from training.split import Floats, stratified_folds

FEWEST_POSITIVES_ISOTONIC = 1_000
"""Positives above which a curve of any shape is tried: with fewer it follows chance."""

_FOLDS = 5


@dataclass(frozen=True)
class CalibrationChoice:
    """A calibration, and what was tried.

    Parameters
    ----------
    kind : str
        Which of `models.calibration.KINDS` was chosen.
    calibration : Calibration
        It, fitted on all calibration rows.
    log_loss : dict of str to float
        Weighted log loss by kind on rows that each was not fitted on; empty where the rows were too few to compare.
    """

    kind: str
    calibration: Calibration
    log_loss: dict[str, float]


def choose_calibration(
    margin: Floats, label: Floats, weight: Floats | None = None, group: Codes | None = None, seed: int = 0
) -> CalibrationChoice:
    """Choose among Platt's, the beta and, above 1,000 positives, the isotonic curve, by cross-validation.

    Parameters
    ----------
    margin : (n,) float64
        Raw margins of rows that the booster has not seen, finite.
    label : (n,) float64
        0 or 1, both present.
    weight : (n,) float64, optional
        At least 0.
    group : (n,) int64, optional
        Rows of one group, such as a customer's, are never parted.
    seed : int
        Of the folds.

    Raises
    ------
    InputError
        A class is missing, or a margin or weight is no number.
    """
    weight = np.ones(len(label)) if weight is None else weight
    kinds = [kind for kind in KINDS if kind != "isotonic" or label[weight > 0].sum() > FEWEST_POSITIVES_ISOTONIC]
    scores = _cross_validated(kinds, margin, label, weight, group, seed)
    # The stiffer one where two are equal.
    kind = min(kinds, key=lambda name: scores.get(name, 0.0))
    return CalibrationChoice(kind, KINDS[kind].fit(margin, label, weight), scores)


def _cross_validated(
    kinds: list[str], margin: Floats, label: Floats, weight: Floats, group: Codes | None, seed: int
) -> dict[str, float]:
    positives = label > 0
    wholes = np.arange(len(label)) if group is None else group
    folds = min(_FOLDS, len(np.unique(wholes[positives])), len(np.unique(wholes[~positives])))
    if folds < 2:
        return {}
    loss = dict.fromkeys(kinds, 0.0)
    judged = 0.0
    for train, test in stratified_folds(label, group, folds, seed):
        share = np.average(label[train], weights=weight[train]) if weight[train].sum() > 0 else 0.0
        if not 0.0 < share < 1.0:
            continue
        judged += float(weight[test].sum())
        for kind in kinds:
            probability = KINDS[kind].fit(margin[train], label[train], weight[train]).probability(margin[test])
            loss[kind] += float(weight[test] @ losses(label[test], probability))
    return {kind: total / judged for kind, total in loss.items()} if judged > 0 else {}
