"""Reasons: how much each feature moved a prediction, by exact SHAP values on the raw margin.

They are path-dependent TreeSHAP values (Lundberg et al. 2018) and additive: the base plus a row's contributions is its raw
margin, and so are the base plus the sums over any grouping of the features, such as by reason key or by driver.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.calibration import Floats
from models.tree_shap import TreeShap, UnsupportedTreesError

BULK_ROWS = 2000
"""From this many rows on, `TreeShap` has earned the second that its tables take (``python -m benchmarks.explanation``)."""


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

    @property
    def margin(self) -> Floats:
        """The raw margins that the contributions add up to, (n,) float64."""
        return self.base + self.contributions.sum(axis=1)

    def strongest(self, count: int) -> NDArray[np.intp]:
        """Positions of each row's `count` largest contributions in absolute value, largest first.

        Ties go to the feature that comes first, so that equal rows read alike.

        Returns
        -------
        (n, min(count, k)) intp
        """
        return np.argsort(-np.abs(self.contributions), axis=1, kind="stable")[:, :count]


def explain(booster: lgb.Booster, matrix: Floats, threads: int) -> Explanation:
    """Explain raw margins: few rows by LightGBM's own code, many by `TreeShap`, to the same values within 1e-9.

    Parameters
    ----------
    booster : lightgbm.Booster
        A booster without linear trees.
    matrix : (n, k) float64
        Features in the booster's order, NaN for missing, n at least 1.
    threads : int
        Threads that may be used; 0 for all. The result does not depend on it.
    """
    if len(matrix) >= BULK_ROWS:
        try:
            trees = TreeShap(booster)
        except UnsupportedTreesError:
            pass
        else:
            return Explanation(np.full(len(matrix), trees.base), trees.contributions(matrix, threads))
    values = np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=threads), dtype=np.float64)
    return Explanation(base=values[:, -1], contributions=values[:, :-1])
