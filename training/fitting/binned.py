"""Binned rows: features cut into bins once, for all fits on parts of the rows.

Finding and assigning the bins of a hundred features takes as long as dozens of rounds of boosting,
and a training fits dozens of boosters: of each horizon, parameter set and fold, before and after the
test period is learnt from.
"""

from collections.abc import Sequence

import lightgbm as lgb
import numpy as np

from holdfast.arrays import Floats, Positions

EDGE_ROWS = 50_000
"""Rows that the bins' edges are found on, at most."""

_PARAMETERS = {
    "verbosity": -1,
    # Otherwise columns are dropped that the leaves of the first parameters cannot split.
    "feature_pre_filter": False,
    "bin_construct_sample_cnt": EDGE_ROWS,
}


class BinnedRows:
    """Rows as LightGBM takes them, without labels.

    Parameters
    ----------
    matrix : (n, k) float64
        Features, NaN for missing. It is not kept.
    features : tuple of str
        Names of the k features.
    categorical : sequence of int
        Positions of the features that hold category codes.
    edges_from : (m,) intp, optional
        Rows that the bins' edges are found on; a sample of `EDGE_ROWS` where there are more. Default:
        all.
    """

    def __init__(
        self,
        matrix: Floats,
        features: tuple[str, ...],
        categorical: Sequence[int] = (),
        edges_from: Positions | None = None,
    ) -> None:
        self._data = _binned(matrix, features, categorical, edges_from)

    def part(self, rows: Positions, label: Floats, weight: Floats | None) -> lgb.Dataset:
        """Some of the rows, to fit on or to evaluate on.

        Parameters
        ----------
        rows : (m,) intp
            Positions, rising.
        label : (m,) float64
            0 or 1.
        weight : (m,) float64 or None
            Positive; None where all count the same.
        """
        part = self._data.subset(rows.tolist()).construct()
        part.set_label(label)
        part.set_weight(weight)
        return part


def _binned(
    matrix: Floats,
    features: tuple[str, ...],
    categorical: Sequence[int],
    edges_from: Positions | None,
) -> lgb.Dataset:
    def data(rows: Floats, reference: lgb.Dataset | None) -> lgb.Dataset:
        return lgb.Dataset(
            rows,
            np.zeros(len(rows)),
            reference=reference,
            feature_name=list(features),
            categorical_feature=list(categorical),
            params=dict(_PARAMETERS),
        ).construct()

    if edges_from is None:
        return data(matrix, None)
    step = -(-len(edges_from) // EDGE_ROWS)
    return data(matrix, data(np.ascontiguousarray(matrix[edges_from[::step]]), None))
