"""Baselines: what a model has to beat. The share of positives among the training rows, that of each
stratum where there are strata, and a logistic regression.
"""

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from holdfast.arrays import Floats, Texts
from holdfast.errors import InputError

_EXTREME = 10.0

CONSTANT = "constant"
"""Key of `constant_baseline` in what is stored. With strata it is no constant: see `baseline_name`."""


def baseline_name(baseline: str, *, strata: bool) -> str:
    """What a baseline is called.

    Parameters
    ----------
    baseline : str
        Its key.
    strata : bool
        Whether the model has strata: then `constant_baseline` gives each of them its own share, and
        so ranks them.

    Examples
    --------
    >>> baseline_name("constant", strata=True)
    'share of each billing type'
    """
    return "share of each billing type" if strata and baseline == CONSTANT else baseline


def constant_baseline(label: Floats, weight: Floats, strata: Texts, others: Texts) -> Floats:
    """Share of positives among the training rows of a row's stratum, as its probability.

    Parameters
    ----------
    label, weight : (n,) float64
        Of the training rows.
    strata : (n,) str
        Their strata; all the same where there are none.
    others : (m,) str
        Strata of the rows to predict; a stratum without training rows gets the share over all.

    Returns
    -------
    (m,) float64
        Strictly between 0 and 1: one more row of each class counts in the share over all, and that
        share as one more row of each stratum.
    """
    overall = float((np.sum(weight * label) + 1.0) / (np.sum(weight) + 2.0))
    share = np.full(len(others), overall)
    for stratum in np.unique(others):
        own = strata == stratum
        share[others == stratum] = (np.sum((weight * label)[own]) + overall) / (
            np.sum(weight[own]) + 1.0
        )
    return share


class LogisticBaseline:
    """A plain logistic regression; see `fit_logistic`."""

    def __init__(self, preparation: "_Preparation", slopes: Floats, intercept: float) -> None:
        self._preparation, self._slopes, self._intercept = preparation, slopes, intercept

    def probability(self, matrix: Floats) -> Floats:
        """Probabilities, (m,) float64 in 0 to 1, for (m, k) features with NaN for missing."""
        if matrix.shape[1] != self._preparation.features:
            raise InputError(
                "matrix", f"must have {self._preparation.features} columns", matrix.shape[1]
            )
        probability: Floats = expit(
            self._preparation.columns(matrix) @ self._slopes + self._intercept
        )
        return probability


def fit_logistic(matrix: Floats, label: Floats, weight: Floats | None = None) -> LogisticBaseline:
    """Fit a logistic regression on the training rows.

    Missing values become the median of the training rows, and a further column marks them. Columns
    are standardised on the training rows, and values are clipped at ten standard deviations.
    Category codes are taken as numbers.

    Parameters
    ----------
    matrix : (n, k) float64
        Features of the training rows, NaN for missing.
    label : (n,) float64
        0 or 1, both present.
    weight : (n,) float64, optional
        Positive.

    Raises
    ------
    InputError
        The rows lack a class.
    """
    if not 0.0 < float(label.mean()) < 1.0:
        raise InputError(
            "label", "both classes are needed for a logistic regression", float(label.mean())
        )
    weight = np.ones(len(label)) if weight is None else weight
    preparation = _Preparation(matrix)
    regression = LogisticRegression(C=1.0, max_iter=500, solver="newton-cholesky")
    regression.fit(preparation.columns(matrix), label, sample_weight=weight / weight.mean())
    return LogisticBaseline(preparation, regression.coef_[0], float(regression.intercept_[0]))


class _Preparation:
    """Median imputation with indicators, and standardisation, fitted on some rows."""

    def __init__(self, matrix: Floats) -> None:
        self.features = matrix.shape[1]
        missing = np.isnan(matrix)
        self._indicated = missing.any(axis=0) & ~missing.all(axis=0)
        self._present = np.flatnonzero(~missing.all(axis=0))
        self._median = np.nanmedian(matrix[:, self._present], axis=0)
        filled = self._filled(matrix)
        self._centre, self._spread = filled.mean(axis=0), filled.std(axis=0)
        self._spread[self._spread == 0] = 1.0

    def columns(self, matrix: Floats) -> Floats:
        """Columns of the regression."""
        return np.clip((self._filled(matrix) - self._centre) / self._spread, -_EXTREME, _EXTREME)

    def _filled(self, matrix: Floats) -> Floats:
        missing = np.isnan(matrix)
        values = np.where(missing[:, self._present], self._median, matrix[:, self._present])
        return np.concatenate([values, missing[:, self._indicated].astype(np.float64)], axis=1)
