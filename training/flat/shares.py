"""Shares of rows, and how surely they are known where rows depend on each other."""

from math import sqrt

import numpy as np
from scipy.stats import norm

from holdfast.arrays import Floats
from training.evaluation.ranking import Codes


def wilson(share: float, rows: float, confidence: float) -> tuple[float, float]:
    """Interval of a share of independent rows, whose number need not be whole (Wilson 1927).

    Examples
    --------
    >>> [round(end, 3) for end in wilson(0.5, 100, 0.95)]
    [0.404, 0.596]
    """
    reach = float(norm.ppf((1 + confidence) / 2))
    scale = 1 + reach**2 / rows
    middle = (share + reach**2 / (2 * rows)) / scale
    half = reach / scale * sqrt(share * (1 - share) / rows + (reach / (2 * rows)) ** 2)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def effective_rows(weight: Floats, group: Codes, correlation: float) -> float:
    """Effective number of rows: as many independent ones would tell as much (design effect, Kish 1965).

    Parameters
    ----------
    weight : (n,) float64
        How much of each row counts, 0 to 1.
    group : (n,) int64
        Rows of one group depend on each other.
    correlation : float
        Of two rows of one group, 0 to 1.
    """
    total, alone = float(weight.sum()), float((weight**2).sum())
    together = float((np.bincount(group, weights=weight) ** 2).sum())
    return total**2 / (total + correlation * (together - alone))
