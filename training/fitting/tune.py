"""Tuning: a search for LightGBM parameters that predict rows better than the defaults, and stay
cheap to explain.

Optuna proposes (TPE, Bergstra et al. 2011) and stops the hopeless early. The first trial is always
the default parameters, so that others are kept only where they are better on the tuning rows. A study
that was cut short carries on: every proposal depends on the seed, on how many trials are finished
and on what they found, so that the trials are those of a run that was never cut short.
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

SHRINKAGE_A_LOOK = 0.5
"""Rounds times learning rate between two looks at a trial: a slow learner is compared at the same
progress, not round.
"""


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial.

    Parameters
    ----------
    number : int
        From 0, the default parameters.
    parameters : dict of str to JSON
        What was proposed; the rest is as in the default parameters.
    pruned : bool
        It was stopped early, being worse than the median of others at the same progress.
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
    """The best parameters that were tried.

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
        All that was tried, in order.
    others : tuple of Member
        Further parameters, next best first, whose boosters are worth averaging with the best one's:
        see `members`.
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
        Rows to learn from, and tuning rows to compare on: of other customers, and never those of a
        test.
    budget : TuningBudget
        How long.
    config : TrainingConfig
        Seed, most rounds and patience; how to search; and the leaves that the gate allows.
    storage : Path, optional
        SQLite file that trials are kept in; made where it is missing. Without one nothing is kept.
    study : str
        Name of the study. One of the same name, rows, settings and constraints carries on; trials
        of others do not count.
    constraints : sequence of int, optional
        Monotone constraints, one a feature; see `training.fitting.fit.constrained`.
    threads : int
        Threads of a fit, 0 for all cores; the result does not depend on it.

    Raises
    ------
    InputError
        A part lacks a class, the two differ in their columns, or the storage cannot be used.
    """
    _check(train, valid)
    settings, pricing, most_leaves = config.fitting, config.tuning, config.gate.most_leaves
    # Columns that no tree of the default parameters could split would be dropped for every trial,
    # however small its leaves.
    base = {**DEFAULT_PARAMETERS, "feature_pre_filter": False}
    search = _Search(train, valid, settings, pricing, constrained(base, constraints), threads)
    name = f"{study} {_digest(train, valid, settings, pricing, constraints)}"
    trials = _open_study(storage, name)
    _fail_what_was_cut_short(trials)
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
    """The best trials, best first, without those slower to explain than the gate lets through; of
    equals the earlier comes first.

    The default parameters come first, and are never pruned, nor left out for its leaves.
    """
    accepted = [
        (record.value, record)
        for record in records
        if record.value is not None and (record.number == 0 or (record.leaves or 0) <= most_leaves)
    ]
    return [record for _, record in sorted(accepted, key=lambda pair: pair[0])[:most]]


class _Search:
    """The tables binned once, and what a trial does with them."""

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
        """Propose, fit and tell."""
        finished = len(_finished(study))
        if finished < len(self.first) and not study.get_trials(states=(TrialState.WAITING,)):
            study.enqueue_trial(self.first[finished])
        # A sampler carries its random state from trial to trial; one made anew for each forgets
        # nothing when a run is cut short.
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
        """Fit what was proposed on `train`, stopped by `valid`."""
        values = fit_parameters(self.settings, self.threads, {**self.base, **proposed})
        return boost_until_worse(self.train, self.valid, values, self.settings, callbacks)


def _pruning(trial: Trial, learning_rate: float) -> Callable[[Any], None]:
    """A LightGBM callback that reports the lowest log loss so far, and ends a trial that lags
    behind.
    """
    lowest = np.inf
    reported = 0

    def report(environment: Any) -> None:
        nonlocal lowest, reported
        lowest = min(lowest, float(environment.evaluation_result_list[0][2]))
        looks = int((environment.iteration + 1) * learning_rate / SHRINKAGE_A_LOOK)
        if looks > reported:
            reported = looks
            trial.report(lowest, looks)
            if trial.should_prune():
                raise optuna.TrialPruned

    return report


def median_pruner() -> optuna.pruners.MedianPruner:
    """Ends a trial whose best figure is behind the median of at least three others at the same
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


def _fail_what_was_cut_short(study: optuna.Study) -> None:
    """Put aside trials that an earlier run was killed in; they count for nothing, and are run
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
    """Names everything that what a trial finds depends on."""
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
