"""Folds: which rows of one table a model is fitted on and which it is evaluated on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from holdfast.arrays import Floats, Positions
from holdfast.errors import InputError
from training.counting import fewest_of_a_class
from training.settings import TrainingSettings

FEWEST_OF_A_CLASS = 10
"""Rows of each class that a training part needs, so that each inner fold has some."""

FEWEST_GROUPS = 2
"""Groups that a training part needs to have inner folds."""


@dataclass(frozen=True)
class Split:
    """One training part and the rows it is evaluated on.

    Parameters
    ----------
    repeat : int
        Which repeat of the cross-validation, from 0. Within a repeat no row is evaluated twice.
    train, test : (.,) intp
        Row positions; they never share a row, nor a group where groups are given.
    """

    repeat: int
    train: Positions
    test: Positions


def cross_validation(
    label: Floats, group: NDArray[np.int64] | None, settings: TrainingSettings
) -> list[Split]:
    """Repeated stratified folds; every row is evaluated once per repeat.

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
        raise InputError(
            "--group", f"needs at least {settings.folds} groups", len(np.unique(group))
        )
    splits = []
    for repeat in range(settings.repeats):
        for train, test in stratified_folds(label, group, settings.folds, settings.seed + repeat):
            if not (
                _has_both(label[test], 1)
                and _can_train(label[train], None if group is None else group[train])
            ):
                raise InputError(
                    "--group",
                    "leaves a fold without enough rows of both classes; the groups are too few or too unequal",
                )
            splits.append(Split(repeat, train, test))
    return splits


def time_windows(
    label: Floats, time: Floats, group: NDArray[np.int64] | None, settings: TrainingSettings
) -> list[Split]:
    """Later rows evaluated by models fitted on earlier ones, in up to `settings.time_windows`
    consecutive windows.

    Rows of one time stay together. Windows whose training or test part lacks rows of a class are
    left out.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    time : (n,) float64
        Date of each row, in any unit; no NaN.
    group : (n,) int64, optional
        Rows whose group is evaluated in a window are not trained on for it.

    Raises
    ------
    InputError
        No window is left.
    """
    edges = np.unique(
        np.quantile(time, np.linspace(0, 1, settings.time_windows + 2)[1:-1], method="inverted_cdf")
    )
    splits = []
    for start, end in zip(edges, [*edges[1:], np.inf], strict=True):
        test = np.flatnonzero((time > start) & (time <= end))
        earlier = time <= start
        if group is not None:
            earlier &= ~np.isin(group, group[test])
        train = np.flatnonzero(earlier)
        if _can_train(label[train], None if group is None else group[train]) and _has_both(
            label[test], 1
        ):
            splits.append(Split(0, train, test))
    if not splits:
        raise InputError(
            "--time",
            "leaves no test window with both classes after a training part with both",
            f"{len(edges)} windows tried",
        )
    return splits


def stratified_folds(
    label: Floats, group: NDArray[np.int64] | None, folds: int, seed: int
) -> Iterator[tuple[Positions, Positions]]:
    """Shuffled folds with the label's classes in equal shares, groups kept together."""
    kind = StratifiedKFold if group is None else StratifiedGroupKFold
    yield from kind(n_splits=folds, shuffle=True, random_state=seed).split(
        np.zeros(len(label)), label, group
    )


def stratified_customer_folds(
    label: Floats, customer: NDArray[np.int64], folds: int, seed: int
) -> Iterator[tuple[Positions, Positions]]:
    """Folds of customers with about as many positives each; rows of a customer stay together.

    Customers are ordered by their positives, then by their rows, and each `folds` of them that
    follow each other are dealt to the folds at random, one to each (permuted blocks). The time
    grows with the rows: scikit-learn's StratifiedGroupKFold takes 20 seconds for 100,000 customers.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    customer : (n,) int64
        Codes.
    folds : int
        At least 2.
    seed : int
        Of the dealing.

    Yields
    ------
    tuple of (.,) intp
        Positions of the rows outside a fold, and of those in it; every row is in one fold.
    """
    _, place = np.unique(customer, return_inverse=True)
    rows = np.bincount(place)
    random = np.random.default_rng(seed)
    order = np.lexsort((random.permutation(len(rows)), rows, np.bincount(place, weights=label)))
    blocks = np.tile(np.arange(folds), (-(-len(order) // folds), 1))
    fold_of = np.empty(len(order), dtype=np.int64)
    fold_of[order[::-1]] = random.permuted(blocks, axis=1).ravel()[: len(order)]
    for fold in range(folds):
        inside = fold_of[place] == fold
        yield np.flatnonzero(~inside), np.flatnonzero(inside)


def customer_fold_count(label: Floats, customer: NDArray[np.int64], most: int) -> int:
    """How many folds of customers leave positives and negatives in each: `most`, or fewer."""
    return min(most, fewest_of_a_class(label, customer))


def inner_folds(
    label: Floats, group: NDArray[np.int64] | None, settings: TrainingSettings
) -> Iterator[tuple[Positions, Positions]]:
    """Folds inside a training part, as many as the settings say or as its classes and groups
    allow.
    """
    fewest = min(
        int(label.sum()),
        int(len(label) - label.sum()),
        len(label) if group is None else len(np.unique(group)),
    )
    return stratified_folds(label, group, min(settings.inner_folds, fewest), settings.seed)


def _can_train(label: Floats, group: NDArray[np.int64] | None) -> bool:
    return _has_both(label, FEWEST_OF_A_CLASS) and (
        group is None or len(np.unique(group)) >= FEWEST_GROUPS
    )


def _has_both(label: Floats, fewest: int) -> bool:
    positives = int(label.sum())
    return min(positives, len(label) - positives) >= fewest
