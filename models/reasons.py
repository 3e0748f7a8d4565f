"""Reasons: how much each feature moved a prediction, by exact SHAP values on the raw margin.

LightGBM's own path-dependent TreeSHAP (Lundberg et al. 2018) gives them; they are additive, so that the base plus a row's
contributions is its raw margin.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.calibration import Floats


@dataclass(frozen=True)
class Explanation:
    """Contributions of every feature to every row's raw margin.

    Parameters
    ----------
    base : (n,) float64
        Expected raw margin (log-odds) over the training rows of the booster that scores the row.
    contributions : (n, k) float64
        Log-odds, one column a feature in the model's order. ``base + contributions.sum(axis=1)`` is the raw margin.
    """

    base: Floats
    contributions: Floats

    def strongest(self, count: int) -> NDArray[np.intp]:
        """Positions of each row's `count` largest contributions in absolute value, largest first.

        Ties go to the feature that comes first, so that equal rows read alike.

        Returns
        -------
        (n, min(count, k)) intp
        """
        return np.argsort(-np.abs(self.contributions), axis=1, kind="stable")[:, :count]


def explain(booster: lgb.Booster, matrix: Floats, threads: int) -> Explanation:
    """Explain raw margins.

    Parameters
    ----------
    booster : lightgbm.Booster
        A booster without linear trees.
    matrix : (n, k) float64
        Features in the booster's order, NaN for missing, n at least 1.
    threads : int
        Threads that LightGBM may use; 0 for all.
    """
    values = np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=threads), dtype=np.float64)
    return Explanation(base=values[:, -1], contributions=values[:, :-1])
