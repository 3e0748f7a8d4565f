"""Whole answers to requests for predictions, made from what is kept and what has to be made."""

from collections.abc import Hashable
from typing import Any

from pydantic_core import to_json

from models.score_set import Purpose
from serving.answers.freshness import Freshness
from serving.answers.kept import KeptAnswer, KeptOfModels
from serving.answers.predict import predict, predict_rows
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

    def answer(self, asked: PredictionsRequest, language: str, purpose: Purpose) -> bytes:
        """The answer as JSON.

        Parameters
        ----------
        asked : PredictionsRequest
            As `contract.check_request` gives it.
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
        served, settings = self._follower.current(), self._settings
        freshness = Freshness(self._follower.now(), settings.stale_days, settings.withhold_days)
        head: dict[str, Any] = {
            "language": language,
            "limits": freshness.limits(),
            "unavailable": served.unavailable,
        }
        if "rows" in asked:
            head["predictions"] = predict_rows(served, asked, language, freshness, purpose)
            return to_json(head)
        kept = self._kept_of(served)
        bodies = _Entities(kept, asked, language, freshness, purpose, self._metrics).bodies()
        return b"".join(
            [to_json(head)[:-1], b',"predictions":[', b",".join(bodies), b"]}"],
        )

    def _kept_of(self, served: ServedModels) -> KeptOfModels:
        kept = self._kept
        if kept is None or kept.served is not served:
            kept = self._kept = KeptOfModels(served, self._settings.kept_mb * _MIB)
        return kept


class _Entities:
    """One request about stored entities."""

    def __init__(
        self,
        kept: KeptOfModels,
        asked: PredictionsRequest,
        language: str,
        freshness: Freshness,
        purpose: Purpose,
        metrics: Metrics,
    ) -> None:
        self._kept = kept
        self._metrics = metrics
        self._asked = asked
        self._language = language
        self._freshness = freshness
        self._purpose = purpose
        models, horizons = asked.get("models"), asked.get("horizons_days")
        # Which models speak depends on the kinds of ids that are asked for, too.
        self._question: tuple[Hashable, ...] = (
            "customer_ids" in asked,
            "subscription_ids" in asked,
            None if models is None else tuple(models),
            None if horizons is None else tuple(horizons),
            language,
            asked["reasons"],
            purpose,
        )

    def bodies(self) -> list[bytes]:
        """Predictions of each customer, then of each subscription, as JSON without brackets."""
        # Before any record is read: what is written from now on counts as a change.
        versions = self._kept.served.versions()
        customers = self._asked.get("customer_ids", [])
        subscriptions = self._asked.get("subscription_ids", [])
        entities = [("customer", one) for one in customers]
        entities += [("subscription", one) for one in subscriptions]
        bodies = {} if versions is None else self._look_up(entities, versions)
        missing = [entity for entity in dict.fromkeys(entities) if entity not in bodies]
        self._metrics.count_entities(kept=len(bodies), computed=len(missing))
        if missing:
            bodies |= self._make(missing, versions)
        return [bodies[entity] for entity in entities]

    def _look_up(
        self, entities: list[tuple[str, str]], versions: tuple[int, ...]
    ) -> dict[tuple[str, str], bytes]:
        now, bodies = self._freshness.now.timestamp(), {}
        for entity in entities:
            answer = self._kept.answers.get((*entity, self._question))
            if answer is not None and answer.counts(versions, now):
                bodies[entity] = answer.body
        return bodies

    def _make(
        self, entities: list[tuple[str, str]], versions: tuple[int, ...] | None
    ) -> dict[tuple[str, str], bytes]:
        asked = self._asked.copy()
        if "customer_ids" in asked:
            asked["customer_ids"] = [one for kind, one in entities if kind == "customer"]
        if "subscription_ids" in asked:
            asked["subscription_ids"] = [one for kind, one in entities if kind == "subscription"]
        made = predict(
            self._kept.served,
            asked,
            self._language,
            self._freshness,
            self._purpose,
            self._kept.scores,
        )
        bodies = {}
        self._metrics.count_predictions(one for of in made for one in of.predictions)
        for entity, of_entity in zip(entities, made, strict=True):
            body = bodies[entity] = to_json(of_entity.predictions)[1:-1]
            if versions is not None and of_entity.until > self._freshness.now.timestamp():
                answer = KeptAnswer(versions, of_entity.until, body)
                self._kept.answers.put((*entity, self._question), answer, len(body))
        return bodies
