"""The contract as an OpenAPI 3.1 document, with examples of what is served."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from serving.contract.codes import CODES
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
from serving.contract.problem import MEDIA_TYPE
from serving.contract.scores import ScoresAnswer, ScoresQuery
from serving.settings import ServingSettings

_STATUSES = (400, 401, 403, 413, 415, 422, 429, 503)
_ACCEPT_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "description": "Language of reasons, where the request names none.",
    "schema": {"type": "string"},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The caller's own key of the request: sent again with it, the answer is the same.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
# Without a key where there is none, else with a key that has one of the scopes.
_ASKS: list[dict[str, list[str]]] = [
    {},
    {"key": ["predictions:service"]},
    {"key": ["predictions:marketing"]},
]
_SENDS: list[dict[str, list[str]]] = [{}, {"key": ["events"]}]
_OWN_CODES: dict[str, tuple[str, ...]] = {
    "EventsAnswer": (
        "invalid_idempotency_key",
        "no_events",
        "in_progress",
        "read_only",
        "idempotency_key_reused",
    ),
    "ScoresAnswer": ("no_scores", "cursor_expired"),
    "PredictionsAnswer": ("model_unavailable",),
}
"""Codes that only one route answers, by its answer."""
_HEADERS = {
    "Request-Id": ("The request's own `Request-Id`, or one that was made for it.", "string"),
    "Content-Language": ("Language of the answer.", "string"),
    "Idempotency-Replayed": ("`true`: the answer was given before.", "string"),
    "Retry-After": ("Seconds after which the request may be sent again.", "integer"),
    "WWW-Authenticate": ("How to send a key.", "string"),
    "RateLimit": ("Requests that are left to the key, and seconds until there are more.", "string"),
    "RateLimit-Policy": ("Requests that the key may send, and in how many seconds.", "string"),
}
_OF_STATUS = {
    "401": ("WWW-Authenticate",),
    "403": ("WWW-Authenticate",),
    "409": ("Retry-After",),
    "429": ("Retry-After", "RateLimit", "RateLimit-Policy"),
    "503": ("Retry-After",),
}
"""Headers of an error, besides its `Request-Id`, where they apply."""
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
_DEFAULT = "Anything else that went wrong, such as a request that took too long."


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
        },
        "components": {
            "schemas": components,
            "headers": {
                name: {"description": description, "schema": {"type": kind}}
                for name, (description, kind) in _HEADERS.items()
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
                    "schema": _schema("PredictionsRequest"),
                    "examples": request_examples(models),
                }
            },
        },
        "responses": _responses(
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
                    "schema": _schema("CustomersRequest"),
                    "example": {"customer_ids": ["C000001234"], "language": "zh-Hans"},
                }
            },
        },
        "responses": _responses(
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
        "parameters": [_IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _schema("EventsRequest"),
                    "example": events_example(models),
                }
            },
        },
        "responses": _responses(
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
            *(_parameter(name, schema) for name, schema in query.items()),
            _ACCEPT_LANGUAGE,
        ],
        "responses": _responses(
            "The scores.",
            "ScoresAnswer",
            (401, 403, 409, 410, 422, 429, 503),
            scores_example(models),
            headers=_IN_WORDS,
            links=_SCORES_LINKS,
        ),
    }


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter whose lists have commas between their items."""
    described = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return {
        "name": name,
        "in": "query",
        "description": schema["description"],
        "style": "form",
        "explode": False,
        "schema": described,
    }


def _models() -> dict[str, Any]:
    return {
        "operationId": "models",
        "summary": "What is served, and what rows of each model hold",
        "security": _ASKS,
        "responses": _responses("The models.", "ModelsAnswer", (401, 403, 429, 503), None),
    }


def _responses(
    description: str,
    schema: str,
    statuses: Sequence[int],
    example: object,
    *,
    headers: Sequence[str] = (),
    links: dict[str, Any] | None = None,
) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": _schema(schema)}
    if example is not None:
        content["example"] = example
    problem = {MEDIA_TYPE: {"schema": _schema("ProblemDocument")}}
    others = {name for answer, names in _OWN_CODES.items() if answer != schema for name in names}
    means = {
        str(status): " ".join(
            code.means
            for name, code in CODES.items()
            if code.status == status and name not in others
        )
        for status in statuses
    } | {"default": _DEFAULT}
    return {
        "200": {
            "description": description,
            "headers": _headers(*headers, "RateLimit", "RateLimit-Policy"),
            "content": {"application/json": content},
        }
        | ({} if links is None else {"links": links})
    } | {
        status: {
            "description": text,
            "headers": _headers(*_OF_STATUS.get(status, ())),
            "content": problem,
        }
        for status, text in means.items()
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("Request-Id", *names)}


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
