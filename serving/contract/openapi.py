"""The contract as an OpenAPI 3.1 document, with examples of what is served."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from serving.contract.care.operations import CARE_SCHEMAS, care_paths, limit_care
from serving.contract.customers import CustomersAnswer, CustomersRequest
from serving.contract.events import EventsAnswer, EventsRequest
from serving.contract.examples import (
    answer_example,
    events_example,
    request_examples,
    scores_example,
)
from serving.contract.models import ModelsAnswer, ServedModelDocument
from serving.contract.predictions import (
    PredictionsAnswer,
    PredictionsRequest,
    ProblemDocument,
)
from serving.contract.responses import HEADERS, IDEMPOTENCY_KEY, responses, schema
from serving.contract.scores import ScoresAnswer, ScoresQuery
from serving.settings import ServingSettings

_STATUSES = (400, 401, 403, 413, 415, 422, 429, 503)
_ACCEPT_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "description": "Language of reasons, where the request names none.",
    "schema": {"type": "string"},
}
# Without a key where there is none, else with a key that has one of the scopes.
_ASKS: list[dict[str, list[str]]] = [
    {},
    {"key": ["predictions:service"]},
    {"key": ["predictions:marketing"]},
]
_SENDS: list[dict[str, list[str]]] = [{}, {"key": ["events"]}]
_IN_WORDS = ("Content-Language",)
_FIRST_CUSTOMER = {"customer_ids": ["$response.body#/scores/0/customer_id"]}
_SCORES_LINKS = {
    "next": {
        "operationId": "scores",
        "parameters": {"since": "$response.body#/next"},
        "description": "What comes next, or what has changed since.",
    },
    "predict": {
        "operationId": "predict",
        "requestBody": _FIRST_CUSTOMER,
        "description": "The predictions for a customer as they are now.",
    },
    "view": {
        "operationId": "view",
        "requestBody": _FIRST_CUSTOMER,
        "description": "The customer as an agent should see them.",
    },
}


def openapi(
    settings: ServingSettings, models: Sequence[ServedModelDocument] = ()
) -> dict[str, Any]:
    """The document for a server.

    Parameters
    ----------
    settings : ServingSettings
        Its limits.
    models : sequence of ServedModelDocument
        What it serves.
    """
    _, schemas = TypeAdapter.json_schemas(
        [
            (PredictionsRequest, "validation", TypeAdapter(PredictionsRequest)),
            (PredictionsAnswer, "serialization", TypeAdapter(PredictionsAnswer)),
            (CustomersRequest, "validation", TypeAdapter(CustomersRequest)),
            (CustomersAnswer, "serialization", TypeAdapter(CustomersAnswer)),
            (EventsRequest, "validation", TypeAdapter(EventsRequest)),
            (EventsAnswer, "serialization", TypeAdapter(EventsAnswer)),
            (ScoresQuery, "validation", TypeAdapter(ScoresQuery)),
            (ScoresAnswer, "serialization", TypeAdapter(ScoresAnswer)),
            (ModelsAnswer, "serialization", TypeAdapter(ModelsAnswer)),
            *CARE_SCHEMAS,
            (ProblemDocument, "serialization", TypeAdapter(ProblemDocument)),
        ],
        ref_template="#/components/schemas/{model}",
    )
    components = schemas["$defs"]
    query = components.pop("ScoresQuery")["properties"]
    query["limit"] |= {"maximum": settings.max_items, "default": settings.max_items}
    request = components["PredictionsRequest"]["properties"]
    for items in ("customer_ids", "subscription_ids", "rows"):
        request[items]["maxItems"] = settings.max_items
    components["CustomersRequest"]["properties"]["customer_ids"]["maxItems"] = settings.max_items
    components["EventsRequest"]["properties"]["events"]["maxItems"] = settings.max_items
    limit_care(components, settings)
    if models:
        request["models"]["items"]["enum"] = [model["name"] for model in models]
        query["models"]["items"]["enum"] = [
            model["name"] for model in models if model["entity"] != "contact"
        ]
    if horizons := sorted({days for model in models for days in model["horizons_days"]}):
        request["horizons_days"]["items"]["enum"] = horizons
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "holdfast",
            "version": "1",
            "description": "Who is about to leave or dissatisfied, and why.",
        },
        "paths": {
            "/v1/predictions": {"post": _predictions(settings, models)},
            "/v1/customers/view": {"post": _customers(settings)},
            "/v1/events": {"post": _events(settings, models)},
            "/v1/scores": {"get": _scores(settings, models, query)},
            "/v1/models": {"get": _models()},
            **care_paths(settings),
        },
        "components": {
            "schemas": components,
            "headers": {
                name: {"description": description, "schema": {"type": kind}}
                for name, (description, kind) in HEADERS.items()
            },
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _predictions(
    settings: ServingSettings, models: Sequence[ServedModelDocument]
) -> dict[str, Any]:
    return {
        "operationId": "predict",
        "summary": "Predict for customers, subscriptions or rows, and why",
        "description": (
            "Without `models` and `horizons_days` every model that can answer does, within all its"
            " horizons. Predictions come in the order asked: customers, then subscriptions, each id"
            " as often as it was asked; an unknown id fails alone. At most"
            f" {settings.max_items} items and {settings.max_body_bytes} bytes per request."
        ),
        "security": _ASKS,
        "parameters": [_ACCEPT_LANGUAGE],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": schema("PredictionsRequest"),
                    "examples": request_examples(models),
                }
            },
        },
        "responses": responses(
            "The predictions.",
            "PredictionsAnswer",
            _STATUSES,
            answer_example(models),
            headers=_IN_WORDS,
        ),
    }


def _customers(settings: ServingSettings) -> dict[str, Any]:
    return {
        "operationId": "view",
        "summary": "Show customers as an agent should see them",
        "description": (
            "Subscriptions, predictions of every model with reasons, and facts that are out of the"
            " ordinary, by driver, with units and times. Of an operator's own features alone. At most"
            f" {settings.max_items} customers per request."
        ),
        "security": _ASKS,
        "parameters": [_ACCEPT_LANGUAGE],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": schema("CustomersRequest"),
                    "example": {"customer_ids": ["C000001234"], "language": "zh-Hans"},
                }
            },
        },
        "responses": responses(
            "The customers.", "CustomersAnswer", _STATUSES, None, headers=_IN_WORDS
        ),
    }


def _events(settings: ServingSettings, models: Sequence[ServedModelDocument]) -> dict[str, Any]:
    return {
        "operationId": "events",
        "summary": "Send rows of raw tables as they arrive",
        "description": (
            "They change the features that are live, and so the next prediction, at once. All of a"
            " request's events are taken, or none. Each counts once by its id, and by its row: after"
            f" an error send the same request again. At most {settings.max_items} events and"
            f" {settings.max_body_bytes} bytes per request."
        ),
        "security": _SENDS,
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": schema("EventsRequest"),
                    "example": events_example(models),
                }
            },
        },
        "responses": responses(
            "What became of the events.",
            "EventsAnswer",
            (400, 401, 403, 409, 413, 415, 422, 429, 503),
            {"events": [{"event_id": "crm-981", "status": "taken"}]},
            headers=("Idempotency-Replayed",),
        ),
    }


def _scores(
    settings: ServingSettings, models: Sequence[ServedModelDocument], query: dict[str, Any]
) -> dict[str, Any]:
    return {
        "operationId": "scores",
        "summary": "Everybody's scores of the last night, or those that have changed since",
        "description": (
            "Without `since` a full export: all answers until `more` is false come from one night,"
            " and together hold as many scores as `manifest` says. `next` of the last one is where"
            " changes begin: another band, a probability that has moved by a step since its last"
            " report, another mark, another customer, or no score any more. At most"
            f" {settings.max_items} scores per answer; of models of subscriptions and customers."
        ),
        "security": _ASKS,
        "parameters": [
            *(_parameter(name, of) for name, of in query.items()),
            _ACCEPT_LANGUAGE,
        ],
        "responses": responses(
            "The scores.",
            "ScoresAnswer",
            (401, 403, 409, 410, 422, 429, 503),
            scores_example(models),
            headers=_IN_WORDS,
            links=_SCORES_LINKS,
        ),
    }


def _parameter(name: str, of: dict[str, Any]) -> dict[str, Any]:
    """A query parameter whose lists have commas between their items."""
    described = {key: value for key, value in of.items() if key not in ("title", "description")}
    return {
        "name": name,
        "in": "query",
        "description": of["description"],
        "style": "form",
        "explode": False,
        "schema": described,
    }


def _models() -> dict[str, Any]:
    return {
        "operationId": "models",
        "summary": "What is served, and what rows of each model hold",
        "security": _ASKS,
        "responses": responses("The models.", "ModelsAnswer", (401, 403, 429, 503), None),
    }
