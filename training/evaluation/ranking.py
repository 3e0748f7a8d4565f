"""Ranking: rows sorted by probability once, so that figures of many resampled weightings cost sums
instead of sorts.

Rows of equal probability form one block, so that no figure depends on the order of rows.
Neighbouring blocks without positives are merged as well: the order among negatives changes no
figure of a ranking. A weighting of the customers is then the mass of positives and of negatives in
each block, which one sparse product gives for many weightings at once.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from holdfast.arrays import Floats

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Masses:
    """Weight of positives and of negatives by block, highest probability first, for d weightings.

    Parameters
    ----------
    positive, negative : (b, d) float64
        At least 0.
    """

    positive: Floats
    negative: Floats

    @cached_property
    def positives(self) -> Floats:
        """Mass of the positives down to each block, itself counted in: (b, d)."""
        return np.cumsum(self.positive, axis=0)

    @cached_property
    def negatives(self) -> Floats:
        """Mass of the negatives down to each block, itself counted in: (b, d)."""
        return np.cumsum(self.negative, axis=0)

    @cached_property
    def all(self) -> Floats:
        """Mass of both down to each block, itself counted in: (b, d)."""
        both: Floats = self.positives + self.negatives
        return both

    @cached_property
    def negatives_below(self) -> Floats:
        """Mass of the negatives ranked lower than each block, half of its own counted in: (b,
        d).
        """
        below: Floats = self.negatives[-1] - self.negatives + self.negative / 2
        return below

    @cached_property
    def positives_above(self) -> Floats:
        """Mass of the positives ranked higher than each block, half of its own counted in: (b,
        d).
        """
        above: Floats = self.positives - self.positive / 2
        return above

    @cached_property
    def pairs(self) -> Floats:
        """Mass of the pairs of a positive ranked above a negative, ties half: (d,)."""
        pairs: Floats = (self.positive * self.negatives_below).sum(axis=0)
        return pairs


class Ranking:
    """Rows in the order of their probability.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    probability : (n,) float64
        Or any score that rises with the risk; no NaN.
    weight : (n,) float64
        At least 0.
    customer : (n,) int64
        Codes from 0 to customers - 1.
    customers : int
        How many customers a weighting covers.
    """

    def __init__(
        self, label: Floats, probability: Floats, weight: Floats, customer: Codes, customers: int
    ) -> None:
        self.block = blocks(label, probability)
        self.size = int(self.block.max()) + 1
        positive = label > 0
        self._positive = sums_by(self.block, customer, weight, positive, (self.size, customers))
        self._negative = sums_by(self.block, customer, weight, ~positive, (self.size, customers))

    def masses(self, counts: Floats) -> Masses:
        """Masses by block.

        Parameters
        ----------
        counts : (customers, d) float64
            How often each customer counts, in each of d weightings.
        """
        return Masses(self._positive @ counts, self._negative @ counts)


def blocks(label: Floats, probability: Floats) -> Codes:
    """Block of every row, from 0 for the highest probability."""
    order = np.argsort(-probability, kind="stable")
    score, positive = probability[order], label[order] > 0
    starts = np.flatnonzero(np.concatenate([[True], score[1:] != score[:-1]]))
    holds_positives = np.logical_or.reduceat(positive, starts)
    begins = holds_positives.copy()
    begins[0] = True
    begins[1:] |= holds_positives[:-1]
    by_place = np.zeros(len(score), dtype=np.int64)
    by_place[starts] = begins
    block = np.empty(len(score), dtype=np.int64)
    block[order] = np.cumsum(by_place) - 1
    return block


def sums_by(
    group: Codes, customer: Codes, value: Floats, chosen: NDArray[np.bool_], shape: tuple[int, int]
) -> csr_array:
    """Sparse (groups, customers) sums of the chosen rows' values: times counts, it gives the sums
    by group of any weighting.
    """
    return csr_array((value[chosen], (group[chosen], customer[chosen])), shape=shape)


def auc(masses: Masses) -> Floats:
    """Area under the ROC curve of each weighting: the probability that a positive ranks above a
    negative, ties half.

    NaN where a class has no weight.
    """
    return ratio(masses.pairs, masses.positives[-1] * masses.negatives[-1])


def average_precision(masses: Masses) -> Floats:
    """Mean precision at the positions of the positives; NaN where there are none."""
    precision = np.divide(
        masses.positives, masses.all, out=np.zeros_like(masses.all), where=masses.all > 0
    )
    return ratio((masses.positive * precision).sum(axis=0), masses.positives[-1])


def precision_at(masses: Masses, share: float) -> Floats:
    """Share of positives among the given share of the weight, highest probability first.

    Of rows tied at the threshold, the fraction that still fits counts, so that the order of rows
    does not matter.
    """
    size = share * masses.all[-1]
    columns = np.arange(len(size))
    border = np.minimum((masses.all < size).sum(axis=0), len(masses.all) - 1)
    positive, negative = masses.positive[border, columns], masses.negative[border, columns]
    beyond = np.maximum(masses.all[border, columns] - size, 0.0)
    positives = masses.positives[border, columns] - beyond * np.nan_to_num(
        ratio(positive, positive + negative)
    )
    return ratio(positives, size)


def lift_at(masses: Masses, share: float) -> Floats:
    """`precision_at` over the share of positives among all; NaN where there is none."""
    return ratio(precision_at(masses, share), ratio(masses.positives[-1], masses.all[-1]))


def ratio(part: Floats, whole: Floats) -> Floats:
    """Part over whole, NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole != 0)
