"""Parameters of an operator's model, and what the leak watch and monotone constraints say of its rows,
before horizon models are fitted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from features.fields import FeatureCatalogue
from holdfast.logging import progress
from models.boosters.average import average_margin
from models.reasons.cost import explanation_cost
from models.reasons.meaning import FeatureMeaning
from models.target import Target
from training.evaluation.leaks import Flag, watch_table
from training.evaluation.metrics import auc, log_loss
from training.fitting.averaging import priced
from training.fitting.budget import TuningBudget
from training.fitting.constraints import constrained, constraints_of
from training.fitting.fit import TrainingTable, fit_early_stopped
from training.fitting.horizon_models import table_of
from training.fitting.parameters import OPERATOR_SETS, Parameters
from training.fitting.tune import Tuned, tune
from training.labelling.dataset import Dataset
from training.labelling.periods import PeriodSplit
from training.operator.columns import null_has_meaning
from training.settings import LeakWatchSettings, TrainingConfig

COMPARED_ROWS = 20_000
"""Rows for fitting, and for tuning, on which boosters with and without constraints are compared, at
most.
"""

WATCHED_ROWS = 40_000
"""Fitting rows that the leak watch looks at, at most."""


@dataclass(frozen=True)
class SearchResult:
    """Parameters, and what was found on fitting and tuning rows, before horizon models are fitted.

    Parameters
    ----------
    tuned : Tuned or None
        Result of the search, if there was one.
    free_sets, parameter_sets : list of mapping
        Parameters whose boosters are averaged, best first, without and with monotone constraints.
    monotone : dict of str to JSON
        Figures with and without constraints.
    flags : list of Flag
        Flags of the leak watch.
    compared : dict of str to float
        Objectives on the tuning rows, log loss with the price of leaves: ``searched`` of the average of
        what a search found, and ``default`` of the default sets, of which the lower is kept. Empty without
        a search.
    """

    tuned: Tuned | None
    free_sets: list[Parameters]
    parameter_sets: list[Parameters]
    monotone: dict[str, Any]
    flags: list[Flag]
    compared: dict[str, float]


def search_parameters(
    dataset: Dataset,
    split: PeriodSplit,
    target: Target,
    meanings: Sequence[FeatureMeaning],
    budget: TuningBudget | None,
    config: TrainingConfig,
    storage: Path | None,
    catalogue: FeatureCatalogue,
) -> SearchResult:
    """The parameters that horizon models are fitted with.

    Parameters
    ----------
    dataset : Dataset
        Labelled rows.
    split : PeriodSplit
        Which of them are for fitting and tuning.
    target : Target
        What is predicted.
    meanings : sequence of FeatureMeaning
        What the columns mean; their directions are monotone constraints.
    budget : TuningBudget or None
        How long to search; None for the default sets.
    config : TrainingConfig
        Its `fitting`, `tuning`, `gate` and `leak_watch`.
    storage : Path or None
        File that keeps the trials.
    catalogue : FeatureCatalogue
        What the home's features are.
    """
    train, valid = (
        table_of(dataset, target.horizons_days[-1], rows) for rows in (split.fit, split.tune)
    )
    constraints = constraints_of(meanings)
    facts = null_has_meaning(train.features, catalogue)
    flags = _watch(train, config.leak_watch, config.fitting.seed, facts)
    tuned = None
    if budget is not None:
        tuned = tune(
            train,
            valid,
            budget,
            config,
            storage=storage,
            study=target.name,
            constraints=constraints,
        )
    free_sets: list[Parameters] = list(OPERATOR_SETS)
    compared = {}
    if tuned is not None:
        found: list[Parameters] = [member.parameters for member in tuned.members]
        compared = _compared(train, valid, (found, free_sets), constraints, config)
        if compared["searched"] < compared["default"]:
            free_sets = found
    parameter_sets: list[Parameters] = [constrained(one, constraints) for one in free_sets]
    monotone = {}
    some, others = (_sample(one, COMPARED_ROWS, config.fitting.seed) for one in (train, valid))
    with progress("Comparing boosters with and without monotone constraints", 2) as advance:
        for name, tried in (("with", parameter_sets[0]), ("without", free_sets[0])):
            booster, rounds = fit_early_stopped(some, others, tried, config.fitting, 0)
            predicted = np.asarray(booster.predict(others.matrix, num_threads=0), dtype=np.float64)
            monotone[name] = {
                "auc": auc(others.label, predicted, others.weight),
                "log_loss": log_loss(others.label, predicted, others.weight),
                "rounds": rounds,
            }
            advance(1)
    return SearchResult(
        tuned,
        free_sets,
        parameter_sets,
        {"constrained_features": sum(map(bool, constraints)), **monotone},
        flags,
        compared,
    )


def _compared(
    train: TrainingTable,
    valid: TrainingTable,
    sets: tuple[Sequence[Parameters], Sequence[Parameters]],
    constraints: Sequence[int],
    config: TrainingConfig,
) -> dict[str, float]:
    """The objective of the average of the parameters that a search found, and of the default ones. The
    tuning rows chose the former, so that its objective is a little too low.
    """
    train = train.binned()
    objectives = {}
    with progress("Comparing what was found with the default sets", sum(map(len, sets))) as advance:
        for name, averaged in zip(("searched", "default"), sets, strict=True):
            boosters = []
            for one in averaged:
                parameters = constrained(one, constraints)
                boosters.append(fit_early_stopped(train, valid, parameters, config.fitting, 0)[0])
                advance(1)
            margin = average_margin(boosters, valid.matrix, threads=0)
            objectives[name] = priced(
                log_loss(valid.label, expit(margin), valid.weight),
                explanation_cost(*boosters),
                config.tuning.explanation_price,
            )
    return objectives


def _sample(table: TrainingTable, most: int, seed: int) -> TrainingTable:
    """The table, or about so many of its rows at random, in order: of both labels the same share."""
    share = min(1.0, most / len(table.label))
    order = np.random.default_rng(seed).permutation(len(table.label))
    parts = [order[table.label[order] == value] for value in (0.0, 1.0)]
    return table.rows(np.sort(np.concatenate([p[: math.ceil(share * len(p))] for p in parts])))


def _watch(
    train: TrainingTable, settings: LeakWatchSettings, seed: int, facts: Sequence[str]
) -> list[Flag]:
    """Run the leak watch on fitting rows, or a sample of them."""
    sample = _sample(train, WATCHED_ROWS, seed)
    return watch_table(
        sample.matrix,
        sample.label,
        sample.group,
        sample.features,
        sample.categorical,
        settings,
        seed,
        facts,
    )
