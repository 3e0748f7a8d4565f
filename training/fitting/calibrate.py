"""Calibrate: choose the curve from margin to probability that predicts best, by cross-validation on
the calibration rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from holdfast.arrays import Floats
from models.calibration import KINDS, Calibration, ShiftedCalibration
from training.counting import customers_with
from training.evaluation.folds import customer_fold_count, stratified_customer_folds
from training.evaluation.metrics import losses
from training.evaluation.ranking import Codes

FEWEST_POSITIVES_ISOTONIC = 1_000
"""Customers with the outcome above which the isotonic curve is tried: with fewer it follows noise."""

_FOLDS = 5


Fit = Callable[[Floats, Floats, Floats], Calibration]
"""Makes a calibration from margins, labels and weights."""


@dataclass(frozen=True)
class CalibrationChoice:
    """A calibration, and what was tried.

    Parameters
    ----------
    kind : str
        ``shifted``, or which of `models.calibration.KINDS` was chosen.
    calibration : Calibration
        That curve, fitted on all calibration rows.
    log_loss : dict of str to float
        Cross-validated log loss by kind, weighted; empty where the rows were too few to compare.
    """

    kind: str
    calibration: Calibration
    log_loss: dict[str, float]


def choose_calibration(
    margin: Floats,
    label: Floats,
    weight: Floats | None = None,
    group: Codes | None = None,
    seed: int = 0,
    shared: Calibration | None = None,
) -> CalibrationChoice:
    """Choose among Platt's, the beta and, above 1,000 customers with the outcome, the isotonic curve, by
    cross-validation.

    The curve with the fewest parameters is taken whose loss is within one standard error of the
    best (Breiman et al. 1984). More parameters must pay on customers that the curve was not fitted
    on: a slope from a few hundred positives is mostly noise.

    Parameters
    ----------
    margin : (n,) float64
        Raw margins of rows that the booster has not seen, finite.
    label : (n,) float64
        0 or 1, both present.
    weight : (n,) float64, optional
        At least 0.
    group : (n,) int64, optional
        Rows of one group, such as a customer's, stay together.
    seed : int
        Of the folds.
    shared : Calibration, optional
        Curve of more rows that include these: shifting it is then the choice with the fewest
        parameters.

    Raises
    ------
    InputError
        A class is missing, or a margin or weight is not finite.
    """
    weight = np.ones(len(label)) if weight is None else weight
    group = np.arange(len(label)) if group is None else group
    positives = customers_with((label == 1) & (weight > 0), group)
    fits: dict[str, Fit] = (
        {} if shared is None else {"shifted": partial(ShiftedCalibration.fit, shared)}
    )
    fits |= {
        kind: curve.fit
        for kind, curve in KINDS.items()
        if kind != "isotonic" or positives > FEWEST_POSITIVES_ISOTONIC
    }
    totals, evaluated = _cross_validated(fits, margin, label, weight, group, seed)
    kind = _simplest_near_best(totals)
    scores = (
        {name: float(total.sum()) / evaluated for name, total in totals.items()}
        if evaluated > 0
        else {}
    )
    return CalibrationChoice(kind, fits[kind](margin, label, weight), scores)


def _cross_validated(
    fits: Mapping[str, Fit], margin: Floats, label: Floats, weight: Floats, group: Codes, seed: int
) -> tuple[dict[str, Floats], float]:
    """Weighted log loss of every group under every kind, evaluated out of fold, and the weight that
    was evaluated.
    """
    _, place = np.unique(group, return_inverse=True)
    totals = {kind: np.zeros(int(place.max()) + 1) for kind in fits}
    folds = customer_fold_count(label, group, _FOLDS)
    evaluated = 0.0
    if folds < 2:
        return totals, evaluated
    for train, test in stratified_customer_folds(label, group, folds, seed):
        share = np.average(label[train], weights=weight[train]) if weight[train].sum() > 0 else 0.0
        if not 0.0 < share < 1.0:
            continue
        evaluated += float(weight[test].sum())
        for kind, fit in fits.items():
            probability = fit(margin[train], label[train], weight[train]).probability(margin[test])
            totals[kind] += np.bincount(
                place[test], weight[test] * losses(label[test], probability), len(totals[kind])
            )
    return totals, evaluated


def _simplest_near_best(totals: Mapping[str, Floats]) -> str:
    """The first kind whose loss exceeds the lowest by at most one standard error of their
    difference over groups; kinds come with rising numbers of parameters.
    """
    best = min(totals.values(), key=lambda total: float(total.sum()))

    def is_close(total: Floats) -> bool:
        excess = total - best
        return float(excess.sum()) <= float(np.sqrt(len(excess)) * excess.std())

    return next(kind for kind, total in totals.items() if is_close(total))
