"""The part of the OpenAPI document that is about care."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import TypeAdapter

from serving.contract.care.consents import ConsentsAnswer, ConsentsRequest
from serving.contract.care.outcomes import OutcomesAnswer, OutcomesRequest
from serving.contract.responses import IDEMPOTENCY_KEY, responses, schema
from serving.settings import ServingSettings

_STATUSES = (400, 401, 403, 409, 413, 415, 422, 429, 503)
_DECISION = "K7c1f0a9d2b3e4f5a6b7c8d9e0f1a2"

CARE_SCHEMAS: list[tuple[Any, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
    (ConsentsRequest, "validation", TypeAdapter(ConsentsRequest)),
    (ConsentsAnswer, "serialization", TypeAdapter(ConsentsAnswer)),
    (OutcomesRequest, "validation", TypeAdapter(OutcomesRequest)),
    (OutcomesAnswer, "serialization", TypeAdapter(OutcomesAnswer)),
]


def limit_care(components: Mapping[str, Any], settings: ServingSettings) -> None:
    """Write the limits of a server into its schemas."""
    for name, items in (("ConsentsRequest", "consents"), ("OutcomesRequest", "outcomes")):
        components[name]["properties"][items]["maxItems"] = settings.max_items


def care_paths(settings: ServingSettings) -> dict[str, Any]:
    """Operations about care, by path."""
    return {
        "/v1/consents": {
            "post": _sending(
                "consents",
                "Send what customers consent to and withdraw",
                "Written to the one store that care asks whether somebody may be contacted, from the"
                " next claim of a message on. In any order, and as often as you like: of what was"
                " said at the same time, the withdrawal counts. At most"
                f" {settings.max_items} statements per request.",
                "ConsentsRequest",
                {
                    "consents": [
                        {
                            "customer_id": "000001",
                            "purpose": "offers",
                            "channel": "sms",
                            "state": "withdrawn",
                            "happened_at": "2025-05-04T22:00:00+02:00",
                        }
                    ]
                },
                "ConsentsAnswer",
                {"consents": [{"status": "taken"}]},
            )
        },
        "/v1/outcomes": {
            "post": _sending(
                "outcomes",
                "Send what came of decisions",
                "As channels report it: each counts once, however late, in whatever order and however"
                " often it is sent. No effect is computed from them, because a channel knows only"
                f" whom it reached. At most {settings.max_items} outcomes per request.",
                "OutcomesRequest",
                {
                    "outcomes": [
                        {
                            "decision_id": _DECISION,
                            "outcome": "answered",
                            "value": 1,
                            "happened_at": "2025-05-04T22:00:00+02:00",
                        }
                    ]
                },
                "OutcomesAnswer",
                {"outcomes": [{"decision_id": _DECISION, "status": "taken"}]},
            )
        },
    }


def _sending(
    scope: str,
    summary: str,
    description: str,
    body: str,
    body_example: object,
    answer: str,
    answer_example: object,
) -> dict[str, Any]:
    """An operation that changes the ledger; its name is its scope's."""
    security: list[dict[str, list[str]]] = [{}, {"key": [scope]}]
    return {
        "operationId": scope,
        "summary": summary,
        "description": description,
        "security": security,
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema(body), "example": body_example}},
        },
        "responses": responses(
            "What became of them.",
            answer,
            _STATUSES,
            answer_example,
            headers=("Idempotency-Replayed",),
        ),
    }
