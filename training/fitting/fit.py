"""Fitting: a LightGBM booster on training rows, and its margins for rows that it was not fitted
on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from holdfast.arrays import Floats, Positions
from training.evaluation.metrics import log_loss
from training.fitting.binned import BinnedRows
from training.fitting.parameters import DEFAULT_PARAMETERS, Parameters, fit_parameters
from training.settings import TrainingSettings

_VALID = "valid"

FEWEST_CELLS_FOR_THREADS = 200_000
"""Rows times features from which threads share a fit: with fewer they mostly wait for each other."""


@dataclass(frozen=True, kw_only=True)
class TrainingTable:
    """Labelled rows, as LightGBM is fitted on them.

    Parameters
    ----------
    matrix : (n, k) float64
        Features, NaN for missing.
    label : (n,) float64
        0 or 1.
    group : (n,) int64 or None
        Rows of one group stay together in folds.
    features : tuple of str
        Names of the k features.
    categorical : tuple of int
        Positions of the features that hold category codes.
    weight : (n,) float64 or None
        Positive: how much each row counts in fitting and in log loss; None where all count the
        same.
    bins : (BinnedRows, (n,) intp) or None
        Binned rows among which these are, and their positions there, rising; None where they are
        not binned yet.
    """

    matrix: Floats
    label: Floats
    group: NDArray[np.int64] | None
    features: tuple[str, ...]
    categorical: tuple[int, ...]
    weight: Floats | None = None
    bins: tuple[BinnedRows, Positions] | None = None

    def binned(self) -> "TrainingTable":
        """The same table with its rows binned, for more than one fit."""
        if self.bins is not None:
            return self
        rows = BinnedRows(self.matrix, self.features, self.categorical)
        return replace(self, bins=(rows, np.arange(len(self.matrix))))

    def rows(self, positions: Positions) -> "TrainingTable":
        """The same table with only these rows, in this order, not binned."""
        return TrainingTable(
            matrix=self.matrix[positions],
            label=self.label[positions],
            group=None if self.group is None else self.group[positions],
            features=self.features,
            categorical=self.categorical,
            weight=None if self.weight is None else self.weight[positions],
        )


@dataclass(frozen=True)
class EarlyStopped:
    """A booster that ends where the log loss on other rows was lowest.

    Parameters
    ----------
    booster : lightgbm.Booster
        With the chosen rounds and no more.
    rounds : int
        Number of these rounds.
    log_loss : float
        Weighted log loss on the other rows after these rounds.
    """

    booster: lgb.Booster
    rounds: int
    log_loss: float


@dataclass(frozen=True)
class CrossFit:
    """Boosters that were each fitted without one fold of the rows.

    Parameters
    ----------
    rounds : int
        Boosting rounds with the lowest mean log loss over the folds.
    boosters : tuple of lightgbm.Booster
        One per fold; they have more rounds than that.
    folds : tuple of (.,) intp
        Positions of the rows that each was fitted without; every row is in one.
    """

    rounds: int
    boosters: tuple[lgb.Booster, ...]
    folds: tuple[Positions, ...]

    def margin(self, matrix: Floats, rounds: int, threads: int) -> Floats:
        """Raw margin of every row after some rounds, from the booster that did not learn from it.

        Parameters
        ----------
        matrix : (n, k) float64
            The rows that were fitted.
        rounds : int
            At least 1.
        threads : int
            Threads of a prediction; 0 for all cores.
        """
        margin = np.empty(len(matrix))
        for booster, held_out in zip(self.boosters, self.folds, strict=True):
            margin[held_out] = booster.predict(
                matrix[held_out], raw_score=True, num_iteration=rounds, num_threads=threads
            )
        return margin

    def nested_margin(self, table: TrainingTable, most_rounds: int, threads: int) -> Floats:
        """Raw margin of every row after as many rounds as the other folds would choose: neither the
        trees nor their number were learnt from the row.

        Parameters
        ----------
        table : TrainingTable
            The rows that were fitted.
        most_rounds : int
            At least 1.
        threads : int
            Threads of a prediction; 0 for all cores.
        """
        losses = np.array(
            [
                _losses_by_round(booster, table.rows(held_out), most_rounds, threads)
                for booster, held_out in zip(self.boosters, self.folds, strict=True)
            ]
        )
        margin = np.empty(len(table.label))
        for place, held_out in enumerate(self.folds):
            rounds = int(np.argmin(np.delete(losses, place, axis=0).mean(axis=0))) + 1
            margin[held_out] = self.boosters[place].predict(
                table.matrix[held_out], raw_score=True, num_iteration=rounds, num_threads=threads
            )
        return margin


def _losses_by_round(
    booster: lgb.Booster, table: TrainingTable, most_rounds: int, threads: int
) -> Floats:
    """Weighted log loss of some rows after each round."""
    margin = np.zeros(len(table.label))
    losses = []
    for number in range(min(most_rounds, booster.num_trees())):
        margin += booster.predict(
            table.matrix,
            raw_score=True,
            start_iteration=number,
            num_iteration=1,
            num_threads=threads,
        )
        losses.append(log_loss(table.label, expit(margin), table.weight))
    return np.array(losses)


def cross_fit(
    table: TrainingTable,
    folds: Sequence[tuple[Positions, Positions]],
    settings: TrainingSettings,
    threads: int,
    parameters: Parameters,
    rounds: int | None = None,
) -> CrossFit:
    """Fit a booster without each fold, all to the same rounds: where the mean log loss on the folds
    is lowest, unless they are given.

    Parameters
    ----------
    table : TrainingTable
        The rows.
    folds : sequence of tuple of (.,) intp
        Positions of the rows to fit on and of those in the fold; every row is in one fold.
    settings : TrainingSettings
        Most rounds, patience and seed.
    threads : int
        Threads of the fit; 0 for all cores.
    parameters : mapping
        LightGBM parameters.
    rounds : int, optional
        Boosting rounds.
    """
    values = fit_parameters(settings, _threads(table, threads), parameters)
    held_out = tuple(fold for _, fold in folds)
    data = dataset(table.binned())
    if rounds is not None:
        # Nobody asks how well each round predicts, so that is not worked out.
        boosters = (
            lgb.train(values, data.subset(learnt.tolist()), num_boost_round=rounds)
            for learnt, _ in folds
        )
        return CrossFit(rounds, tuple(boosters), held_out)
    result = lgb.cv(
        values,
        data,
        num_boost_round=settings.max_rounds,
        folds=folds,
        callbacks=[lgb.early_stopping(settings.patience_rounds, verbose=False)],
        return_cvbooster=True,
    )
    fitted = result["cvbooster"]
    return CrossFit(int(fitted.best_iteration), tuple(fitted.boosters), held_out)


def fit_booster(
    table: TrainingTable,
    rounds: int,
    settings: TrainingSettings,
    threads: int,
    parameters: Parameters = DEFAULT_PARAMETERS,
) -> lgb.Booster:
    """Fit one booster on all the given rows."""
    values = fit_parameters(settings, _threads(table, threads), parameters)
    return lgb.train(values, dataset(table), num_boost_round=rounds)


def fit_early_stopped(
    train: TrainingTable,
    valid: TrainingTable,
    parameters: Parameters,
    settings: TrainingSettings,
    threads: int,
) -> tuple[lgb.Booster, int]:
    """Fit on one part, and stop where the log loss on the other is lowest.

    Parameters
    ----------
    train, valid : TrainingTable
        Rows to fit on, and rows that choose the boosting rounds.
    parameters : mapping
        LightGBM parameters.
    settings : TrainingSettings
        Most rounds, patience and seed.
    threads : int
        Threads of the fit; 0 for all cores.

    Returns
    -------
    booster : lightgbm.Booster
        With the chosen rounds and no more.
    rounds : int
        Number of these rounds.
    """
    data = dataset(train)
    values = fit_parameters(settings, _threads(train, threads), parameters)
    stopped = boost_until_worse(data, valid_dataset(data, valid), values, settings)
    return stopped.booster, stopped.rounds


def boost_until_worse(
    train: lgb.Dataset,
    valid: lgb.Dataset,
    values: Mapping[str, object],
    settings: TrainingSettings,
    callbacks: Sequence[Callable[[Any], None]] = (),
) -> EarlyStopped:
    """Boost until the log loss on `valid` has not improved for `settings.patience_rounds`.

    Parameters
    ----------
    train, valid : lightgbm.Dataset
        As `dataset` and `valid_dataset` make them; they can be used again.
    values : mapping
        As `fit_parameters` gives them.
    settings : TrainingSettings
        Most rounds, and patience.
    callbacks : sequence of callable
        Called after every round with LightGBM's environment; an exception ends the fit.
    """
    booster = lgb.train(
        dict(values),
        train,
        num_boost_round=settings.max_rounds,
        valid_sets=[valid],
        valid_names=[_VALID],
        callbacks=[*callbacks, lgb.early_stopping(settings.patience_rounds, verbose=False)],
    )
    return EarlyStopped(
        booster,
        int(booster.best_iteration),
        float(booster.best_score[_VALID][str(values["metric"])]),
    )


def dataset(table: TrainingTable) -> lgb.Dataset:
    """The table for LightGBM. Where it is not binned, a fit does that when it first uses it; the
    matrix is not copied.
    """
    if table.bins is not None:
        rows, positions = table.bins
        return rows.part(positions, table.label, table.weight)
    return lgb.Dataset(
        table.matrix,
        table.label,
        weight=table.weight,
        feature_name=list(table.features),
        categorical_feature=list(table.categorical),
        free_raw_data=False,
        params={"verbosity": -1},
    )


def valid_dataset(train: lgb.Dataset, valid: TrainingTable) -> lgb.Dataset:
    """A table to evaluate on while boosting on `train`, with the same bins."""
    return train.create_valid(valid.matrix, valid.label, weight=valid.weight)


def _threads(table: TrainingTable, threads: int) -> int:
    return 1 if table.matrix.size < FEWEST_CELLS_FOR_THREADS else threads
