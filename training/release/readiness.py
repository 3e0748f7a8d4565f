"""Readiness: whether a version can be served from a home, as findings of the gate's kind."""

from collections.abc import Iterator

import numpy as np

from features.online.service import open_service
from features.online.settings import OnlineSettings
from features.operator.repository import OperatorRepository
from features.own.needed import own_features_problem
from features.views.declaration import is_own
from holdfast.errors import HoldfastError
from holdfast.home import Home
from holdfast.sentences import Sentence, as_written, sentence
from models.reasons.cost import explanation_cost
from models.scorer import Scorer
from models.version import ModelVersion
from training.evaluation.assessment import horizon_name
from training.release.facts import TRAINING
from training.release.gate import MOST_ADDITIVITY_ERROR
from training.release.verdict import Finding

_SHOWN = 8


def readiness(home: Home, model: ModelVersion, online: OnlineSettings) -> list[Finding]:
    """Reasons why a loaded version cannot be served.

    Parameters
    ----------
    home : Home
        Whose online store it would read.
    model : ModelVersion
        It was loaded, so its files are complete.
    online : OnlineSettings
        Which online store.
    """
    return [*_scores(model), *_costs(model), *_online(home, model, online)]


def _scores(model: ModelVersion) -> Iterator[Finding]:
    rows = _smoke_rows(model)
    try:
        scorer = Scorer(model, threads=1)
        for horizon_model, scores in zip(model.horizon_models, scorer.score_all(rows), strict=True):
            name = horizon_name(horizon_model.horizon_days)
            if not np.all((scores.probability >= 0) & (scores.probability <= 1)):
                yield Finding(
                    "scores",
                    name,
                    sentence("scored_outside", probabilities=str(scores.probability.tolist())),
                )
            explanation = scorer.explain(rows, horizon_model.horizon_days)
            error = np.abs(
                explanation.base + explanation.contributions.sum(axis=1) - scores.margin
            ).max()
            if not error < MOST_ADDITIVITY_ERROR:
                yield Finding(
                    "additivity",
                    name,
                    sentence("explanations_of_an_empty_row_miss", error=float(error)),
                )
    except (HoldfastError, ValueError) as error:
        yield Finding("scores", "", sentence("not_scored", error=as_written(str(error))))


def _smoke_rows(model: ModelVersion) -> np.ndarray:
    """One row with all values missing, and one per stratum with all other values missing."""
    strata = model.strata
    rows = np.full((1 + (len(strata.names) if strata else 0), len(model.features)), np.nan)
    if strata:
        rows[1:, model.features.index(strata.feature)] = np.arange(len(strata.names))
    return rows


def _costs(model: ModelVersion) -> Iterator[Finding]:
    facts = model.documents.get(TRAINING)
    recorded = facts.get("explanation_cost") if isinstance(facts, dict) else None
    if not isinstance(recorded, dict):
        return  # the gate reports it as missing
    for horizon_model in model.horizon_models:
        name = horizon_name(horizon_model.horizon_days)
        cost = max(
            explanation_cost(*stratum_model.boosters)
            for stratum_model in horizon_model.stratum_models.values()
        )
        if recorded.get(name) != cost:
            yield Finding(
                "explanation_cost",
                name,
                sentence(
                    "cost_of_others",
                    document=TRAINING,
                    recorded=str(recorded.get(name)),
                    leaves=cost,
                ),
            )


def _online(home: Home, model: ModelVersion, settings: OnlineSettings) -> Iterator[Finding]:
    catalogue = OperatorRepository(home).catalogue
    if model.service in catalogue.services:
        problem = own_features_problem(model.documents, catalogue)
        if problem is not None:
            yield Finding("columns", model.service, as_written(problem))
        defined = tuple(
            name
            for name in catalogue.columns(model.service)
            if not is_own(name) or name in model.features
        )
        yield from _changed(model.features, defined, "columns_of_definition", model.service)
    try:
        online = open_service(home, model.service, settings).narrowed(model.features).features
    except HoldfastError as error:
        unread = sentence("not_online", error=as_written(str(error)))
        yield Finding("online", model.service, unread)
        return
    if missing := [name for name in model.features if name not in set(online)]:
        absent = sentence("missing_online", features=_listed(missing))
        yield Finding("online", ", ".join(missing), absent)
    yield from _changed(
        tuple(name for name in model.features if name not in missing),
        online,
        "columns_online",
        model.service,
    )


def _changed(
    trained: tuple[str, ...], features: tuple[str, ...], code: str, service: str
) -> Iterator[Finding]:
    gone = [name for name in trained if name not in set(features)]
    new = [name for name in features if name not in set(trained)]
    if features != trained:
        changes = sentence(code, service=service, changes=_changes(gone, new))
        yield Finding("columns", ", ".join([*gone, *new]), changes)


def _changes(gone: list[str], new: list[str]) -> Sentence:
    if gone and new:
        return sentence("without_and_with_new", gone=_listed(gone), new=_listed(new))
    if gone:
        return sentence("without", features=_listed(gone))
    if new:
        return sentence("with_new", features=_listed(new))
    return sentence("in_another_order")


def _listed(names: list[str]) -> list[str] | Sentence:
    if len(names) <= _SHOWN:
        return names
    return sentence("and_more", first=names[:_SHOWN], more=len(names) - _SHOWN)
