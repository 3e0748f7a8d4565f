"""The scorer: the only way from features to a prediction, online and in batch."""

from dataclasses import dataclass

import numpy as np

from holdfast.errors import ModelError
from models.bands import Bands
from models.calibration import Floats
from models.reasons import Explanation, explain
from models.version import ModelVersion


@dataclass(frozen=True)
class Scores:
    """Predictions for n rows.

    Parameters
    ----------
    margin : (n,) float64
        Raw margin, log-odds before calibration.
    probability : (n,) float64
        Calibrated, 0 to 1.
    band : (n,) str
        ``high``, ``medium`` or ``low``.
    """

    margin: Floats
    probability: Floats
    band: Bands


class Scorer:
    """Scores and explains with one model version.

    Parameters
    ----------
    version : ModelVersion
        What to score with.
    threads : int
        Threads of one call: 1 in a server, 0 (all cores) in batch. The results do not depend on it.
    """

    def __init__(self, version: ModelVersion, threads: int) -> None:
        self.version = version
        self.threads = threads

    def score(self, matrix: Floats) -> Scores:
        """Score rows.

        Parameters
        ----------
        matrix : (n, k) float64
            Features in the version's order, NaN for missing.

        Raises
        ------
        ModelError
            The matrix has another number of columns than the model has features.
        """
        self._check(matrix)
        if len(matrix) == 0:
            empty = np.empty(0, dtype=np.float64)
            return Scores(empty, empty, np.empty(0, dtype=np.str_))
        margin = np.asarray(self.version.booster.predict(matrix, raw_score=True, num_threads=self.threads), dtype=np.float64)
        probability = self.version.calibration.probability(margin)
        return Scores(margin, probability, self.version.bands.assign(probability))

    def explain(self, matrix: Floats) -> Explanation:
        """Explain the raw margins of at least one row; same matrix and errors as `score`."""
        self._check(matrix)
        return explain(self.version.booster, matrix, self.threads)

    def _check(self, matrix: Floats) -> None:
        expected = len(self.version.features)
        if matrix.ndim != 2 or matrix.shape[1] != expected:
            raise ModelError("features", f"the model needs rows of {expected} features", matrix.shape)
