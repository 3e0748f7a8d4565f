"""The contract as an OpenAPI 3.1 document."""

from typing import Any

from pydantic import TypeAdapter

from serving.contract.predictions import (
    UNKNOWN_CUSTOMER,
    PredictionsAnswer,
    PredictionsRequest,
    ProblemDocument,
)
from serving.contract.problem import MEDIA_TYPE
from serving.settings import ServingSettings

_PROBLEMS = {
    "400": "The body is not JSON in UTF-8.",
    "401": "The request brings no valid API key, and the server has keys.",
    "403": "The key lacks a scope, which `detail` names.",
    "413": "The body is larger than the server takes.",
    "422": "The body breaks a rule; `errors` names the field.",
    "503": "The server is not ready; ask again.",
    "default": "Anything else that went wrong, such as a request that took too long.",
}
_REQUESTS = {
    "customers": {
        "summary": "Customers in the feature store",
        "value": {"customer_ids": ["0003041", "9999999"], "reasons": 1},
    },
    "rows": {
        "summary": "Rows of your own",
        "value": {"rows": [{"contract": "monthly", "tenure_months": 3}]},
    },
}
_ANSWER = {
    "model": {"name": "churn", "version": "1", "shadow": False},
    "predictions": [
        {
            "customer_id": "0003041",
            "probability": 0.75,
            "band": "high",
            "base": -2.59,
            "reasons": [{"feature": "unresolved_tickets", "value": 1, "contribution": 1.32}],
            "feature_time": "2026-11-22T00:00:00+00:00",
            "stale": [],
            "unseen": [],
            "error": None,
        },
        {
            "customer_id": "9999999",
            "probability": None,
            "band": None,
            "base": None,
            "reasons": [],
            "feature_time": None,
            "stale": [],
            "unseen": [],
            "error": UNKNOWN_CUSTOMER,
        },
    ],
}


def openapi(settings: ServingSettings) -> dict[str, Any]:
    """The document for a server with these settings."""
    _, schemas = TypeAdapter.json_schemas(
        [
            (PredictionsRequest, "validation", TypeAdapter(PredictionsRequest)),
            (PredictionsAnswer, "serialization", TypeAdapter(PredictionsAnswer)),
            (ProblemDocument, "serialization", TypeAdapter(ProblemDocument)),
        ],
        ref_template="#/components/schemas/{model}",
    )
    components = schemas["$defs"]
    for items in ("customer_ids", "rows"):
        components["PredictionsRequest"]["properties"][items]["maxItems"] = settings.max_items
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "holdfast",
            "version": "1",
            "description": "Who is about to leave, and why.",
        },
        "paths": {"/v1/predictions": {"post": _predictions(settings)}},
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _predictions(settings: ServingSettings) -> dict[str, Any]:
    problem = {MEDIA_TYPE: {"schema": _schema("ProblemDocument")}}
    return {
        "operationId": "predict",
        "summary": "Predict who is about to leave, and why",
        "description": (
            "By id from the feature store, or by row. Predictions come in the order asked, each id as often as it was asked; an "
            f"unknown id fails alone. At most {settings.max_items} items and {settings.max_body_bytes} bytes per request."
        ),
        "security": [{}, {"key": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _schema("PredictionsRequest"), "examples": _REQUESTS}
            },
        },
        "responses": {
            "200": {
                "description": "The predictions.",
                "content": {
                    "application/json": {"schema": _schema("PredictionsAnswer"), "example": _ANSWER}
                },
            }
        }
        | {
            status: {"description": description, "content": problem}
            for status, description in _PROBLEMS.items()
        },
    }


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
