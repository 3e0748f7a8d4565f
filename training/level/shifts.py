"""What cut-offs say of the level: how much more often outcomes came than was predicted."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from holdfast.arrays import Floats, Texts, Times
from models.level.revision import Shift
from training.evaluation.ranking import Codes
from training.labelling.history import utc

FEWEST_EXPECTED = 10.0
"""Outcomes that must be predicted for a line at a cut-off to say something. What is asked is what was
predicted and not what came: leaving out low counts would raise the level.
"""

_LEAST = 1e-9
"""Probabilities are taken to be no further from 0 and 1 than this."""

_FARTHEST = 12.0
"""Shifts are looked for so far either way, in log-odds."""


def shifts_of(
    cutoffs: Times,
    lines: Texts,
    probability: Floats,
    label: Floats,
    weight: Floats,
    customer: Codes,
) -> tuple[Shift, ...]:
    """Shifts by cut-off and line.

    Parameters
    ----------
    cutoffs : (n,) datetime64[us]
        UTC.
    lines : (n,) str
        Strata.
    probability : (n,) float64
        Calibrated, of boosters that did not learn from the row.
    label : (n,) float64
        0 or 1.
    weight : (n,) float64
        Positive.
    customer : (n,) int64
        Rows of one customer err together.

    Returns
    -------
    tuple of Shift
        By cut-off, then line; without those of which too little was predicted.
    """
    found = []
    for cutoff in np.unique(cutoffs):
        at = cutoffs == cutoff
        for line in np.unique(lines[at]).tolist():
            rows = at & (lines == line)
            expected = float(weight[rows] @ probability[rows])
            if expected < FEWEST_EXPECTED:
                continue
            shift, error = shift_of(probability[rows], label[rows], weight[rows], customer[rows])
            found.append(
                Shift(
                    cutoff=utc(cutoff).isoformat(),
                    line=line,
                    shift=shift,
                    error=error,
                    expected=expected,
                )
            )
    return tuple(found)


def shift_of(
    probability: Floats, label: Floats, weight: Floats, customer: Codes
) -> tuple[float, float]:
    """The intercept of a logistic regression with the calibrated margin as offset, and its standard
    error.

    It is fitted by maximum likelihood with Jeffreys' prior (Firth 1993), so that it exists where
    nobody or everybody has the outcome. The error is the larger of that of the model and of a
    sandwich over customers.

    Parameters
    ----------
    probability, label, weight, customer
        As of `shifts_of`, of one cut-off and line.
    """
    log_odds = logit(np.clip(probability, _LEAST, 1.0 - _LEAST))

    def score(shift: float) -> float:
        at = expit(log_odds + shift)
        spread = weight * at * (1.0 - at)
        pull = 0.5 * float(spread @ (1.0 - 2.0 * at)) / float(spread.sum())
        return float(weight @ (label - at)) + pull

    shift = float(brentq(score, -_FARTHEST, _FARTHEST))
    at = expit(log_odds + shift)
    information = float(weight @ (at * (1.0 - at)))
    _, place = np.unique(customer, return_inverse=True)
    residuals = np.bincount(place, weights=weight * (label - at))
    sandwich = float(np.sqrt(residuals @ residuals)) / information
    return shift, max(sandwich, information**-0.5)
