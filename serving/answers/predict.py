"""Predictions for stored entities, in the order asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from models.score_set import Purpose
from models.words.catalogue import words
from serving.answers.entities import EntityAnswer, answer_entities
from serving.answers.freshness import Freshness
from serving.answers.kept import Kept, KeptScores
from serving.answers.purpose import barred, marked
from serving.answers.question import AskedModel, find_asked
from serving.answers.rows import answer_rows
from serving.contract.predictions import (
    Answer,
    Prediction,
    PredictionError,
    PredictionsRequest,
)
from serving.served.people import People
from serving.served.snapshot import ServedModels

_NOBODY: Answer = {
    "model": None,
    "version": None,
    "horizon_days": None,
    "probability": None,
    "band": None,
    "reasons": [],
    "feature_time": None,
    "scored_at": None,
    "stale": None,
    "marks": [],
    "warnings": [],
    "error": None,
}


@dataclass(frozen=True)
class EntityPredictions:
    """All predictions about one entity that is asked about.

    Parameters
    ----------
    predictions : list of Prediction
        At least one.
    until : float
        When they change by the time alone, in seconds since 1970.
    """

    predictions: list[Prediction]
    until: float


def predict(
    served: ServedModels,
    request: PredictionsRequest,
    language: str,
    freshness: Freshness,
    purpose: Purpose,
    kept: Kept[KeptScores],
) -> list[EntityPredictions]:
    """Predict for stored entities.

    Parameters
    ----------
    served : ServedModels
        What to predict with.
    request : PredictionsRequest
        As `contract.check_request` gives it, with ids.
    language : str
        Language of reasons.
    freshness : Freshness
        What time it is, and how old features may be.
    purpose : {"service", "marketing"}
        What the predictions are for. For marketing, those with a mark that bars it are withheld.
    kept : Kept of KeptScores
        Scores of rows that were scored before.

    Returns
    -------
    list of EntityPredictions
        Of each customer, then of each subscription, in the order asked.

    Raises
    ------
    InputError
        A model or a horizon is not served.
    ModelError
        The online store no longer fits what is loaded.
    """
    made = _Asking(served, request, language, freshness, kept).predictions()
    if purpose == "service":
        return made
    catalogue = words(language)
    return [
        EntityPredictions([barred(each, catalogue) for each in one.predictions], one.until)
        for one in made
    ]


def predict_rows(
    served: ServedModels,
    request: PredictionsRequest,
    language: str,
    freshness: Freshness,
    purpose: Purpose,
) -> list[Prediction]:
    """Predict for rows of the caller's own, in their order.

    Parameters
    ----------
    served, request, language, freshness, purpose
        As in `predict`; the request has rows.

    Raises
    ------
    InputError
        A model or a horizon is not served, or a row does not fit its model.
    """
    rows = answer_rows(served, request, language, freshness.now.isoformat())
    predictions = _marked_rows(served.people, rows)
    if purpose == "service":
        return predictions
    return [barred(one, words(language)) for one in predictions]


def _marked_rows(people: People, predictions: Sequence[Prediction]) -> list[Prediction]:
    """Predictions for a caller's rows, marked where a row's id is that of somebody who objects."""
    subscriptions = [one["subscription_id"] for one in predictions if one["subscription_id"]]
    owners = dict(zip(subscriptions, people.customers_of(subscriptions), strict=True))
    customers = [
        one["customer_id"] or owners.get(one["subscription_id"] or "") for one in predictions
    ]
    objecting = people.objecting([one for one in dict.fromkeys(customers) if one is not None])
    return [
        {**one, "marks": marked(one["marks"], objects=customer in objecting)}
        for one, customer in zip(predictions, customers, strict=True)
    ]


class _Asking:
    """One request about ids: every id is read once for each model, whoever asks for it."""

    def __init__(
        self,
        served: ServedModels,
        request: PredictionsRequest,
        language: str,
        freshness: Freshness,
        kept: Kept[KeptScores],
    ) -> None:
        self._kept = kept
        self._catalogue = words(language)
        self._asked = find_asked(served, request)
        self._customers = request.get("customer_ids", [])
        self._subscriptions = request.get("subscription_ids", [])
        self._subscriptions_of = self._owned(served)
        self._customer_of = self._owners(served.people)
        customers = [one for one in self._customer_of.values() if one is not None]
        self._objecting = served.people.objecting(
            list(dict.fromkeys([*self._customers, *customers]))
        )
        self._answers = [
            self._answer(served, asked, language, freshness, request["reasons"])
            for asked in self._asked
        ]

    def predictions(self) -> list[EntityPredictions]:
        """Of each customer, then of each subscription, in the order asked."""
        return [self._of_customer(entity) for entity in self._customers] + [
            self._of_subscription(entity) for entity in self._subscriptions
        ]

    def _owned(self, served: ServedModels) -> dict[str, tuple[str, ...]] | None:
        """The subscriptions of the customers asked about; None where the store does not say."""
        people, customers = served.people, list(dict.fromkeys(self._customers))
        owned = None if people.owned is None else people.owned.subscriptions_of(customers)
        return None if owned is None else dict(zip(customers, owned, strict=True))

    def _owners(self, people: People) -> dict[str, str | None]:
        """The customer of each subscription that is answered about."""
        owners: dict[str, str | None] = {
            subscription: customer
            for customer, owned in (self._subscriptions_of or {}).items()
            for subscription in owned
        }
        others = [one for one in dict.fromkeys(self._subscriptions) if one not in owners]
        owners.update(zip(others, people.customers_of(others), strict=True))
        return owners

    def _answer(
        self,
        served: ServedModels,
        asked: AskedModel,
        language: str,
        freshness: Freshness,
        reasons: int,
    ) -> Mapping[str, EntityAnswer]:
        """What a model says, by entity."""
        if asked.model.entity == "customer":
            ids = list(dict.fromkeys(self._customers))
        else:
            owned = [one for of in (self._subscriptions_of or {}).values() for one in of]
            ids = list(dict.fromkeys([*owned, *self._subscriptions]))
        if not ids:
            return {}
        night = served.people.night
        recorded = (
            None if night is None or asked.model.is_table else night.of(asked.model.name, ids)
        )
        excluded: Mapping[str, datetime] = {}
        if asked.model.entity == "subscription" and not asked.model.is_table:
            excluded = served.people.excluded(ids, None if recorded is None else recorded.facts.at)
        return answer_entities(
            asked, ids, recorded, freshness, language, reasons, self._kept, excluded
        )

    def _of_customer(self, customer: str) -> EntityPredictions:
        predictions, until = [], inf
        for asked, answers in zip(self._asked, self._answers, strict=True):
            if asked.model.entity == "customer":
                told = self._told(asked, answers.get(customer))
                predictions += self._about(customer, None, told.answers)
                until = min(until, told.until)
            elif self._subscriptions_of is None:
                error: PredictionError = {
                    "code": "subscriptions_unknown",
                    "detail": self._catalogue.answers["subscriptions_unknown"],
                }
                predictions += self._about(customer, None, _refused(asked, error))
            else:
                for subscription in self._subscriptions_of.get(customer, ()):
                    told = self._told(asked, answers.get(subscription))
                    predictions += self._about(customer, subscription, told.answers)
                    until = min(until, told.until)
        return EntityPredictions(predictions or [self._unknown(customer, None, "customer")], until)

    def _of_subscription(self, subscription: str) -> EntityPredictions:
        customer = self._customer_of.get(subscription)
        predictions, until = [], inf
        for asked, answers in zip(self._asked, self._answers, strict=True):
            if asked.model.entity == "subscription":
                told = self._told(asked, answers.get(subscription))
                predictions += self._about(customer, subscription, told.answers)
                until = min(until, told.until)
        unknown = self._unknown(customer, subscription, "subscription")
        return EntityPredictions(predictions or [unknown], until)

    def _about(
        self, customer: str | None, subscription: str | None, answers: Sequence[Answer]
    ) -> list[Prediction]:
        """Answers with whom they are about, and what follows from the customer's objection."""
        objects = customer in self._objecting
        predictions: list[Prediction] = []
        for answer in answers:
            prediction: Prediction = {
                "customer_id": customer,
                "subscription_id": subscription,
                **answer,
                "marks": marked(answer["marks"], objects=objects),
            }
            predictions.append(prediction)
        return predictions

    def _told(self, asked: AskedModel, answer: EntityAnswer | None) -> EntityAnswer:
        """What a model says of an entity; nothing where it does not know it and nobody named it."""
        if answer is not None:
            return answer
        error = self._unknown_error(asked.model.entity)
        return EntityAnswer(_refused(asked, error) if asked.named else [], inf)

    def _unknown(self, customer: str | None, subscription: str | None, kind: str) -> Prediction:
        """The one prediction about an id that no model knows."""
        return {
            "customer_id": customer,
            "subscription_id": subscription,
            **_NOBODY,
            "error": self._unknown_error(kind),
        }

    def _unknown_error(self, kind: str) -> PredictionError:
        code = f"unknown_{kind}"
        return {"code": code, "detail": self._catalogue.answers[code]}


def _refused(asked: AskedModel, error: PredictionError) -> list[Answer]:
    """The answers of a model that says nothing, with the reason."""
    model = asked.model
    return [
        {
            **_NOBODY,
            "model": model.name,
            "version": model.number,
            "horizon_days": model.version.horizons[place],
            "marks": list(model.marks),
            "error": error,
        }
        for place in asked.places
    ]
