import asyncio
import json
import logging
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.errors import InputError
from serving.contract.predictions import ProblemDocument
from serving.contract.problem import Problem, ProblemMiddleware

PATH = "/v1/customers/0042\nERROR forged"


def ask(app: ASGIApp, most_seconds: float = 5) -> tuple[int, dict[str, str], bytes]:
    """What the middleware answers over an application."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": PATH, "headers": []}
    asyncio.run(ProblemMiddleware(app, most_seconds)(scope, receive, send))
    if not sent:
        return 0, {}, b""
    start, *bodies = sent
    assert start["type"] == "http.response.start"
    assert {message["type"] for message in bodies} == {"http.response.body"}
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, b"".join(message["body"] for message in bodies)


def problem_of(app: ASGIApp, most_seconds: float = 5) -> tuple[dict[str, Any], dict[str, str]]:
    """The problem document that the middleware answers, checked against the contract."""
    status, headers, body = ask(app, most_seconds)
    assert headers["content-type"] == "application/problem+json"
    document = TypeAdapter(ProblemDocument).validate_json(body, strict=True, extra="forbid")
    assert document["status"] == status
    return json.loads(body), headers


def raising(error: BaseException) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return app


def test_a_good_answer_passes_untouched() -> None:
    status, headers, body = ask(PlainTextResponse("fine", 201, {"x-own": "1"}))
    assert (status, headers["x-own"], body) == (201, "1", b"fine")


def test_a_raised_problem_is_answered() -> None:
    document, headers = problem_of(
        raising(Problem(401, "No key.", headers={"WWW-Authenticate": "Bearer"}))
    )
    assert document == {
        "type": "/docs/reference/errors.md#unauthorized",
        "code": "unauthorized",
        "title": "Unauthorized",
        "status": 401,
        "detail": "No key.",
    }
    assert headers["www-authenticate"] == "Bearer"


def test_a_wrong_field_is_named_and_its_value_shortened() -> None:
    document, _ = problem_of(
        raising(
            Problem.from_input_error(InputError("rows[0].Tenure", "must be a number", "x" * 9999))
        )
    )
    assert document["status"] == 422
    (error,) = document["errors"]
    assert error["field"] == "rows[0].Tenure"
    assert error["detail"].startswith("must be a number (got 'xxx")
    assert document["detail"] == f"rows[0].Tenure: {error['detail']}"
    assert len(document["detail"]) < 120


@pytest.mark.parametrize("status", [400, 404, 405, 429, 500, 503])
def test_an_error_in_another_shape_becomes_a_problem(status: int) -> None:
    document, headers = problem_of(
        PlainTextResponse("secret inside", status, {"Allow": "POST", "x-own": "1"})
    )
    assert document["status"] == status
    assert "secret" not in json.dumps(document)
    assert headers["allow"] == "POST"
    assert "x-own" not in headers


def test_a_problem_that_is_answered_already_passes_untouched() -> None:
    own = Problem(413, "Too much.").response()
    assert ask(own)[2] == own.body


def test_a_crash_is_answered_without_internals_and_logged_without_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        document, _ = problem_of(raising(RuntimeError("Mrs Smith, 12 High Street")))
    assert document["status"] == 500
    for text in (json.dumps(document), caplog.text):
        assert "Smith" not in text
    assert "RuntimeError" in caplog.text
    assert caplog.messages[0].startswith("request None failed with RuntimeError at\n")
    assert "0042" not in caplog.text
    assert "forged" not in caplog.text


def test_a_crash_after_the_start_leaves_the_answer_broken_but_single() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(b"half")(scope, receive, send)
        raise RuntimeError

    assert ask(app)[::2] == (200, b"half")


def test_a_caller_who_left_gets_nothing_and_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(raising(ClientDisconnect())) == (0, {}, b"")
    assert not caplog.records


def test_what_takes_too_long_is_given_up() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(60)

    assert problem_of(app, most_seconds=0.01)[0]["status"] == 504
