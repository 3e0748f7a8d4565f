"""Readiness: whether a version can be served from a home, as findings of the gate's kind."""

from collections.abc import Iterator

import numpy as np

from features.fields import SERVICES, VIEWS
from features.online.service import open_service
from features.online.settings import OnlineSettings
from holdfast.errors import HoldfastError
from holdfast.home import Home
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
                    f"an empty row is scored {scores.probability.tolist()}; it must be in 0 to 1",
                )
            explanation = scorer.explain(rows, horizon_model.horizon_days)
            error = np.abs(
                explanation.base + explanation.contributions.sum(axis=1) - scores.margin
            ).max()
            if not error < MOST_ADDITIVITY_ERROR:
                yield Finding(
                    "additivity",
                    name,
                    f"explanations of an empty row miss the margin by {error:g} log-odds",
                )
    except (HoldfastError, ValueError) as error:
        yield Finding("scores", "", f"an empty row cannot be scored: {error}")


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
            explanation_cost(stratum_model.booster)
            for stratum_model in horizon_model.stratum_models.values()
        )
        if recorded.get(name) != cost:
            yield Finding(
                "explanation_cost",
                name,
                f"{TRAINING} holds {recorded.get(name)} leaves, but the boosters have {cost:,}",
            )


def _online(home: Home, model: ModelVersion, settings: OnlineSettings) -> Iterator[Finding]:
    run = "run `holdfast features build` and `holdfast features materialize`"
    views = SERVICES.get(model.service)
    if views is not None:
        defined = tuple(name for view in views for name in VIEWS[view].columns)
        yield from _changed(model.features, defined, f"the definition of {model.service}")
    try:
        online = open_service(home, model.service, settings).features
    except HoldfastError as error:
        yield Finding("online", model.service, f"no feature can be read online: {error}; {run}")
        return
    if missing := [name for name in model.features if name not in set(online)]:
        yield Finding(
            "online", ", ".join(missing), f"feature missing online: {_listed(missing)}; {run}"
        )
    yield from _changed(
        tuple(name for name in model.features if name not in missing),
        online,
        f"{model.service} online",
    )


def _changed(trained: tuple[str, ...], features: tuple[str, ...], what: str) -> Iterator[Finding]:
    gone = [name for name in trained if name not in set(features)]
    new = [name for name in features if name not in set(trained)]
    changes = [f"without {_listed(gone)}"] if gone else []
    changes += [f"with new {_listed(new)}"] if new else []
    if not changes and features != trained:
        changes = ["in another order"]
    if changes:
        words = f"columns changed since training: {what} comes {' and '.join(changes)}; train again"
        yield Finding("columns", ", ".join([*gone, *new]), words)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
