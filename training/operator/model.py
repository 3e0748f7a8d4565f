"""Training on the operator's features: tuning, fitting, calibration, assessment and explanation.

It takes labelled rows of several cut-offs; `training.flat.model` takes a team's flat table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from features.encoding.ranges import RANGES, ranges_of
from features.fields import BUILT_IN, FeatureCatalogue
from holdfast.arrays import Floats, Positions, Texts
from holdfast.documents import inspect_document, to_document
from holdfast.logging import progress
from holdfast.sentences import Sentence, sentence
from models.dissatisfaction import SurveyTarget
from models.level.revision import LEVEL
from models.reasons.basis import REASON_BASIS, horizon_key
from models.reasons.explain import Explanation
from models.reasons.meaning import MEANINGS, FeatureMeaning
from models.reasons.told import typical_contributions
from models.registry import RegisteredVersion
from models.scorer import Scorer
from models.strata import EVERYONE
from models.target import Target
from models.version import HorizonModel, ModelVersion
from training.evaluation.assess import Predictions, assess
from training.evaluation.assessment import ASSESSMENT, Assessment, horizon_name
from training.evaluation.baselines import constant_baseline, fit_logistic
from training.evaluation.leaks import watch_model
from training.evaluation.predictions import TestPredictions
from training.evaluation.signal import signal_of_assessments
from training.fitting.budget import TuningBudget
from training.fitting.horizon_models import binned, customer_codes, fit_horizon_models
from training.fitting.tune import Tuned
from training.labelling.dataset import Dataset
from training.labelling.history import utc, wall_times
from training.labelling.periods import PeriodSplit, period_split
from training.operator.columns import meanings_of, null_has_meaning, reason_basis_of
from training.operator.fitted import explanation_costs
from training.operator.level import first_revision
from training.operator.refit import NewestSnapshot, fitted_again, not_fitted_again
from training.operator.search import search_parameters
from training.release.facts import (
    NEWER,
    NULL_HAS_MEANING,
    PARAMETER_SETS,
    SEARCHED,
    TRAINING,
    ChampionComparison,
    TrainingFacts,
)
from training.release.provenance import dataset_sha256, environment_sha256, git_commit
from training.release.refit import REFIT
from training.settings import TrainingConfig

EXPLAINED_ROWS = 4_000
"""Test rows that are explained for the report, at most."""

TYPICAL_ROWS = 1_000
"""Test rows of each stratum that its typical contributions are averaged over, at most."""

LOGISTIC_ROWS = 50_000
"""Rows that the logistic baseline is fitted on, at most."""

ADDITIVITY_ROWS = 500
"""Test rows on which contributions are checked to add up to the raw margin."""


@dataclass(frozen=True, kw_only=True)
class ExplainedRows:
    """A sample of test rows, with explanations of their predictions at the longest horizon.

    Parameters
    ----------
    matrix : (m, k) float64
        Their features.
    explanation : Explanation
        Their contributions.
    stratum : (m,) str
        Their strata.
    probability : (m,) float64
        Their calibrated probabilities.
    """

    matrix: Floats
    explanation: Explanation
    stratum: Texts
    probability: Floats


@dataclass(frozen=True, kw_only=True)
class OperatorModel:
    """A model version, with its assessment and all facts about its training.

    Parameters
    ----------
    version : ModelVersion
        The model, with its documents: what scores has learnt from all labelled rows, and beside it
        stands what was evaluated; that scores itself where the refit is unlike it. Where nothing
        was found, what was evaluated.
    assessments : dict of str to Assessment
        How good it is on the test period, by `training.evaluation.assessment.horizon_name`.
    facts : TrainingFacts
        How it was made.
    meanings : tuple of FeatureMeaning
        What its columns mean.
    tuned : Tuned or None
        Result of the search for parameters; None where none were searched for.
    sample : ExplainedRows
        A sample of test rows, explained by what was evaluated.
    predictions : TestPredictions
        Predictions for all test rows, of what was evaluated.
    test : (n,) intp
        Positions of the test rows in the dataset.
    config : TrainingConfig
        The configuration it was made with.
    """

    version: ModelVersion
    assessments: dict[str, Assessment]
    facts: TrainingFacts
    meanings: tuple[FeatureMeaning, ...]
    tuned: Tuned | None
    sample: ExplainedRows
    predictions: TestPredictions
    test: Positions
    config: TrainingConfig

    def with_documents(self, documents: Mapping[str, Any]) -> "OperatorModel":
        """Return the model with documents added, or replaced, by file name."""
        return replace(
            self, version=replace(self.version, documents={**self.version.documents, **documents})
        )


def train_operator_model(
    dataset: Dataset,
    target: Target,
    config: TrainingConfig,
    *,
    made_at: datetime,
    champion: RegisteredVersion | None = None,
    budget: TuningBudget | None = None,
    storage: Path | None = None,
    extra_documents: dict[str, Any] | None = None,
    unreadable: ChampionComparison | None = None,
    test_from: datetime | None = None,
    catalogue: FeatureCatalogue = BUILT_IN,
    snapshot: NewestSnapshot | None = None,
) -> OperatorModel:
    """Train a model on labelled rows, evaluate it on a later period beside the champion, and, where it
    predicts its target at all, fit it again on all rows.

    Parameters
    ----------
    dataset : Dataset
        Labelled rows of several cut-offs.
    target : Target
        What is predicted.
    config : TrainingConfig
        How to fit, search and evaluate.
    made_at : datetime
        The time now, with a time zone; it is kept with the model.
    champion : RegisteredVersion, optional
        The version in production, to be evaluated on the same rows: the boosters that its figures
        are of, because what scores may have learnt from these rows.
    budget : TuningBudget, optional
        How long to search for parameters. Without one nothing is searched: the margins of boosters
        with `training.fitting.parameters.OPERATOR_SETS` are averaged.
    storage : Path, optional
        File that keeps the trials of tuning, so that an interrupted run can continue.
    extra_documents : dict of str to JSON, optional
        Further documents for the version, by file name.
    unreadable : ChampionComparison, optional
        The version in production where it cannot be read, and why.
    test_from : datetime, optional
        Start of the test period, with a time zone. Default: as
        `training.labelling.periods.period_split`.
    catalogue : FeatureCatalogue
        What the home's features are.
    snapshot : NewestSnapshot, optional
        The newest snapshot, on which the refit is compared with what was evaluated.

    Raises
    ------
    InputError
        The rows cannot be split into parts for fitting, tuning and test with enough positives each.
    """
    settings = config.fitting
    split = period_split(dataset, config.labels, test_from)
    meanings = meanings_of(target.service, target.direction, catalogue)
    search = search_parameters(dataset, split, target, meanings, budget, config, storage, catalogue)
    bins = binned(dataset, split.learnt)
    fitted = fit_horizon_models(
        dataset, split.learnt, target, search.parameter_sets, config, bins=bins
    )
    bare = ModelVersion(
        name=target.name,
        service=target.service,
        features=dataset.features,
        horizon_models=fitted.models,
        strata=target.strata,
    )
    compared_with = unreadable or _champion_comparison(champion, dataset, target, split)
    predicted = _probabilities(bare, dataset, split.test)
    champions = (
        _probabilities(champion.model, dataset, split.test)
        if champion and compared_with.comparable
        else None
    )
    assessments = _assess(bare, target, dataset, split, predicted, champions, config)
    evaluated = (bare, fitted)
    if signal_of_assessments(assessments).found:
        scoring = fitted_again(
            dataset, target, search.parameter_sets, config, evaluated, bins, snapshot
        )
    else:
        scoring = not_fitted_again(evaluated, search.parameter_sets)
    served = scoring.version
    sample = _explained(Scorer(bare, threads=0), dataset, split.test, settings.seed)
    main_auc = assessments[horizon_name(target.horizons_days[-1])].metrics["auc"].value
    parts = {"fit": split.fit, "tune": split.tune, "test": split.test}
    if len(split.newer):
        parts[NEWER] = split.newer
    facts = TrainingFacts(
        target=target.name,
        service=target.service,
        features=dataset.features,
        dataset_sha256=dataset_sha256(dataset),
        rows={name: len(rows) for name, rows in parts.items()},
        cutoffs={name: _cutoffs(dataset, rows) for name, rows in parts.items()},
        gap_days=int(dataset.facts["gap_days"]),
        horizons_days=target.horizons_days,
        excluded={**dataset.excluded, "purged": split.purged},
        weights=str(dataset.facts["weights"]),
        strata=tuple(np.unique(_strata(bare, dataset.matrix[split.test])).tolist())
        if target.strata
        else (),
        slices=tuple(dataset.slices),
        parameters=dict(search.free_sets[0]),
        rounds=scoring.fitted.record.rounds,
        flags=(*search.flags, *watch_model(main_auc, config.leak_watch)),
        champion=compared_with,
        explanation_cost=explanation_costs(served.horizon_models),
        additivity_error={
            horizon_name(model.horizon_days): _additivity_error(served, model, sample.matrix)
            for model in served.horizon_models
        },
        seed=settings.seed,
        git_commit=git_commit(),
        environment_sha256=environment_sha256(),
        made_at=made_at.astimezone(UTC).isoformat(timespec="seconds"),
        choices={
            "dataset": dataset.facts,
            PARAMETER_SETS: [dict(one) for one in search.free_sets],
            SEARCHED: search.compared,
            "monotone": search.monotone,
            "boosters": fitted.record.boosters,
            NULL_HAS_MEANING: list(null_has_meaning(dataset.features, catalogue)),
        },
        fitted=scoring.facts,
    )
    level = first_revision(
        dataset, target, scoring.fitted.out_of_fold, made_at if snapshot is None else snapshot.at
    )
    documents = {
        TRAINING: to_document(facts),
        ASSESSMENT: {name: to_document(one) for name, one in assessments.items()},
        MEANINGS: [to_document(meaning) for meaning in meanings],
        REASON_BASIS: to_document(
            reason_basis_of(
                target.service, _typical(served, dataset, split.test, settings.seed), catalogue
            )
        ),
        **({} if scoring.refit is None else {REFIT: to_document(scoring.refit)}),
        **({} if level is None else {LEVEL: to_document(level)}),
        RANGES: ranges_of(
            dataset.matrix,
            dataset.features,
            np.arange(len(dataset.ids)) if scoring.is_refit else split.learnt,
        ),
        **(extra_documents or {}),
    }
    return OperatorModel(
        version=replace(
            served,
            documents=documents,
            evaluated=bare.horizon_models if scoring.is_refit else (),
        ),
        assessments=assessments,
        facts=facts,
        meanings=meanings,
        tuned=search.tuned,
        sample=sample,
        predictions=TestPredictions.of(dataset, split.test, predicted),
        test=split.test,
        config=config,
    )


def _champion_comparison(
    champion: RegisteredVersion | None, dataset: Dataset, target: Target, split: PeriodSplit
) -> ChampionComparison:
    if champion is None:
        return ChampionComparison(number=None, comparable=False, why="")
    model = champion.model
    why: Sentence | None = None
    if model.service != target.service:
        why = sentence("other_service", theirs=model.service, ours=target.service)
    elif removed := sorted(set(model.features) - set(dataset.features)):
        why = sentence("features_gone", features=removed[:5])
    elif absent := [days for days in target.horizons_days if days not in model.horizons]:
        why = sentence("without_horizons", days=absent)
    elif (until := _learnt_until(model)) and until >= utc(dataset.cutoffs[split.test].min()):
        why = sentence("learnt_from_test", until=str(until.date() + timedelta(days=1)))
    return ChampionComparison(number=champion.number, comparable=why is None, why=why or "")


def _learnt_until(model: ModelVersion) -> datetime | None:
    """Until when the outcomes lie that the evaluated boosters of a version learnt from; None where it is not kept."""
    facts, _ = inspect_document(TrainingFacts, model.documents.get(TRAINING), TRAINING)
    if facts is None:
        return None
    parts = facts.cutoffs.items()
    learnt = [at for part, times in parts if part not in ("test", NEWER) for at in times]
    if not learnt:
        return None
    days = facts.gap_days + facts.horizons_days[-1] if facts.horizons_days else 0
    return max(map(datetime.fromisoformat, learnt)) + timedelta(days=days)


def _probabilities(model: ModelVersion, dataset: Dataset, rows: Positions) -> dict[str, Floats]:
    """Probabilities of some rows by horizon, from a version that may read fewer columns."""
    columns = [dataset.features.index(name) for name in model.features]
    scores = Scorer(model, threads=0).score_all(
        np.ascontiguousarray(dataset.matrix[rows][:, columns])
    )
    return {
        horizon_name(days): score.probability
        for days, score in zip(model.horizons, scores, strict=True)
    }


def _assess(
    model: ModelVersion,
    target: Target,
    dataset: Dataset,
    split: PeriodSplit,
    predicted: Mapping[str, Floats],
    champions: Mapping[str, Floats] | None,
    config: TrainingConfig,
) -> dict[str, Assessment]:
    """Assess every horizon on test rows with a known label, beside baselines and the champion."""
    learnt = split.learnt
    codes, strata = customer_codes(dataset), _strata(model, dataset.matrix)
    walls = wall_times(dataset.cutoffs, dataset.zone)
    random = np.random.default_rng(config.fitting.seed)
    assessments = {}
    with progress("Assessing on the test period", len(predicted)) as advance:
        for horizon, probability in predicted.items():
            days = int(horizon)
            known = ~np.isnan(dataset.labels[days][split.test])
            rows = split.test[known]
            earlier = learnt[~np.isnan(dataset.labels[days][learnt])]
            some = np.sort(random.permutation(earlier)[:LOGISTIC_ROWS])
            weights = dataset.weight_of(days)
            label, weight = dataset.labels[days][earlier], weights[earlier]
            baselines = {
                "constant": constant_baseline(label, weight, strata[earlier], strata[rows]),
                "logistic": fit_logistic(
                    dataset.matrix[some], dataset.labels[days][some], weights[some]
                ).probability(dataset.matrix[rows]),
            }
            if champions is not None:
                baselines["champion"] = champions[horizon][known]
            assessments[horizon] = assess(
                Predictions(
                    horizon_days=days,
                    label=dataset.labels[days][rows],
                    probability=probability[known],
                    weight=weights[rows],
                    customer=codes[rows],
                    strata=strata[rows],
                    slices={name: values[rows] for name, values in dataset.slices.items()},
                    cutoffs=walls[rows],
                    trained_until=walls[learnt].max(),
                    holdout=dataset.holdout[rows],
                    baselines=baselines,
                    are_answers=isinstance(target, SurveyTarget),
                ),
                config.assessment,
                config.fitting.seed,
            )
            advance(1)
    return assessments


def _strata(model: ModelVersion, matrix: Floats) -> Texts:
    if model.strata is None:
        return np.full(len(matrix), "all")
    names = model.strata.of(matrix[:, model.features.index(model.strata.feature)])
    return np.where(names == EVERYONE, "other", names)


def _explained(scorer: Scorer, dataset: Dataset, test: Positions, seed: int) -> ExplainedRows:
    rows = np.sort(np.random.default_rng(seed).permutation(test)[:EXPLAINED_ROWS])
    matrix = np.ascontiguousarray(dataset.matrix[rows])
    with progress("Explaining a sample of the test period"):
        explanation = scorer.explain(matrix)
    return ExplainedRows(
        matrix=matrix,
        explanation=explanation,
        stratum=_strata(scorer.version, matrix),
        probability=scorer.score(matrix).probability,
    )


def _typical(
    model: ModelVersion, dataset: Dataset, test: Positions, seed: int
) -> dict[str, dict[str, tuple[float, ...]]]:
    """Typical contributions by horizon and stratum, over a sample of the newest rows; none without
    strata.
    """
    if model.strata is None:
        return {}
    strata = model.strata.of(dataset.matrix[test][:, model.features.index(model.strata.feature)])
    random = np.random.default_rng(seed)
    chosen = [
        random.permutation(test[strata == name])[:TYPICAL_ROWS]
        for name in np.unique(strata).tolist()
    ]
    rows = np.sort(np.concatenate(chosen))
    matrix, scorer = np.ascontiguousarray(dataset.matrix[rows]), Scorer(model, threads=0)
    of_rows = model.strata.of(matrix[:, model.features.index(model.strata.feature)])
    typical = {}
    with progress("Finding what is typical of each kind of line", len(model.horizons)) as advance:
        for days in model.horizons:
            typical[horizon_key(days)] = typical_contributions(
                scorer.explain(matrix, days), of_rows, dataset.weight_of(days)[rows], EVERYONE
            )
            advance(1)
    return typical


def _additivity_error(model: ModelVersion, horizon_model: HorizonModel, matrix: Floats) -> float:
    scorer = Scorer(model, threads=0)
    rows = matrix[:ADDITIVITY_ROWS]
    explanation = scorer.explain(rows, horizon_model.horizon_days)
    margin = scorer.score(rows, horizon_model.horizon_days).margin
    return float(
        np.max(
            np.abs(explanation.base + explanation.contributions.sum(axis=1) - margin), initial=0.0
        )
    )


def _cutoffs(dataset: Dataset, rows: Positions) -> tuple[str, ...]:
    # Contacts close at any time of day: only their days are recorded.
    return tuple(f"{day}T00:00:00+00:00" for day in dataset.days(rows))
