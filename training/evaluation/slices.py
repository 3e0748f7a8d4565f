"""Slices: figures of every value of a column, and the distance of its AUC from that of all other
rows.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from holdfast.arrays import Floats, Texts
from training.counting import customers_with, fewest_of_a_class
from training.evaluation.metrics import losses
from training.evaluation.ranking import Codes, Masses, Ranking, ratio, sums_by


class SliceColumn:
    """Rows divided by the values of a column, prepared for many weightings of the customers.

    The rows keep the blocks of the ranking of all rows, so that pairs of a positive inside and a
    negative outside the slice can be counted too. The AUC of all *other* rows then needs no ranking
    of its own: their pairs are all pairs, minus those with a positive inside, minus those with a
    negative inside, plus those with both inside.

    Parameters
    ----------
    values : (n,) str
        The column.
    label, probability, weight, customer, customers
        As for `training.evaluation.ranking.Ranking`.
    everyone : Ranking
        That of all rows.
    baselines : mapping of str to (n,) float64
        Probabilities of other ways to predict.
    """

    def __init__(
        self,
        values: Texts,
        label: Floats,
        probability: Floats,
        weight: Floats,
        customer: Codes,
        customers: int,
        everyone: Ranking,
        baselines: Mapping[str, Floats] = MappingProxyType({}),
    ) -> None:
        names, code = np.unique(values, return_inverse=True)
        self.names = tuple(map(str, names))
        positive, every = label > 0, np.ones(len(label), dtype=bool)
        self.rows = np.bincount(code, minlength=len(names))
        self.positives = np.bincount(code[positive], minlength=len(names))
        self.positive_customers = [
            customers_with((code == number) & positive, customer) for number in range(len(names))
        ]
        self._fewest = [
            min(
                fewest_of_a_class(label[inside], customer[inside])
                for inside in (code == number, code != number)
            )
            for number in range(len(names))
        ]
        cells, cell = np.unique(code * everyone.size + everyone.block, return_inverse=True)
        self._block = cells % everyone.size
        self._bounds = np.searchsorted(cells // everyone.size, np.arange(len(names) + 1))
        self._positive = sums_by(cell, customer, weight, positive, (len(cells), customers))
        self._negative = sums_by(cell, customer, weight, ~positive, (len(cells), customers))
        self._expected = sums_by(
            code, customer, weight * probability, every, (len(names), customers)
        )
        self._loss, *others = (
            sums_by(
                code, customer, weight * losses(label, predicted), every, (len(names), customers)
            )
            for predicted in (probability, *baselines.values())
        )
        self._baselines = dict(zip(baselines, others, strict=True))

    def figures(self, counts: Floats, masses: Masses) -> dict[str, Floats]:
        """``auc``, ``log_loss``, ``observed_over_expected`` and ``gap`` (AUC inside minus AUC of
        all other rows): (values, d) each.

        And under ``difference/`` and a baseline's name: the log loss minus the baseline's.

        Parameters
        ----------
        counts : (customers, d) float64
            How often each customer counts.
        masses : Masses
            Those of all rows under these counts.
        """
        shape = (len(self.names), counts.shape[1])
        auc, rest, positives, negatives = (np.empty(shape) for _ in range(4))
        cells = Masses(self._positive @ counts, self._negative @ counts)
        for number in range(len(self.names)):
            here = slice(self._bounds[number], self._bounds[number + 1])
            own, block = Masses(cells.positive[here], cells.negative[here]), self._block[here]
            positive, negative = own.positives[-1], own.negatives[-1]
            with_positive = (own.positive * masses.negatives_below[block]).sum(axis=0)
            with_negative = (own.negative * masses.positives_above[block]).sum(axis=0)
            outside = masses.pairs - with_positive - with_negative + own.pairs
            auc[number] = ratio(own.pairs, positive * negative)
            rest[number] = ratio(
                outside, (masses.positives[-1] - positive) * (masses.negatives[-1] - negative)
            )
            positives[number], negatives[number] = positive, negative
        mass, loss = positives + negatives, self._loss @ counts
        return {
            "auc": auc,
            "log_loss": ratio(loss, mass),
            "observed_over_expected": ratio(positives, self._expected @ counts),
            "gap": auc - rest,
            **{
                f"difference/{name}": ratio(loss - theirs @ counts, mass)
                for name, theirs in self._baselines.items()
            },
        }

    def comparable(self, number: int, fewest: int) -> bool:
        """Whether a value and all others have enough customers with positives, and with negatives,
        each to be compared.
        """
        return self._fewest[number] >= fewest
