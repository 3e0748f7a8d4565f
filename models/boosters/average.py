"""The average of boosters: the mean of their raw margins.

Contributions to a mean are the mean of the contributions, so that they still add up to the margin.
"""

from collections.abc import Sequence

import lightgbm as lgb
import numpy as np

from holdfast.arrays import Floats


def average_margin(boosters: Sequence[lgb.Booster], matrix: Floats, threads: int) -> Floats:
    """The mean of the raw margins of boosters, (n,) float64 in log-odds.

    Parameters
    ----------
    boosters : sequence of lightgbm.Booster
        At least one; with the same features in the same order.
    matrix : (n, k) float64
        Features, NaN for missing.
    threads : int
        Threads of the call; 0 for all cores. The result does not depend on it.
    """
    return mean_of(
        [
            np.asarray(
                booster.predict(matrix, raw_score=True, num_threads=threads), dtype=np.float64
            )
            for booster in boosters
        ]
    )


def mean_of(values: Sequence[Floats]) -> Floats:
    """The mean of arrays of one shape, to the same bits for one row as for many."""
    total = values[0]
    for more in values[1:]:
        total = total + more
    return total if len(values) == 1 else total / len(values)
