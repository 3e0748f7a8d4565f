"""The part of the OpenAPI document that is about care."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import TypeAdapter

from serving.contract.care.campaigns import (
    ApprovalAnswer,
    ApprovalRequest,
    CampaignsAnswer,
)
from serving.contract.care.consents import ConsentsAnswer, ConsentsRequest
from serving.contract.care.decisions import CheckAnswer, CheckRequest
from serving.contract.care.jobs import JobDocument, JobsAnswer, MeasureRequest
from serving.contract.care.outcomes import OutcomesAnswer, OutcomesRequest
from serving.contract.responses import IDEMPOTENCY_KEY, responses, schema
from serving.settings import ServingSettings

_STATUSES = (400, 401, 403, 409, 413, 415, 422, 429, 503)
_DECISION = "K7c1f0a9d2b3e4f5a6b7c8d9e0f1a2"

_PLAN = {
    "plan_id": "spring-20260304-3f9a01c2",
    "digest": "3f9a01c2" * 8,
    "made_at": "2026-03-04T12:00:00+00:00",
    "about": {
        "proposed": 1200,
        "sent": 776,
        "control": 194,
        "holdout": 30,
        "refused": {"no_consent": 200},
    },
    "approval": None,
}

_JOB = {
    "job_id": "17",
    "kind": "measure",
    "campaign_id": "spring",
    "state": "waiting",
    "asked_by": "console",
    "asked_at": "2026-03-04T12:00:00+00:00",
    "ended_at": None,
    "why": "",
}

CARE_SCHEMAS: list[tuple[Any, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
    (ConsentsRequest, "validation", TypeAdapter(ConsentsRequest)),
    (ConsentsAnswer, "serialization", TypeAdapter(ConsentsAnswer)),
    (OutcomesRequest, "validation", TypeAdapter(OutcomesRequest)),
    (OutcomesAnswer, "serialization", TypeAdapter(OutcomesAnswer)),
    (CheckRequest, "validation", TypeAdapter(CheckRequest)),
    (CheckAnswer, "serialization", TypeAdapter(CheckAnswer)),
    (CampaignsAnswer, "serialization", TypeAdapter(CampaignsAnswer)),
    (ApprovalRequest, "validation", TypeAdapter(ApprovalRequest)),
    (ApprovalAnswer, "serialization", TypeAdapter(ApprovalAnswer)),
    (MeasureRequest, "validation", TypeAdapter(MeasureRequest)),
    (JobDocument, "serialization", TypeAdapter(JobDocument)),
    (JobsAnswer, "serialization", TypeAdapter(JobsAnswer)),
]


def limit_care(components: Mapping[str, Any], settings: ServingSettings) -> None:
    """Write the limits of a server into its schemas."""
    for name, items in (
        ("ConsentsRequest", "consents"),
        ("OutcomesRequest", "outcomes"),
        ("CheckRequest", "decision_ids"),
    ):
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
        "/v1/decisions/check": {"post": _checking(settings)},
        "/v1/campaigns": {"get": _campaigns()},
        "/v1/campaigns/approve": {
            "post": _sending(
                "approve",
                "Approve the newest plan of a campaign",
                "What it sends may go out from then on. Who approves is the person whose key it is;"
                " without a key nobody can. An earlier plan, or another than the one that was looked"
                " at, is refused.",
                "ApprovalRequest",
                {"campaign_id": "spring", "digest": _PLAN["digest"]},
                "ApprovalAnswer",
                {
                    "campaign_id": "spring",
                    "plan_id": _PLAN["plan_id"],
                    "digest": _PLAN["digest"],
                    "approved_by": "Ana Lima",
                    "how": "key",
                    "key": "ana",
                    "approved_at": "2026-03-04T12:30:00+00:00",
                    "to_send": 776,
                },
                scopes=("care:approve",),
            )
        },
        "/v1/campaigns/measure": {
            "post": _sending(
                "measure",
                "Have a campaign measured",
                "Writes a job, which `holdfast work` does: the effect is then in `GET /v1/campaigns`,"
                " and on the campaign's page. Asked again before it has begun, it is the same job.",
                "MeasureRequest",
                {"campaign_id": "spring"},
                "JobDocument",
                _JOB,
                scopes=("care:read", "care:approve"),
            )
        },
        "/v1/jobs": {"get": _jobs()},
    }


def _checking(settings: ServingSettings) -> dict[str, Any]:
    return {
        "operationId": "check",
        "summary": "Ask whether messages may be sent at this moment",
        "description": (
            "To be asked just before a message is sent that was handed over: consent, quiet hours,"
            " cancels and halts may have changed since. Nothing is changed by asking. At most"
            f" {settings.max_items} decisions per request."
        ),
        "security": [{}, {"key": ["decisions"]}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": schema("CheckRequest"),
                    "example": {"decision_ids": [_DECISION]},
                }
            },
        },
        "responses": responses(
            "Whether each may be sent.",
            "CheckAnswer",
            _STATUSES,
            {
                "decisions": [
                    {
                        "decision_id": _DECISION,
                        "go": False,
                        "reasons": ["no_consent"],
                        "consent_revision": 3,
                    },
                ]
            },
        ),
    }


def _campaigns() -> dict[str, Any]:
    return {
        "operationId": "campaigns",
        "summary": "Show campaigns: plans, approvals, what is on its way, and what came of it",
        "description": "All that were ever planned, by name, or one. Nothing about customers.",
        "security": [{}, {"key": ["care:read"]}, {"key": ["care:approve"]}],
        "parameters": [
            {
                "name": "campaign_id",
                "in": "query",
                "description": "This one alone.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 64},
            }
        ],
        "responses": responses(
            "The campaigns.",
            "CampaignsAnswer",
            (401, 403, 409, 422, 429, 503),
            {
                "campaigns": [
                    {
                        "campaign_id": "spring",
                        "state": "planned",
                        "decisions": {"planned": 776, "withheld": 224},
                        "plan": _PLAN,
                        "rule": None,
                        "reported": {},
                        "measured": None,
                        "measured_at": None,
                    }
                ]
            },
        ),
    }


def _jobs() -> dict[str, Any]:
    return {
        "operationId": "jobs",
        "summary": "Show jobs",
        "description": "The newest hundred, the last one first, or one.",
        "security": [{}, {"key": ["care:read"]}, {"key": ["care:approve"]}],
        "parameters": [
            {
                "name": "job_id",
                "in": "query",
                "description": "This one alone.",
                "schema": {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"},
            }
        ],
        "responses": responses(
            "The jobs.", "JobsAnswer", (401, 403, 409, 422, 429, 503), {"jobs": [_JOB]}
        ),
    }


def _sending(
    name: str,
    summary: str,
    description: str,
    body: str,
    body_example: object,
    answer: str,
    answer_example: object,
    scopes: Sequence[str] = (),
) -> dict[str, Any]:
    """An operation that changes the ledger; its name is its scope's, unless that is given."""
    opened_by = [{"key": [scope]} for scope in scopes or (name,)]
    security: list[dict[str, list[str]]] = [{}, *opened_by]
    return {
        "operationId": name,
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
