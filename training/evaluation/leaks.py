"""Leak watch: columns that hold the answer, and other signs that figures are too good. It raises
flags and drops nothing.

How well a column alone predicts is measured out of fold: its values are binned (a category is a
bin, missing is a bin), and rows are ranked by the share of positives that their bin has in other
rows.

Being missing is suspicious where a value may be filled in for some outcomes only. Where the catalogue
of features says what a missing value means, such as that a line has no minimum term, it is a value
like any other: it is not watched by itself, but it is a bin of its column as everywhere.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from holdfast.arrays import Floats, Positions
from holdfast.logging import progress
from training.evaluation.folds import stratified_customer_folds, stratified_folds
from training.settings import LeakWatchSettings

Kind = Literal["single_column", "missingness", "id_like", "duplicate_rows", "too_good"]

Folds = Sequence[tuple[Positions, Positions]]

_FOLDS = 5
_NUMERIC_BINS = 64


@dataclass(frozen=True)
class Flag:
    """One suspicion.

    Parameters
    ----------
    column : str or None
        The column, None where the whole table or model is meant.
    kind : str
        ``single_column`` and ``missingness`` (figure: AUC of that alone), ``id_like`` (distinct
        share of values), ``duplicate_rows`` (share of rows), ``too_good`` (cross-validated AUC).
    figure : float
        What was measured.
    """

    column: str | None
    kind: Kind
    figure: float


def watch_table(
    matrix: Floats,
    label: Floats,
    group: NDArray[np.int64] | None,
    columns: Sequence[str],
    categorical: Sequence[int],
    settings: LeakWatchSettings,
    seed: int,
    null_has_meaning: Collection[str] = (),
) -> list[Flag]:
    """Look for leaks in labelled rows, column by column.

    Parameters
    ----------
    matrix : (n, k) float64
        Encoded features, NaN for missing.
    label : (n,) float64
        0 or 1.
    group : (n,) int64 or None
        Rows of one group are ranked by the rows of other groups.
    columns : sequence of str
        Names of the k columns, for the flags.
    categorical : sequence of int
        Positions of category codes.
    null_has_meaning : collection of str
        Columns of which a missing value is a fact: they are not flagged for missingness.
    """
    flags = []
    splits = (
        stratified_folds(label, None, _FOLDS, seed)
        if group is None
        else stratified_customer_folds(label, group, min(_FOLDS, len(np.unique(group))), seed)
    )
    folds = _folds_with_both_classes(splits, label)
    with progress("Watching for leaks", len(columns)) as advance:
        for position, name in enumerate(columns):
            values = matrix[:, position]
            flags += _watch_column(
                name, values, label, position in set(categorical), folds, settings
            )
            if name not in null_has_meaning:
                flags += _watch_missingness(name, values, label, settings)
            advance(1)
    repeated = duplicate_share(matrix, label)
    if repeated >= settings.duplicate_share:
        flags.append(Flag(None, "duplicate_rows", repeated))
    return flags


def watch_model(auc: float, settings: LeakWatchSettings) -> list[Flag]:
    """Flag a model whose cross-validated AUC is too good to be true."""
    return [Flag(None, "too_good", auc)] if auc >= settings.too_good_auc else []


def duplicate_share(matrix: Floats, label: Floats) -> float:
    """Share of rows that repeat an earlier row, label included."""
    return float(pd.DataFrame(matrix).assign(label=label).duplicated().mean())


def _folds_with_both_classes(folds: Iterable[tuple[Positions, Positions]], label: Floats) -> Folds:
    return [(train, test) for train, test in folds if 0 < label[test].mean() < 1]


def _watch_column(
    name: str,
    values: Floats,
    label: Floats,
    categorical: bool,
    folds: Folds,
    settings: LeakWatchSettings,
) -> list[Flag]:
    flags = []
    missing = np.isnan(values)
    auc = auc_alone(_bins(values, categorical), label, folds)
    if auc >= settings.single_column_auc:
        flags.append(Flag(name, "single_column", auc))
    present = values[~missing]
    if not len(present):
        return flags
    distinct = len(np.unique(present)) / len(present)
    # Amounts of money are nearly all distinct; only whole numbers of which none repeats look like
    # ids.
    if (
        distinct >= settings.id_like_share
        if categorical
        else distinct == 1 and np.all(present == np.round(present))
    ):
        flags.append(Flag(name, "id_like", distinct))
    return flags


def _watch_missingness(
    name: str, values: Floats, label: Floats, settings: LeakWatchSettings
) -> list[Flag]:
    missing = np.isnan(values)
    if min(missing.sum(), (~missing).sum()) < settings.missingness_rows:
        return []
    auc = float(roc_auc_score(label, missing))
    auc = max(auc, 1 - auc)
    return [Flag(name, "missingness", auc)] if auc >= settings.missingness_auc else []


def auc_alone(bins: NDArray[np.int64], label: Floats, folds: Folds) -> float:
    """AUC, mean over folds, of ranking rows by the share of positives their bin has on other rows.

    Parameters
    ----------
    bins : (n,) int64
        Bin of each row, from 0.
    label : (n,) float64
        0 or 1.
    folds : list of (train, test) positions
        Rows that give the shares, and rows that are ranked.
    """
    count = int(bins.max()) + 1
    aucs = []
    for train, test in folds:
        rate = label[train].mean()
        positives = np.bincount(bins[train], weights=label[train], minlength=count)
        rows = np.bincount(bins[train], minlength=count)
        # A bin with few rows is drawn towards the overall share.
        share = (positives + rate) / (rows + 1)
        aucs.append(_auc_of_bins(bins[test], label[test], share))
    return float(np.mean(aucs))


def _auc_of_bins(bins: NDArray[np.int64], label: Floats, score: Floats) -> float:
    """AUC of rows that are ranked by the score of their bin.

    As scikit-learn's `roc_auc_score`, which checks its arguments for longer than this counts: a
    table of 130 columns asks five times for each.
    """
    _, rank = np.unique(score, return_inverse=True)
    rank_of_row = rank[bins]
    positives = np.bincount(rank_of_row, weights=label)
    negatives = np.bincount(rank_of_row) - positives
    below = np.cumsum(negatives) - negatives / 2
    return float(below @ positives / (positives.sum() * negatives.sum()))


def _bins(values: Floats, categorical: bool) -> NDArray[np.int64]:
    missing = np.isnan(values)
    if categorical:
        return np.where(missing, 0, np.nan_to_num(values) + 1).astype(np.int64)
    present = values[~missing]
    edges = (
        np.unique(np.quantile(present, np.linspace(0, 1, _NUMERIC_BINS + 1)[1:-1]))
        if len(present)
        else np.empty(0)
    )
    return np.where(missing, 0, np.searchsorted(edges, values, side="left") + 1).astype(np.int64)
