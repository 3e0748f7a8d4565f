"""Sampling: all rows with the outcome, and as many of the others as there is still something to learn
from.

What a row without the outcome teaches is much the same as what the next one does. Twenty of them to
each row with the outcome predict as well as all, where there are many; ten are too few. They are
drawn by stratum, and stand for those that were left out, so that no level changes.
"""

from dataclasses import dataclass

import numpy as np

from holdfast.arrays import Floats, Positions
from training.evaluation.ranking import Codes

NEGATIVES_PER_POSITIVE = 20
"""Rows without the outcome for each with it."""

FEWEST_NEGATIVES = 50_000
"""Rows without the outcome that are kept in any case."""

MOST_POSITIVES, MOST_ROWS = 300_000, 2_000_000
"""Rows that a fit learns from, at most."""


@dataclass(frozen=True)
class SampledRows:
    """Rows that stand for more.

    Parameters
    ----------
    chosen : (m,) intp
        Positions among the n rows, in order.
    stands_for : (m,) float64
        How many rows each stands for, itself included; at least 1. By stratum and label they add up
        to all rows.
    """

    chosen: Positions
    stands_for: Floats


def sample_rows(label: Floats, stratum: Codes, number: Floats) -> SampledRows:
    """Keep the rows with the outcome, and a sample by stratum of the others.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    stratum : (n,) int64
        What shares are to be kept of, such as a cut-off and product line.
    number : (n,) float64
        A random number for each row. The lowest of a stratum are kept, so that samples of two sets
        of rows have most of the rows that both sets have.
    """
    positive = label == 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    kept_positives = min(positives, MOST_POSITIVES)
    wanted = max(NEGATIVES_PER_POSITIVE * kept_positives, FEWEST_NEGATIVES)
    kept_negatives = min(negatives, wanted, MOST_ROWS - kept_positives)
    stands_for = np.zeros(len(label))
    for chosen, kept in ((positive, kept_positives), (~positive, kept_negatives)):
        rows = np.flatnonzero(chosen)
        if len(rows):
            stands_for[rows] = _stands_for(stratum[rows], number[rows], kept / len(rows))
    places = np.flatnonzero(stands_for)
    return SampledRows(places, stands_for[places])


def _stands_for(stratum: Codes, number: Floats, share: float) -> Floats:
    """How many rows each stands for, 0 where it is left out, if a share of each stratum is kept, and at
    least one row.
    """
    _, place, sizes = np.unique(stratum, return_inverse=True, return_counts=True)
    kept = np.maximum(np.ceil(share * sizes - 1e-9), 1.0)
    order = np.lexsort((number, place))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.where(rank < kept[place], (sizes / kept)[place], 0.0)
