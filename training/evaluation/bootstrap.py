"""Bootstrap: sampling uncertainty of figures, from resampling customers.

Customers are resampled, not rows: rows of one customer at several cut-offs, or of several
subscriptions, are alike, and intervals that took them for independent would be too narrow. A draw
is a weighting: the number of times each customer was drawn. So nothing is copied or sorted again.
In the first weighting every customer counts once.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.special import ndtr, ndtri

from holdfast.arrays import Floats
from holdfast.cores import core_count
from holdfast.logging import progress
from training.evaluation.assessment import CONFIDENCE, Estimate

Figures = dict[str, Floats]
"""By name, (1 + draws, ...) values: the figure itself, then that of every draw."""

_AT_ONCE = 16
"""Weightings that are evaluated together: with more, their sums no longer fit into the processor's
cache.
"""

_MOST_CELLS = 8_000_000
"""Numbers that they may take together."""


def resample(
    customers: int,
    draws: int,
    seed: int,
    figures: Callable[[Floats], Figures],
    size: int,
    description: str,
) -> Figures:
    """Figures of the rows as they are and of every draw.

    Parameters
    ----------
    customers : int
        How many there are; each draw takes as many, with replacement.
    draws : int
        How many draws.
    seed : int
        A draw depends on the seed and its own number alone, not on how the work is divided.
    figures : callable
        Turns (customers, d) counts into values whose last axis is d.
    size : int
        Numbers that one weighting takes; it limits how many are evaluated together.
    description : str
        Shown with the progress.
    """
    at_once = int(np.clip(_MOST_CELLS // max(size, customers), 1, _AT_ONCE))
    chunks = [
        range(start, min(start + at_once, 1 + draws)) for start in range(0, 1 + draws, at_once)
    ]

    def values_of(chunk: range) -> Figures:
        return figures(np.stack([_counts(customers, number, seed) for number in chunk], axis=1))

    with progress(description, draws) as advance, ThreadPoolExecutor(core_count()) as pool:
        results = []
        for chunk, values in zip(chunks, pool.map(values_of, chunks), strict=True):
            results.append(values)
            advance(len(chunk))
    return {
        name: np.moveaxis(np.concatenate([values[name] for values in results], axis=-1), -1, 0)
        for name in results[0]
    }


def estimate(
    values: Floats, confidence: float = CONFIDENCE, *, distance: bool = False
) -> Estimate | None:
    """A figure and its interval, from the figure itself and that of every draw; None where the rows
    do not determine it.

    Parameters
    ----------
    values : (1 + draws,) float64
        NaN where a weighting does not determine it; such draws are left out, and where more than
        half are NaN there is no estimate.
    confidence : float
        Of the interval.
    distance : bool
        The figure is a distance; see `distance_interval`.
    """
    value, drawn = float(values[0]), values[1:]
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or 2 * len(drawn) < len(values) - 1:
        return None
    low, high = (distance_interval if distance else interval)(value, drawn, confidence)
    return Estimate(value, low, high)


def interval(value: float, drawn: Floats, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Bias-corrected percentile interval (Efron 1981).

    Plain percentiles are right for most figures, but not for the maximum profit: its threshold is
    chosen on the same rows that it is evaluated on, so it is too high, and in a draw it is too high
    a second time. The share of draws below the figure shows by how much, and the percentiles are
    shifted by twice that. ``python -m benchmarks.models.coverage`` prints how often both kinds of interval
    cover the truth.

    Parameters
    ----------
    value : float
        The figure with every customer counted once.
    drawn : (draws,) float64
        That of every draw, finite.
    confidence : float
        Of the interval.
    """
    below = (np.sum(drawn < value) + np.sum(drawn == value) / 2) / len(drawn)
    least = 0.5 / len(drawn)
    shift = 2.0 * ndtri(np.clip(below, least, 1.0 - least))
    tail = ndtri((1.0 + confidence) / 2.0)
    low, high = np.quantile(drawn, ndtr([shift - tail, shift + tail]))
    return float(low), float(high)


def distance_interval(
    value: float, drawn: Floats, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Interval of a distance such as the calibration error, which is at least 0 and which chance
    only makes larger.

    Where the true distance is 0, every draw lies above it, and no percentiles cover it. So the
    draws' deviations are subtracted from the figure instead of added (the basic bootstrap). The
    interval ends at 0 or above, and always contains the figure.
    """
    low, high = np.quantile(drawn, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    return max(0.0, min(value, 2.0 * value - float(high))), max(value, 2.0 * value - float(low))


def _counts(customers: int, number: int, seed: int) -> Floats:
    if number == 0:
        return np.ones(customers)
    drawn = np.random.default_rng([seed, number]).integers(0, customers, customers)
    return np.bincount(drawn, minlength=customers).astype(np.float64)
