"""Answers of one model about stored entities: the one place where a record becomes an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from features.online.age import ABSENT, ages
from holdfast.arrays import Floats, Times
from models.words.catalogue import Catalogue, words
from serving.answers.freshness import Freshness
from serving.answers.kept import Kept, KeptScores
from serving.answers.question import AskedModel
from serving.answers.scores import score_rows
from serving.contract.predictions import Answer, PredictionError
from serving.served.model import ServedModel
from serving.served.night import Recorded

_REASON_BYTES = 600
"""Memory of a score, or of one of its reasons, roughly."""


@dataclass(frozen=True)
class _Entity:
    """What is known of an entity before it is scored.

    Parameters
    ----------
    feature_time : datetime
        When its features were true.
    marks, warnings : tuple of str
        As in an answer.
    error : PredictionError or None
        Why it is not scored.
    until : float
        When any of it changes by the time alone, in seconds since 1970.
    """

    feature_time: datetime
    marks: tuple[str, ...]
    warnings: tuple[str, ...]
    error: PredictionError | None
    until: float


@dataclass(frozen=True)
class EntityAnswer:
    """What a model says about an entity.

    Parameters
    ----------
    answers : list of Answer
        One for each horizon asked.
    until : float
        When it changes by the time alone, in seconds since 1970.
    """

    answers: list[Answer]
    until: float


def answer_entities(
    asked: AskedModel,
    ids: Sequence[str],
    recorded: Recorded | None,
    freshness: Freshness,
    language: str,
    reasons: int,
    kept: Kept[KeptScores],
    excluded: Mapping[str, datetime],
) -> dict[str, EntityAnswer]:
    """What a model says about entities, one answer per horizon.

    Parameters
    ----------
    asked : AskedModel
        The model, and its horizons.
    ids : sequence of str
        The n entities, of the model's kind, each once.
    recorded : Recorded or None
        What the last night recorded of them; None where it recorded nothing.
    freshness : Freshness
        How old features may be.
    language : str
        Language of reasons.
    reasons : int
        Most reasons for each answer.
    kept : Kept of KeptScores
        Scores of rows that were scored before.
    excluded : mapping of str to datetime
        Those that the model may not speak of since the last night, and since when.

    Returns
    -------
    dict of str to EntityAnswer
        By entity, without those that the model's features do not hold.

    Raises
    ------
    ModelError
        The online store no longer fits what is loaded.
    """
    model = asked.model
    matrix, times = model.online.reader.read(ids)
    left_out = [excluded.get(one) for one in ids]
    known = _known(model, times, recorded, freshness, words(language), left_out)
    scored = [row for row, entity in known.items() if entity.error is None]
    scores = dict(
        zip(
            scored,
            _scores(asked, matrix[scored], freshness.now.isoformat(), language, reasons, kept),
            strict=True,
        )
    )
    return {
        ids[row]: EntityAnswer(
            [
                _answer(asked, horizon, entity, freshness, scores.get(row))
                for horizon in range(len(asked.places))
            ],
            entity.until,
        )
        for row, entity in known.items()
    }


def _scores(
    asked: AskedModel,
    matrix: Floats,
    now: str,
    language: str,
    reasons: int,
    kept: Kept[KeptScores],
) -> list[KeptScores]:
    """Scores of rows, those that are kept and the others, which are kept then."""
    question = (asked.model.name, asked.places, language, reasons)
    keys = [(*question, row.tobytes()) for row in matrix]
    found = [kept.get(key) for key in keys]
    missing = [row for row, one in enumerate(found) if one is None]
    for row, scores in zip(
        missing, score_rows(asked, matrix[missing], language, reasons), strict=True
    ):
        found[row] = made = KeptScores(scores, now)
        kept.put(keys[row], made, matrix[row].nbytes + len(scores) * (1 + reasons) * _REASON_BYTES)
    return [one for one in found if one is not None]


def _known(
    model: ServedModel,
    times: Times,
    recorded: Recorded | None,
    freshness: Freshness,
    catalogue: Catalogue,
    left_out: Sequence[datetime | None],
) -> dict[int, _Entity]:
    """The entities that the features hold, by row."""
    known, texts = {}, catalogue.answers
    for row, age in enumerate(ages(times, model.online.layout.lifetimes, freshness.now)):
        # The first view names the entities; others may be of whom they belong to.
        if age.main == ABSENT:
            continue
        warnings, error = [], freshness.error(age.time, catalogue)
        if freshness.is_stale(age.time):
            warnings.append(freshness.warning(age.time, catalogue))
        if any(age.late):
            views = zip(model.online.views, age.late, strict=True)
            groups = ", ".join(view.name for view, is_late in views if is_late)
            warnings.append(texts["features_expired"].format(groups=groups))
        if model.is_table:
            pass
        elif recorded is None:
            warnings.append(texts["not_checked_unrecorded"])
        elif recorded.is_older(age):
            warnings.append(texts["not_checked_newer"])
        elif recorded.excludes(row, age) and error is None:
            error = not_predicted(recorded.facts.at, catalogue)
        since = left_out[row]
        if since is not None and error is None:
            error = not_predicted_since(since, catalogue)
        known[row] = _Entity(
            age.time,
            () if recorded is None else recorded.marks[row],
            tuple(warnings),
            error,
            min(freshness.changes_at(age.time), age.next_late),
        )
    return known


def not_predicted(night: str, catalogue: Catalogue) -> PredictionError:
    """Why there is no prediction of whom a night (ISO 8601) left out, in the words of a language."""
    detail = catalogue.answers["not_predicted"]
    return {"code": "not_predicted", "detail": detail.format(date=night[:10])}


def not_predicted_since(since: datetime, catalogue: Catalogue) -> PredictionError:
    """Why there is no prediction of whom an event has excluded since the night, in the words of a
    language. What kind of event is not told.
    """
    detail = catalogue.answers["not_predicted_now"].format(date=f"{since:%Y-%m-%d}")
    return {"code": "not_predicted", "detail": detail}


def _answer(
    asked: AskedModel,
    horizon: int,
    entity: _Entity,
    freshness: Freshness,
    scores: KeptScores | None,
) -> Answer:
    model = asked.model
    score = None if scores is None else scores.scores[horizon]
    return {
        "model": model.name,
        "version": model.number,
        "horizon_days": model.version.horizons[asked.places[horizon]],
        "probability": None if score is None else score.probability,
        "band": None if score is None else score.band,
        "reasons": [] if score is None else score.reasons,
        "feature_time": entity.feature_time.isoformat(),
        "scored_at": None if scores is None else scores.scored_at,
        "stale": freshness.is_stale(entity.feature_time),
        "marks": list(dict.fromkeys((*model.marks, *entity.marks))),
        "warnings": list(entity.warnings),
        "error": entity.error,
    }
