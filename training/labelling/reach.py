"""How far back training looks: what it needs of snapshots and of raw rows, in days before now, and
the Mondays whose labels the raw rows that are kept can tell.
"""

from datetime import datetime, timedelta
from math import ceil

import numpy as np

from features.contracts.vocabulary import HORIZON_DAYS
from holdfast.arrays import Times
from training.settings import LONGEST_SETTLE_DAYS, TrainingConfig

_WEEK_DAYS = 7
_SAME_END_DAYS = 31
"""A loss and the end of service that it is the reason of lie at most so far apart."""


def days_of_snapshots(config: TrainingConfig) -> int:
    """Days that snapshots must be kept for a model of churn to be fitted, and tested later in time.

    The newest cut-off of a complete label, however late losses may be told; from there back the
    test period; and before it a cut-off whose labels end before the test period begins.

    Examples
    --------
    >>> days_of_snapshots(TrainingConfig())
    392
    """
    labels = config.labels
    span = labels.gap_days + HORIZON_DAYS[-1] + labels.inactivity_days
    cutoffs = max(span / (1 - labels.test_share), config.gate.fewest_test_days / labels.test_share)
    steps = _WEEK_DAYS * (labels.cutoff_every_weeks + 1)
    return max(LONGEST_SETTLE_DAYS, labels.settle_days) + span + ceil(cutoffs) + steps


def days_of_raw_rows(config: TrainingConfig) -> int:
    """Days that raw rows must be kept for the labels of those cut-offs.

    Examples
    --------
    >>> days_of_raw_rows(TrainingConfig())
    430
    """
    return days_of_snapshots(config) + _before_cutoff_days(config.labels.inactivity_days)


def labelled_mondays(mondays: Times, rows_since: datetime | None, inactivity_days: int) -> Times:
    """Mondays whose labels can be told from raw rows that are kept since a time.

    Parameters
    ----------
    mondays : (m,) datetime64[us]
        Mondays with stored features, UTC.
    rows_since : datetime or None
        Since when raw rows are kept; None: all are.
    inactivity_days : int
        As `LabelSettings.inactivity_days`: whether a line is inactive at a cut-off, and what became
        of it, is told from so many days before.
    """
    if rows_since is None:
        return mondays
    first = lines_told_since(rows_since, inactivity_days)
    return mondays[mondays >= np.datetime64(first.replace(tzinfo=None), "us")]


def lines_told_since(rows_since: datetime, inactivity_days: int) -> datetime:
    """First time at which it can be told which lines are at risk, and what became of them.

    Parameters
    ----------
    rows_since : datetime
        Since when raw rows are kept.
    inactivity_days : int
        As of `labelled_mondays`.
    """
    return rows_since + timedelta(days=_before_cutoff_days(inactivity_days))


def _before_cutoff_days(inactivity_days: int) -> int:
    return max(inactivity_days, _SAME_END_DAYS) + _WEEK_DAYS
