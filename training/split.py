"""Splits: which rows a model is fitted on and which it is judged on."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from holdfast.errors import InputError
from training.settings import LabelSettings, TrainingSettings

if TYPE_CHECKING:
    from training.dataset import Dataset

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

FEWEST_OF_A_CLASS = 10
"""Rows of each class that a training part needs, so that its inner folds have some."""

FEWEST_GROUPS = 2
"""Groups that a training part needs, so that it has inner folds at all."""

TUNE_FROM, CALIBRATE_FROM = 0.6, 0.8
"""Shares of customers, by their hash: fitted on below the first, calibrated on from the second, tuned on between."""

FEWEST_POSITIVES = {"fit": 50, "tune": 20, "calibrate": 20, "test": 20}
"""Rows with the outcome that a part needs at the longest horizon."""


@dataclass(frozen=True)
class Split:
    """One training part and the rows it is judged on.

    Parameters
    ----------
    repeat : int
        Which repeat of the cross-validation, from 0. Within a repeat no row is judged twice.
    train, test : (.,) intp
        Row positions; they never share a row, nor a group where groups are given.
    """

    repeat: int
    train: Positions
    test: Positions


@dataclass(frozen=True)
class PeriodSplit:
    """Rows for each step of making a model, by time and customer.

    Parameters
    ----------
    fit, tune, calibrate : (.,) intp
        Row positions with cut-offs whose labels end before the test period begins; no customer is in two of them.
    test : (.,) intp
        Row positions of the latest cut-offs, whoever the customer.
    purged : int
        Earlier rows whose labels end within the test period: they are in no part.
    """

    fit: Positions
    tune: Positions
    calibrate: Positions
    test: Positions
    purged: int = 0


def period_split(dataset: "Dataset", settings: LabelSettings, test_from: datetime | None = None) -> PeriodSplit:
    """Split labelled rows of several cut-offs into a later test period, and customers before it.

    Parameters
    ----------
    dataset : Dataset
        The rows.
    settings : LabelSettings
        How much of the cut-offs make the test period.
    test_from : datetime, optional
        When the test period begins; default: the latest `test_share` of the cut-offs, at least one.

    Raises
    ------
    InputError
        The test period lies outside the data, no label ends before it, or a part has too few positives.
    """
    cutoffs = np.unique(dataset.cutoffs)
    if len(cutoffs) == 0:
        raise InputError("cut-offs", "must be at least two, one to fit and one to test on", 0)
    start = cutoffs[-max(1, int(settings.test_share * len(cutoffs)))]
    if test_from is not None:
        start = np.datetime64(test_from.astimezone(UTC).replace(tzinfo=None), "us")
        if not cutoffs[0] < start <= cutoffs[-1]:
            raise InputError(
                "test period",
                f"must begin after {_day(cutoffs[0])} and not after {_day(cutoffs[-1])}, the last cut-off",
                _day(start),
            )
    test, before = dataset.cutoffs >= start, dataset.label_ends < start
    if not before.any():
        needed = int(-(-(dataset.label_ends - dataset.cutoffs).min() // np.timedelta64(7, "D"))) + 1
        spanned = int((start - cutoffs[0]) // np.timedelta64(7, "D"))
        raise InputError(
            "cut-offs", f"must begin {needed} weeks before the test period, for any label to end before it", f"{spanned} weeks"
        )
    share = customer_share(dataset.customers)
    split = PeriodSplit(
        fit=np.flatnonzero(before & (share < TUNE_FROM)),
        tune=np.flatnonzero(before & (share >= TUNE_FROM) & (share < CALIBRATE_FROM)),
        calibrate=np.flatnonzero(before & (share >= CALIBRATE_FROM)),
        test=np.flatnonzero(test),
        purged=int((~before & ~test).sum()),
    )
    longest = max(dataset.labels)
    for part, fewest in FEWEST_POSITIVES.items():
        label = dataset.labels[longest][getattr(split, part)]
        for found, what in ((int(np.sum(label == 1)), "positives"), (int(np.sum(label == 0)), "negatives")):
            if found < fewest:
                raise InputError(
                    f"{dataset.target}, {part} rows", f"must have at least {fewest} {what} within {longest} days", found
                )
    return split


def customer_share(customers: NDArray[np.str_]) -> Floats:
    """Where each customer stands between 0 and 1, by a hash of its id: the same on every machine and for good."""
    different, place = np.unique(customers, return_inverse=True)
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in different.tolist()]
    shares = np.array([int.from_bytes(digest, "big") / 2**64 for digest in digests])
    return shares[place]


def _day(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[D]"))


def cross_validation(label: Floats, group: NDArray[np.int64] | None, settings: TrainingSettings) -> list[Split]:
    """Repeated stratified folds; every row is judged once a repeat.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    group : (n,) int64, optional
        Rows of one group stay on one side.

    Raises
    ------
    InputError
        There are too few groups, or they leave a fold without one of the classes.
    """
    if group is not None and len(np.unique(group)) < settings.folds:
        raise InputError("--group", f"needs at least {settings.folds} groups", len(np.unique(group)))
    splits = []
    for repeat in range(settings.repeats):
        for train, test in stratified_folds(label, group, settings.folds, settings.seed + repeat):
            if not (_has_both(label[test], 1) and _can_train(label[train], None if group is None else group[train])):
                raise InputError(
                    "--group", "leaves a fold without enough rows of both classes; the groups are too few or too unequal"
                )
            splits.append(Split(repeat, train, test))
    return splits


def time_windows(label: Floats, time: Floats, group: NDArray[np.int64] | None, settings: TrainingSettings) -> list[Split]:
    """Later rows judged by models fitted on earlier ones, in up to `settings.time_windows` consecutive windows.

    Rows of one time are never parted. Windows whose training or test part lacks rows of a class are left out.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    time : (n,) float64
        When each row was true, in any unit; no NaN.
    group : (n,) int64, optional
        Rows whose group is judged in a window are not trained on for it.

    Raises
    ------
    InputError
        No window is left.
    """
    edges = np.unique(np.quantile(time, np.linspace(0, 1, settings.time_windows + 2)[1:-1], method="inverted_cdf"))
    splits = []
    for start, end in zip(edges, [*edges[1:], np.inf], strict=True):
        test = np.flatnonzero((time > start) & (time <= end))
        earlier = time <= start
        if group is not None:
            earlier &= ~np.isin(group, group[test])
        train = np.flatnonzero(earlier)
        if _can_train(label[train], None if group is None else group[train]) and _has_both(label[test], 1):
            splits.append(Split(0, train, test))
    if not splits:
        raise InputError(
            "--time", "leaves no test window with both classes after a training part with both", f"{len(edges)} windows tried"
        )
    return splits


def stratified_folds(
    label: Floats, group: NDArray[np.int64] | None, folds: int, seed: int
) -> Iterator[tuple[Positions, Positions]]:
    """Shuffled folds with the label's classes in equal shares, groups kept together."""
    kind = StratifiedKFold if group is None else StratifiedGroupKFold
    yield from kind(n_splits=folds, shuffle=True, random_state=seed).split(np.zeros(len(label)), label, group)


def inner_folds(
    label: Floats, group: NDArray[np.int64] | None, settings: TrainingSettings
) -> Iterator[tuple[Positions, Positions]]:
    """Folds inside a training part, as many as the settings say or as its classes and groups allow."""
    fewest = min(int(label.sum()), int(len(label) - label.sum()), len(label) if group is None else len(np.unique(group)))
    return stratified_folds(label, group, min(settings.inner_folds, fewest), settings.seed)


def _can_train(label: Floats, group: NDArray[np.int64] | None) -> bool:
    return _has_both(label, FEWEST_OF_A_CLASS) and (group is None or len(np.unique(group)) >= FEWEST_GROUPS)


def _has_both(label: Floats, fewest: int) -> bool:
    positives = int(label.sum())
    return min(positives, len(label) - positives) >= fewest
