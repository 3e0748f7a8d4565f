"""CatBoost, tuned: the strongest other model on tables of a few thousand rows, for comparison only.

The first trial is near CatBoost's defaults. The number of rounds is the best one on the inner
split. Trials that are worse than the median are ended early, by the rule of `training.fitting.tune`.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Self

import numpy as np
import optuna
import pandas as pd
from catboost import CatBoostClassifier, Pool

from holdfast.arrays import Floats
from training.evaluation.folds import inner_folds
from training.fitting.fit import TrainingTable
from training.fitting.tune import SHRINKAGE_PER_REPORT, median_pruner
from training.settings import TrainingSettings

_AS_IT_COMES = {
    "learning_rate": 0.05,
    "depth": 6,
    "l2_leaf_reg": 3.0,
    "random_strength": 1.0,
    "rsm": 1.0,
    "bagging_temperature": 1.0,
    "min_data_in_leaf": 1,
}


@dataclass(frozen=True)
class TunedCatBoost:
    """CatBoost with the best parameters of a search.

    Parameters
    ----------
    parameters : dict of str to object
        Those of the best trial.
    rounds : int
        Its boosting rounds.
    seed : int
        Of every fit.
    """

    parameters: dict[str, object]
    rounds: int
    seed: int

    @classmethod
    def search(cls, train: TrainingTable, trials: int, settings: TrainingSettings) -> Self:
        """The best of some trials on one inner split."""
        learn, watch = next(inner_folds(train.label, train.group, settings))
        learn_pool, watch_pool = _pool(train.rows(learn)), _pool(train.rows(watch))
        rounds: dict[int, int] = {}

        def log_loss(trial: optuna.Trial) -> float:
            model = _model(_propose(trial), settings.max_rounds, settings.seed)
            pruning = _Pruning(trial)
            model.fit(
                learn_pool,
                eval_set=watch_pool,
                early_stopping_rounds=settings.patience_rounds,
                callbacks=[pruning],
            )
            if pruning.lags:
                raise optuna.TrialPruned
            rounds[trial.number] = int(model.best_iteration_) + 1
            return float(model.best_score_["validation"]["Logloss"])

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=settings.seed), pruner=median_pruner()
        )
        study.enqueue_trial(_AS_IT_COMES)
        study.optimize(log_loss, trials)
        return cls(study.best_params, rounds[study.best_trial.number], settings.seed)

    def fit_predict(self, train: TrainingTable, test: Floats) -> Floats:
        """Probabilities for test rows, from a fit on training rows."""
        model = _model(self.parameters, self.rounds, self.seed)
        model.fit(_pool(train))
        unlabelled = TrainingTable(
            matrix=test,
            label=np.zeros(len(test)),
            group=None,
            features=train.features,
            categorical=train.categorical,
        )
        return np.asarray(model.predict_proba(_pool(unlabelled))[:, 1], dtype=np.float64)


class _Pruning:
    """A CatBoost callback that reports the lowest log loss so far, and ends a trial that is worse
    than the median.
    """

    def __init__(self, trial: optuna.Trial) -> None:
        self.trial = trial
        self.looks = 0
        self.lags = False

    def after_iteration(self, info: SimpleNamespace) -> bool:
        """Whether to continue."""
        looks = int(info.iteration * self.trial.params["learning_rate"] / SHRINKAGE_PER_REPORT)
        if looks > self.looks:
            self.looks = looks
            self.trial.report(min(info.metrics["validation"]["Logloss"]), looks)
            self.lags = self.trial.should_prune()
        return not self.lags


def _propose(trial: optuna.Trial) -> dict[str, object]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
        "depth": trial.suggest_int("depth", 2, 8),
        "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 1.0, 30.0, log=True),
        "random_strength": trial.suggest_float("random_strength", 0.1, 10.0, log=True),
        "rsm": trial.suggest_float("rsm", 0.3, 1.0),
        "bagging_temperature": trial.suggest_float("bagging_temperature", 0.0, 2.0),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 1, 100, log=True),
    }


def _model(parameters: dict[str, object], rounds: int, seed: int) -> CatBoostClassifier:
    return CatBoostClassifier(
        **parameters,
        iterations=rounds,
        random_seed=seed,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
    )


def _pool(table: TrainingTable) -> Pool:
    frame = pd.DataFrame(table.matrix, columns=list(table.features))
    codes = [table.features[position] for position in table.categorical]
    # CatBoost takes categories as integers or text; missing values are a category of their own.
    frame[codes] = frame[codes].fillna(-1).astype(np.int64)
    return Pool(frame, table.label, cat_features=codes)
