"""Whole answers to requests for predictions, made from what is kept and what has to be made."""

from datetime import datetime

from pydantic_core import to_json

from models.score_set import Purpose
from serving.answers.freshness import Freshness
from serving.answers.kept import KeptAnswer, KeptOfModels
from serving.answers.predict import EntityPredictions, predict, predict_rows
from serving.answers.question import Question
from serving.contract.predictions import PredictionsRequest
from serving.metrics.metrics import NO_METRICS, Metrics
from serving.served.follower import ModelFollower
from serving.served.snapshot import ServedModels
from serving.settings import ServingSettings

_MIB = 2**20


class Answering:
    """Answers requests, from any thread.

    Parameters
    ----------
    follower : ModelFollower
        Says what to predict with, and what time it is.
    settings : ServingSettings
        How old features may be, and how much may be kept.
    metrics : Metrics
        Where answers are counted.
    """

    def __init__(
        self,
        follower: ModelFollower,
        settings: ServingSettings,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._follower = follower
        self._metrics = metrics
        self._settings = settings
        self._kept: KeptOfModels | None = None

    def answer(self, question: Question, language: str, purpose: Purpose) -> bytes:
        """The answer as JSON.

        Parameters
        ----------
        question : Question
            What is asked.
        language : str
            Language of reasons.
        purpose : {"service", "marketing"}
            What the predictions are for.

        Raises
        ------
        InputError
            A model or a horizon is not served, or a row does not fit its model.
        ModelError
            The online store no longer fits what is loaded.
        """
        served, now = self._follower.current(), self._follower.now()
        kept = self._kept_of(served)
        if question.entities:
            about = (*question.about, language, purpose)
            # Before any record is read: what is written from now on counts as a change.
            versions = served.versions()
            bodies = kept.bodies(question.entities, about, versions, now.timestamp())
            missing = [one for one in dict.fromkeys(question.entities) if one not in bodies]
            self._metrics.count_entities(kept=len(bodies), computed=len(missing))
            if missing:
                made = self._make(kept, question.about_some(missing), language, purpose, now)
                for entity, of_entity in zip(missing, made, strict=True):
                    body = bodies[entity] = to_json(of_entity.predictions)[1:-1]
                    if versions is not None and of_entity.until > now.timestamp():
                        answer = KeptAnswer(versions, of_entity.until, body)
                        kept.answers.put((entity, about), answer, len(body))
            predictions = b",".join([bodies[entity] for entity in question.entities])
        else:
            of_rows = predict_rows(
                served, question.request, language, self._freshness(now), purpose
            )
            predictions = to_json(of_rows)[1:-1]
        return b"".join((self._head(kept, language), predictions, b"]}"))

    def _make(
        self,
        kept: KeptOfModels,
        request: PredictionsRequest,
        language: str,
        purpose: Purpose,
        now: datetime,
    ) -> list[EntityPredictions]:
        freshness = self._freshness(now)
        made = predict(kept.served, request, language, freshness, purpose, kept.scores)
        self._metrics.count_predictions(one for of in made for one in of.predictions)
        return made

    def _head(self, kept: KeptOfModels, language: str) -> bytes:
        """What stands before the predictions."""
        head = kept.heads.get(language)
        if head is None:
            document = {
                "language": language,
                "limits": self._freshness(self._follower.now()).limits(),
                "unavailable": kept.served.unavailable,
                "predictions": [],
            }
            head = kept.heads[language] = to_json(document).removesuffix(b"]}")
        return head

    def _freshness(self, now: datetime) -> Freshness:
        return Freshness(now, self._settings.stale_days, self._settings.withhold_days)

    def _kept_of(self, served: ServedModels) -> KeptOfModels:
        kept = self._kept
        if kept is None or kept.served is not served:
            kept = self._kept = KeptOfModels(served, self._settings.kept_mb * _MIB)
        return kept
