"""What the OpenAPI document says of each route: the scopes that open it, and what may go wrong."""

from typing import Any

import pytest

from serving.access.scope import CARE, PREDICTIONS, KeyScope
from serving.contract.openapi import openapi
from serving.settings import ServingSettings

ROUTES = {
    "/v1/predictions": PREDICTIONS,
    "/v1/customers/view": PREDICTIONS,
    "/v1/scores": PREDICTIONS,
    "/v1/models": PREDICTIONS,
    "/v1/events": (KeyScope.EVENTS,),
    "/v1/consents": (KeyScope.CONSENTS,),
    "/v1/outcomes": (KeyScope.OUTCOMES,),
    "/v1/decisions/check": (KeyScope.DECISIONS,),
    "/v1/campaigns": CARE,
    "/v1/campaigns/approve": (KeyScope.CARE_APPROVE,),
    "/v1/campaigns/measure": CARE,
    "/v1/jobs": CARE,
}
CARE_CHANGES = (
    *("/v1/consents", "/v1/outcomes", "/v1/campaigns/approve", "/v1/campaigns/measure"),
)
CARE_ROUTES = (*CARE_CHANGES, "/v1/decisions/check", "/v1/campaigns", "/v1/jobs")


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """The one operation of each path."""
    paths = openapi(ServingSettings())["paths"]
    return {path: next(iter(methods.values())) for path, methods in paths.items()}


def test_each_route_names_the_scopes_that_open_it(operations: dict[str, Any]) -> None:
    assert operations.keys() == ROUTES.keys()
    for path, scopes in ROUTES.items():
        assert operations[path]["security"] == [{}, *({"key": [scope]} for scope in scopes)]


def test_each_route_may_refuse_for_too_many_requests(operations: dict[str, Any]) -> None:
    for operation in operations.values():
        assert {"401", "403", "429", "503"} <= operation["responses"].keys()


def test_what_only_one_route_answers_stands_there_alone(operations: dict[str, Any]) -> None:
    conflict = {
        path: one["responses"]["409"]["description"]
        for path, one in operations.items()
        if "409" in one["responses"]
    }
    assert conflict["/v1/scores"] == (
        "No night has reported the scores of an operator's customers in this home yet."
    )
    assert "takes no events" in conflict["/v1/events"]
    assert "No night" not in conflict["/v1/events"]
    for path, operation in operations.items():
        named = {one["name"] for one in operation.get("parameters", [])}
        changes = path in ("/v1/events", *CARE_CHANGES)
        assert ("Idempotency-Key" in named) == changes
        text = str(operation["responses"])
        assert ("Idempotency-Key" in text) == changes
        assert ("ledger" in text) == (path in CARE_ROUTES)
