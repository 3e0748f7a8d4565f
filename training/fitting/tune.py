"""Tuning: a search for LightGBM parameters that predict better than the defaults and stay cheap to
explain.

Optuna proposes parameters (TPE, Bergstra et al. 2011) and ends poor trials early. The first trial
always has the default parameters, so that others are kept only where they are better on the tuning
rows. An interrupted study continues: every proposal depends only on the seed, the number of
finished trials and their results, so that the trials are the same as without the interruption.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from holdfast.errors import InputError
from holdfast.logging import progress
from models.reasons.cost import explanation_cost
from training.fitting.averaging import Averaging, priced
from training.fitting.blend import Member
from training.fitting.budget import TuningBudget
from training.fitting.constraints import constrained
from training.fitting.fit import (
    EarlyStopped,
    TrainingTable,
    boost_until_worse,
    dataset,
    valid_dataset,
)
from training.fitting.parameters import DEFAULT_PARAMETERS, Parameters, fit_parameters
from training.fitting.search_space import VERSION, first_points, search_space
from training.settings import TrainingConfig, TrainingSettings, TuningSettings

SHRINKAGE_PER_REPORT = 0.5
"""Rounds times learning rate between two reports of a trial: trials are compared at the same
progress, not at the same round. """


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial.

    Parameters
    ----------
    number : int
        From 0, which has the default parameters.
    parameters : dict of str to JSON
        What was proposed; the rest is as in the default parameters.
    pruned : bool
        It was ended early: it was worse than the median of the others at the same progress.
    value : float or None
        The objective: log loss times one plus the price of its leaves; lower is better. None where
        pruned.
    log_loss : float or None
        Weighted, on the tuning rows.
    rounds, leaves : int or None
        Boosting rounds, and leaves over all trees.
    seconds : float
        How long it took.
    """

    number: int
    parameters: dict[str, Any]
    pruned: bool
    value: float | None
    log_loss: float | None
    rounds: int | None
    leaves: int | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """Result of a search: the best parameters that were tried.

    Parameters
    ----------
    parameters : dict of str to JSON
        LightGBM parameters, without seed, threads and constraints; the defaults where nothing
        was better.
    rounds : int
        Boosting rounds that were best on the tuning rows.
    value : float
        Its objective.
    trials : tuple of TrialRecord
        All trials, in order.
    others : tuple of Member
        Further parameters, next best first, whose boosters are averaged with the best one's; see
        `members`.
    """

    parameters: dict[str, object]
    rounds: int
    value: float
    trials: tuple[TrialRecord, ...]
    others: tuple[Member, ...] = ()

    @property
    def members(self) -> tuple[Member, ...]:
        """The best parameters and the others, as `training.fitting.blend` takes them."""
        return (Member(self.parameters, self.rounds), *self.others)


