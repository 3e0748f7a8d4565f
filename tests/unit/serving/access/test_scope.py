import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import Response

from holdfast.errors import InputError
from serving.access.caller import THIS_MACHINE, Caller, purpose, scoped, set_caller
from serving.access.guard import OPEN_PATHS
from serving.access.scope import PREDICTIONS, SCOPE_MEANINGS, KeyScope, purpose_of, read_scopes
from serving.contract.problem import Problem

NOTHING = Caller.of_key("nobody", frozenset())


def request_of(caller: Caller) -> Request:
    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    set_caller(scope, caller)
    return Request(scope)


async def answer(request: Request) -> Response:
    return Response(purpose(request))


def test_a_scope_fixes_the_purpose() -> None:
    assert purpose_of(read_scopes(["predictions:service"])) == "service"
    assert purpose_of(read_scopes(["predictions:marketing"])) == "marketing"
    assert purpose_of([]) is None
    assert THIS_MACHINE.purpose == "service"


@pytest.mark.parametrize(
    "names, rule",
    [
        ([], "at least once"),
        (["predictions"], "must be one of"),
        (["predictions:service", "predictions:marketing"], "one purpose"),
    ],
)
def test_scopes_that_fix_no_purpose_are_refused(names: list[str], rule: str) -> None:
    with pytest.raises(InputError, match=f"--scope.*{rule}"):
        read_scopes(names)


def test_a_route_lets_a_key_with_one_of_its_scopes_pass() -> None:
    route = scoped(answer, *PREDICTIONS)
    for scope in PREDICTIONS:
        caller = Caller.of_key("crm", frozenset({scope}))
        body = asyncio.run(route(request_of(caller))).body
        assert body == scope.value.partition(":")[2].encode()


def test_a_key_without_the_scope_is_told_which_it_needs() -> None:
    with pytest.raises(Problem) as refused:
        asyncio.run(scoped(answer, KeyScope.PREDICTIONS_SERVICE)(request_of(NOTHING)))
    assert refused.value.status == 403
    assert "nobody needs the scope `predictions:service`; it has none" in refused.value.detail
    assert refused.value.headers == {
        "WWW-Authenticate": 'Bearer error="insufficient_scope", scope="predictions:service"'
    }
    with pytest.raises(Problem, match="predictions:service"):
        purpose(request_of(NOTHING))


def test_every_scope_has_a_meaning() -> None:
    assert set(SCOPE_MEANINGS) == set(KeyScope)
    assert "/v1/predictions" not in OPEN_PATHS
