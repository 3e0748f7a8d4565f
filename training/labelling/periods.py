"""Splits: which rows a model is fitted on, and which it is evaluated on."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats, Positions
from holdfast.errors import InputError
from training.counting import customers_with
from training.labelling.cutoffs import start_of_test
from training.settings import LabelSettings

if TYPE_CHECKING:
    from training.labelling.dataset import Dataset


TUNE_FROM = 0.8
"""Share of customers, by the hash of their id: rows below are for fitting, the others for tuning.
"""

FEWEST_POSITIVES = {"fit": 50, "tune": 10, "test": 20}
"""Customers with a positive, and with a negative, that each part needs at the longest horizon. A fifth of
the customers tune, so that 50 for fitting come with a dozen of them.
"""


@dataclass(frozen=True)
class PeriodSplit:
    """Rows for each step of training, by time and customer.

    Parameters
    ----------
    fit, tune : (.,) intp
        Row positions with cut-offs whose labels end before the test period begins; no customer is
        in both. Parameters are searched on them. The model then learns from all of them.
    test : (.,) intp
        Row positions of the latest cut-offs, of all customers.
    purged : int
        Earlier rows whose labels end within the test period. They are in no part, but the refit learns
        from them.
    newer : (.,) intp
        Row positions whose label is complete within shorter horizons, and not yet within the longest.
        The refit alone learns from them, within those horizons.
    """

    fit: Positions
    tune: Positions
    test: Positions
    purged: int
    newer: Positions

    @property
    def learnt(self) -> Positions:
        """All rows that the model learns from, in order."""
        return np.sort(np.concatenate([self.fit, self.tune]))


def period_split(
    dataset: "Dataset", settings: LabelSettings, test_from: datetime | None = None
) -> PeriodSplit:
    """Split labelled rows into a later test period, and earlier parts by customer.

    Parameters
    ----------
    dataset : Dataset
        The rows.
    settings : LabelSettings
        The share of cut-offs that make the test period.
    test_from : datetime, optional
        Start of the test period; default: the latest `test_share` of the cut-offs, at least one.

    Raises
    ------
    InputError
        The test period lies outside the data, no label ends before it, or a part has too few
        customers with a positive, or with a negative.
    """
    cutoffs = np.unique(dataset.cutoffs[dataset.complete])
    start = start_of_test(cutoffs, settings, test_from, dataset.zone)
    test = dataset.complete & (dataset.cutoffs >= start)
    before = dataset.complete & (dataset.label_ends < start)
    if not before.any():
        needed = int(-(-(dataset.label_ends - dataset.cutoffs).min() // np.timedelta64(7, "D"))) + 1
        spanned = int((start - cutoffs[0]) // np.timedelta64(7, "D"))
        raise InputError(
            "cut-offs",
            f"must begin {needed} weeks before the test period, so that a label ends before it",
            f"{spanned} weeks",
        )
    share = customer_share(dataset.customers)
    split = PeriodSplit(
        fit=np.flatnonzero(before & (share < TUNE_FROM)),
        tune=np.flatnonzero(before & (share >= TUNE_FROM)),
        test=np.flatnonzero(test),
        purged=int((dataset.complete & ~before & ~test).sum()),
        newer=np.flatnonzero(~dataset.complete),
    )
    longest = max(dataset.labels)
    customers = np.unique(dataset.customers, return_inverse=True)[1]
    for part, fewest in FEWEST_POSITIVES.items():
        rows = getattr(split, part)
        label = dataset.labels[longest][rows]
        for value, what in ((1, "positive"), (0, "negative")):
            count = customers_with(label == value, customers[rows])
            if count < fewest:
                raise InputError(
                    f"{dataset.target}, {part} rows",
                    f"must have at least {fewest} customers with a {what} within {longest} days",
                    count,
                )
    return split


def customer_share(customers: NDArray[np.str_]) -> Floats:
    """A number from 0 to 1 per customer, by a hash of its id: the same on every machine.

    >>> customer_share(np.array(["0004711", "0004712", "0004711"])).round(3).tolist()
    [0.006, 0.398, 0.006]
    """
    different, place = np.unique(customers, return_inverse=True)
    digests = [
        hashlib.blake2b(name.encode(), digest_size=8).digest() for name in different.tolist()
    ]
    shares = np.array([int.from_bytes(digest, "big") / 2**64 for digest in digests])
    return shares[place]