def tune(
    train: TrainingTable,
    valid: TrainingTable,
    budget: TuningBudget,
    config: TrainingConfig,
    *,
    storage: Path | None = None,
    study: str = "tuning",
    constraints: Sequence[int] | None = None,
    threads: int = 0,
) -> Tuned:
    """Search for parameters.

    Parameters
    ----------
    train, valid : TrainingTable
        Rows to fit on, and tuning rows to compare on: of other customers, and never test rows.
    budget : TuningBudget
        How long.
    config : TrainingConfig
        Seed, most rounds and patience; how to search; and the leaves that the gate allows.
    storage : Path, optional
        SQLite file that keeps the trials; made where it is missing. Without one nothing is kept.
    study : str
        Name of the study. A study of the same name, rows, settings and constraints is continued;
        trials of others do not count.
    constraints : sequence of int, optional
        Monotone constraints, one per feature; see `training.fitting.constraints.constrained`.
    threads : int
        Threads of a fit, 0 for all cores; the result does not depend on it.

    Raises
    ------
    InputError
        Rows lack a class, the two tables differ in their columns, or the storage cannot be used.
    """
    _check(train, valid)
    settings, pricing, most_leaves = config.fitting, config.tuning, config.gate.most_leaves
    # LightGBM would otherwise drop columns that the default leaves cannot split, for every trial,
    # however small its own leaves are.
    base = {**DEFAULT_PARAMETERS, "feature_pre_filter": False}
    search = _Search(train, valid, settings, pricing, constrained(base, constraints), threads)
    name = f"{study} {_digest(train, valid, settings, pricing, constraints)}"
    trials = _open_study(storage, name)
    _fail_interrupted_trials(trials)
    with progress("Tuning", budget.trials) as advance:
        advance(len(_finished(trials)))
        while budget.leaves_time_for(len(_finished(trials)), _spent_seconds(trials)):
            search.run_next(trials)
            advance(1)
    records = tuple(_record(number, trial) for number, trial in enumerate(_finished(trials)))
    best = _best(records, pricing.blend, most_leaves)
    members = [
        Member({**base, **(trial.parameters if trial.number else {})}, trial.rounds or 0)
        for trial in best
    ]
    if len(members) > 1:
        with progress("Averaging the best parameters", len(members)) as advance:
            averaging = Averaging(
                search.fit, valid, pricing.explanation_price, most_leaves, threads
            )
            kept = averaging.worth(
                [trial.parameters for trial in best], records[0].value or 0.0, advance
            )
        members = [members[position] for position in kept]
    return Tuned(
        parameters=dict(members[0].parameters),
        rounds=members[0].rounds,
        value=best[0].value or 0.0,
        trials=records,
        others=tuple(members[1:]),
    )


def _best(records: Sequence[TrialRecord], most: int, most_leaves: int) -> list[TrialRecord]:
    """The best trials, best first, without those with more leaves than the gate allows; of equals
    the earlier comes first.

    The first trial, with the default parameters, is never pruned and never left out for its leaves.
    """
    accepted = [
        (record.value, record)
        for record in records
        if record.value is not None and (record.number == 0 or (record.leaves or 0) <= most_leaves)
    ]
    return [record for _, record in sorted(accepted, key=lambda pair: pair[0])[:most]]


class _Search:
    """The tables, binned once for all trials, and how a trial is run."""

    def __init__(
        self,
        train: TrainingTable,
        valid: TrainingTable,
        settings: TrainingSettings,
        pricing: TuningSettings,
        base: Parameters,
        threads: int,
    ) -> None:
        self.space = search_space(
            len(train.label), bool(train.categorical), "monotone_constraints" in base
        )
        self.first = first_points(self.space)
        self.settings = settings
        self.pricing = pricing
        self.base = base
        self.threads = threads
        self.train = dataset(train)
        self.valid = valid_dataset(self.train, valid)

    def run_next(self, study: optuna.Study) -> None:
        """Run one trial: propose parameters, fit, and report the result to the study."""
        finished = len(_finished(study))
        if finished < len(self.first) and not study.get_trials(states=(TrialState.WAITING,)):
            study.enqueue_trial(self.first[finished])
        # A sampler's random state would be lost when a run is interrupted, so each trial has a new
        # one.
        study.sampler = optuna.samplers.TPESampler(
            seed=_seed(self.settings.seed, finished),
            n_startup_trials=self.pricing.startup_trials,
            constant_liar=False,
        )
        trial = study.ask(self.space)
        try:
            stopped = self.fit(
                trial.params, [_pruning(trial, float(trial.params["learning_rate"]))]
            )
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
            return
        leaves = explanation_cost(stopped.booster)
        for key, figure in (
            ("log_loss", stopped.log_loss),
            ("rounds", stopped.rounds),
            ("leaves", leaves),
        ):
            trial.set_user_attr(key, figure)
        study.tell(trial, priced(stopped.log_loss, leaves, self.pricing.explanation_price))

    def fit(
        self, proposed: Parameters, callbacks: Sequence[Callable[[Any], None]] = ()
    ) -> EarlyStopped:
        """Fit proposed parameters on `train`, stopped by `valid`."""
        values = fit_parameters(self.settings, self.threads, {**self.base, **proposed})
        return boost_until_worse(self.train, self.valid, values, self.settings, callbacks)


