"""Corrected intervals for the mean of a difference over repeated folds.

The training folds overlap, so that the differences are not independent and a plain t interval is
far too narrow. Nadeau and Bengio (2003) increase its variance by the ratio of test to training
rows. Bouckaert and Frank (2004) do the same for repeated folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from holdfast.arrays import Floats


@dataclass(frozen=True)
class Difference:
    """A mean difference and its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.4f} ({self.low:+.4f} to {self.high:+.4f})"


def corrected_interval(
    differences: Sequence[float] | Floats, test_share: float, confidence: float = 0.95
) -> Difference:
    """The mean of paired differences, with the corrected resampled t interval.

    Parameters
    ----------
    differences : sequence of float
        One per split, over all folds of all repeats; at least two.
    test_share : float
        Test rows over training rows of a split: 0.25 with five folds.
    confidence : float
        Above 0, below 1.
    """
    values = np.asarray(differences, dtype=np.float64)
    count = len(values)
    deviation = float(np.sqrt((1 / count + test_share) * values.var(ddof=1)))
    reach = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * deviation
    mean = float(values.mean())
    return Difference(mean, mean - reach, mean + reach)
