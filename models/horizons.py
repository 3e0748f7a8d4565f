"""Horizons: probabilities of one outcome within more and more days never decrease."""

import numpy as np

from holdfast.arrays import Floats


def never_decreasing(probability: Floats) -> Floats:
    """The nearest probabilities that do not decrease with the horizon.

    Horizon models are fitted and calibrated one by one, so that a longer horizon may come out below
    a shorter one. Isotonic regression within a row (here by its min-max formula, Barlow et al.
    1972) moves such neighbours to their mean, no further than needed, and keeps the row's sum.

    Parameters
    ----------
    probability : (h, n) float64
        One row per horizon, shortest first; in 0 to 1.

    Returns
    -------
    (h, n) float64
        In 0 to 1; probabilities that already fit are returned bit for bit.

    Examples
    --------
    >>> never_decreasing(np.array([[0.1, 0.3], [0.2, 0.1]])).tolist()
    [[0.1, 0.2], [0.2, 0.2]]
    """
    horizons = len(probability)
    if horizons == 1 or np.all(probability[1:] >= probability[:-1]):
        return probability
    sums = np.concatenate([np.zeros((1, probability.shape[1])), np.cumsum(probability, axis=0)])
    best = np.full(probability.shape, -np.inf)
    for start in range(horizons):
        lowest = np.full(probability.shape[1], np.inf)
        for end in reversed(range(start, horizons)):
            lowest = np.minimum(lowest, (sums[end + 1] - sums[start]) / (end + 1 - start))
            best[end] = np.maximum(best[end], lowest)
    fits = np.all(probability[1:] >= probability[:-1], axis=0)
    # Sums and differences round in the last bits, which must not undo the order.
    corrected: Floats = np.where(
        fits, probability, np.clip(np.maximum.accumulate(best, axis=0), 0.0, 1.0)
    )
    return corrected