def _pruning(trial: Trial, learning_rate: float) -> Callable[[Any], None]:
    """A LightGBM callback that reports the lowest log loss so far, and ends a trial that is worse
    than the pruner allows.
    """
    lowest = np.inf
    reports = 0

    def report(environment: Any) -> None:
        nonlocal lowest, reports
        lowest = min(lowest, float(environment.evaluation_result_list[0][2]))
        due = int((environment.iteration + 1) * learning_rate / SHRINKAGE_PER_REPORT)
        if due > reports:
            reports = due
            trial.report(lowest, due)
            if trial.should_prune():
                raise optuna.TrialPruned

    return report


def median_pruner() -> optuna.pruners.MedianPruner:
    """Ends a trial whose best log loss is above the median of at least three others at the same
    progress.
    """
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3, n_min_trials=3)


def _open_study(storage: Path | None, name: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = median_pruner()
    if storage is None:
        return optuna.create_study(study_name=name, pruner=pruner)
    try:
        storage.parent.mkdir(parents=True, exist_ok=True)
        return optuna.create_study(
            study_name=name,
            storage=f"sqlite:///{storage.absolute()}",
            pruner=pruner,
            load_if_exists=True,
        )
    except (OSError, SQLAlchemyError, RuntimeError) as error:
        raise InputError(
            "storage", f"must be a SQLite file that Optuna can use: {error}", str(storage)
        ) from error


def _fail_interrupted_trials(study: optuna.Study) -> None:
    """Mark trials as failed in which an earlier run was killed; they do not count, and are run
    again.
    """
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _spent_seconds(study: optuna.Study) -> float:
    return sum((trial.duration or timedelta()).total_seconds() for trial in _finished(study))


def _record(number: int, trial: FrozenTrial) -> TrialRecord:
    return TrialRecord(
        number=number,
        parameters=dict(trial.params),
        pruned=trial.state == TrialState.PRUNED,
        value=trial.value if trial.state == TrialState.COMPLETE else None,
        log_loss=trial.user_attrs.get("log_loss"),
        rounds=trial.user_attrs.get("rounds"),
        leaves=trial.user_attrs.get("leaves"),
        seconds=(trial.duration or timedelta()).total_seconds(),
    )


def _check(train: TrainingTable, valid: TrainingTable) -> None:
    for name, part in (("train", train), ("valid", valid)):
        if not 0.0 < (rate := float(part.label.mean()) if len(part.label) else 0.0) < 1.0:
            raise InputError(f"{name}.label", "both classes are needed to tune", rate)
    if train.features != valid.features:
        raise InputError(
            "valid.features", "must be those of train, in the same order", valid.features
        )


def _seed(seed: int, finished: int) -> int:
    return int(np.random.SeedSequence([seed, finished]).generate_state(1)[0])


def _digest(
    train: TrainingTable,
    valid: TrainingTable,
    settings: TrainingSettings,
    pricing: TuningSettings,
    constraints: Sequence[int] | None,
) -> str:
    """Digest of everything that the result of a trial depends on."""
    facts = [
        VERSION,
        {**DEFAULT_PARAMETERS},
        [settings.seed, settings.max_rounds, settings.patience_rounds],
        [pricing.explanation_price, pricing.startup_trials],
        train.features,
        train.categorical,
        None if constraints is None else list(constraints),
    ]
    digest = hashlib.sha256(json.dumps(facts).encode())
    for part in (train, valid):
        for values in (part.matrix, part.label, part.weight):
            digest.update(b"none" if values is None else np.ascontiguousarray(values).data)
    return digest.hexdigest()[:16]
