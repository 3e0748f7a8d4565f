"""Scores of the night as predictions: the same rules of age and purpose as on demand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from models.feed.facts import FeedFacts
from models.reasons.meaning import FeatureMeaning
from models.score_set import Purpose
from models.words.catalogue import Catalogue, words
from serving.answers.entities import not_predicted, not_predicted_since
from serving.answers.freshness import Freshness
from serving.answers.purpose import bar_of, barred, marked
from serving.answers.reasons import stored_reasons
from serving.answers.walk import Walk
from serving.contract.predictions import Prediction
from serving.contract.scores import Manifest, Score, ScoresAnswer
from serving.served.people import People


def answer_scores(
    read: Walk,
    people: People,
    freshness: Freshness,
    purpose: Purpose,
    language: str,
    reasons: int,
) -> ScoresAnswer:
    """Answer with one page of scores.

    Parameters
    ----------
    read : Walk
        The page.
    people : People
        Who objects to profiling now.
    freshness : Freshness
        What time it is, and how old features may be.
    purpose : {"service", "marketing"}
        What the scores are for. For marketing, those with a mark that bars it are withheld.
    language : str
        Language of reasons.
    reasons : int
        Most reasons for each.

    Raises
    ------
    ModelError
        The online store no longer fits what is loaded.
    """
    customers = [row["customer_id"] for row in read.rows if row["customer_id"] is not None]
    objecting = people.objecting(list(dict.fromkeys(customers)))
    meanings = {
        name: {one.name: one for one in model.meanings} for name, model in read.facts.models.items()
    }
    excluded = _excluded(read, people)
    scores, catalogue = [], words(language)
    for row in read.rows:
        marks = marked(row["marks"], objects=row["customer_id"] in objecting)
        of_model = meanings.get(row["model"], {})
        prediction = _prediction(row, marks, read.facts, freshness, of_model, catalogue, reasons)
        since = excluded.get((row["model"], row["subscription_id"]))
        if since is not None and prediction["error"] is None:
            prediction = _left_out(prediction, since, catalogue)
        is_barred = purpose == "marketing" and bar_of(marks) is not None
        score: Score = {
            **(barred(prediction, catalogue) if is_barred else prediction),
            # How the score has changed would say something about it.
            "change": "marks" if is_barred else row["change"],
        }
        scores.append(score)
    return {
        "language": language,
        "limits": freshness.limits(),
        "manifest": _manifest(read.facts, read.next.models),
        "scores": scores,
        "next": read.next.encode(),
        "more": read.more,
    }


def _excluded(read: Walk, people: People) -> dict[tuple[str, str], datetime]:
    """Which lines events have excluded since their model's night, and when."""
    lines: dict[str, set[str]] = {}
    for row in read.rows:
        if row["subscription_id"] is not None:
            lines.setdefault(row["model"], set()).add(row["subscription_id"])
    excluded = {}
    for name, ids in lines.items():
        model = read.facts.models.get(name)
        night = read.facts.made_at if model is None else model.at
        for line, since in people.excluded(sorted(ids), night).items():
            excluded[name, line] = since
    return excluded


def _left_out(prediction: Prediction, since: datetime, catalogue: Catalogue) -> Prediction:
    """A score of the night that may be spoken of no more."""
    return {
        **prediction,
        "probability": None,
        "band": None,
        "reasons": [],
        "scored_at": None,
        "error": not_predicted_since(since, catalogue),
    }


def _prediction(
    row: Mapping[str, Any],
    marks: list[str],
    facts: FeedFacts,
    freshness: Freshness,
    meanings: Mapping[str, FeatureMeaning],
    catalogue: Catalogue,
    reasons: int,
) -> Prediction:
    feature_time = row["feature_time"]
    error = freshness.error(feature_time, catalogue)
    if error is None and row["excluded_at"] is not None:
        model = facts.models.get(row["model"])
        error = not_predicted(facts.made_at if model is None else model.at, catalogue)
    is_stale = freshness.is_stale(feature_time)
    return {
        "customer_id": row["customer_id"],
        "subscription_id": row["subscription_id"],
        "model": row["model"],
        "version": row["version"],
        "horizon_days": row["horizon_days"],
        "probability": None if error else row["probability"],
        "band": None if error else row["band"],
        "reasons": []
        if error
        else stored_reasons(row["reasons"], meanings, catalogue.language, reasons),
        "feature_time": feature_time.isoformat(),
        "scored_at": None if error else row["scored_at"].isoformat(),
        "stale": is_stale,
        "marks": marks,
        "warnings": [freshness.warning(feature_time, catalogue)] if is_stale else [],
        "error": error,
    }


def _manifest(facts: FeedFacts, models: tuple[str, ...] | None) -> Manifest:
    read = {name: model for name, model in facts.models.items() if models is None or name in models}
    return {
        "made_at": facts.made_at,
        "scores": sum(model.scores for model in read.values()),
        "models": [
            {
                "model": name,
                "version": model.version,
                "marks": ["shadow"] if model.alias == "shadow" else [],
                "night": model.at,
                "scored_at": model.scored_at,
                "scores": model.scores,
            }
            for name, model in read.items()
        ],
    }
